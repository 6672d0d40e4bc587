"""Receipts by e-mail at the customer's request, and reports of shifts to who keeps the books."""

import uuid
from collections.abc import Mapping

from accounts.models import AuthSession, User
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.rate_limits.policies import buckets_for_receipt_mail
from orders.models import Order, Receipt, Refund, Shift
from orders.notifications import send_mail
from orders.services.documents.document import Document
from orders.services.documents.refund_receipt import RefundReceipt, build_refund_receipt
from orders.services.documents.renderers.html import render_mail
from orders.services.documents.renderers.text import render_text
from orders.services.documents.sale_receipt import SaleReceipt, build_sale_receipt
from orders.services.documents.z_report import build_x_document, build_z_document
from tenants import idempotency
from tenants.events.delivery import Subscriber
from tenants.events.outbox import publish
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import atomic_with_retry

# The mails of receipts name the order, and the refund of a refund receipt.
RECEIPT_TOPIC, REPORT_TOPIC = "receipt.email", "report.email"


def email_receipt(order: Order, *, to: str, session: AuthSession, by: User) -> None:
    """Queue an e-mail with the receipt of a sale, within the rate limit of the session.

    The address is required with every request: an address stored with the order does not mean
    that the customer wants e-mail. Raises `NoReceipt` before the sale is completed.
    """
    order.receipt_number_and_time()
    if idempotency.is_resumed():
        return
    count_attempt(buckets_for_receipt_mail(session))
    _request_email(order.pk, to, by)


@atomic_with_retry
def _request_email(order: uuid.UUID, to: str, by: User) -> None:
    idempotency.save_key()
    # Fiscal texts are written under this lock, so that they are before the mail or refused.
    Receipt.objects.select_for_update(no_key=True).get(order=order)
    publish(RECEIPT_TOPIC, order=str(order), email=to, by=str(by.pk))


def email_refund_receipt(refund: Refund, *, to: str, session: AuthSession, by: User) -> None:
    """Queue an e-mail with the receipt of a refund, as `email_receipt` does.

    It shows no code of a store credit. Raises `NoRefundReceipt` before the refund is done.
    """
    refund.receipt_number_and_time()
    if idempotency.is_resumed():
        return
    count_attempt(buckets_for_receipt_mail(session))
    _request_refund_email(refund, to, by)


@atomic_with_retry
def _request_refund_email(refund: Refund, to: str, by: User) -> None:
    idempotency.save_key()
    Refund.objects.select_for_update(no_key=True).get(pk=refund.pk)
    order, pk = str(refund.order_id), str(refund.pk)
    publish(RECEIPT_TOPIC, order=order, refund=pk, email=to, by=str(by.pk))


def email_shift_report(shift: Shift, *, to: str, session: AuthSession, by: User) -> None:
    """Queue an e-mail with the Z report of a closed shift, or with the X report of then.

    It is limited like the mails of receipts.
    """
    count_attempt(buckets_for_receipt_mail(session))
    _request_report_email(shift, to, by)


@atomic_with_retry
def _request_report_email(shift: Shift, to: str, by: User) -> None:
    publish(REPORT_TOPIC, shift=str(shift.pk), email=to, by=str(by.pk))


def is_mail_requested(row: Receipt | Refund) -> bool:
    """Return whether a mail of the receipt was requested, as long as the event is kept."""
    is_refund = isinstance(row, Refund)
    # The time is in an index, and no receipt is mailed before it was issued.
    begun = row.created_at if isinstance(row, Refund) else row.issued_at
    mails = OutboxEvent.objects.filter(
        created_at__gte=begun, topic=RECEIPT_TOPIC, data__order=str(row.order_id)
    )
    which = {"data__refund": str(row.pk)} if is_refund else {"data__refund__isnull": True}
    return mails.filter(**which).exists()


class ReceiptMail(Subscriber):
    """Send receipts and reports as text and HTML. An e-mail does not count as a print."""

    name = "receipt_mail"
    topics = frozenset({RECEIPT_TOPIC, REPORT_TOPIC})
    # A failing address must not delay the e-mail to the corrected one.
    in_order = False

    def deliver(self, delivery: OutboxDelivery) -> None:
        data = delivery.event.data
        if not data["email"]:
            # Erased with its customer.
            return
        document, subject = build_mail(data)
        send_mail(
            delivery,
            to=[data["email"]],
            subject=subject,
            text=render_text(document),
            html=render_mail(document),
        )


def build_mail(data: Mapping[str, str]) -> tuple[Document, str]:
    """Return the document of an event, and the subject of its mail."""
    if "shift" in data:
        shift = Shift.objects.select_related("store", "register").get(pk=data["shift"])
        is_closed = shift.status == Shift.Status.CLOSED
        document = build_z_document(shift) if is_closed else build_x_document(shift)
        return document, f"{document.title}: {shift.register.name}, {shift.store.name}"
    receipt: SaleReceipt | RefundReceipt
    if "refund" in data:
        receipt = build_refund_receipt(Refund.objects.with_receipt().get(pk=data["refund"]))
    else:
        receipt = build_sale_receipt(Order.objects.with_receipt().get(pk=data["order"]))
    subject = receipt.labels("Your receipt from {shop}").format(shop=receipt.shop)
    return receipt.build_document(), subject

"""Receipts by e-mail, at the customer's request."""

import uuid

from accounts.models import AuthSession, User
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.rate_limits.policies import buckets_for_receipt_mail
from orders.models import Order, Receipt
from orders.notifications import send_mail
from orders.services.documents.renderers.html import render_mail
from orders.services.documents.renderers.text import render_text
from orders.services.documents.sale_receipt import build_sale_receipt
from tenants import idempotency
from tenants.events.delivery import Subscriber
from tenants.events.outbox import publish
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import atomic_with_retry


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
    publish("receipt.email", order=str(order), email=to, by=str(by.pk))


def is_mail_requested(receipt: Receipt) -> bool:
    """Return whether a mail of the receipt was requested, as long as the event is kept."""
    # The time is in an index, and no receipt is mailed before it was issued.
    since = OutboxEvent.objects.filter(created_at__gte=receipt.issued_at)
    return since.filter(topic="receipt.email", data__order=str(receipt.order_id)).exists()


class ReceiptMail(Subscriber):
    """Send the receipt as text and HTML. An e-mail does not count as a print."""

    name = "receipt_mail"
    topics = frozenset({"receipt.email"})
    # A failing address must not delay the e-mail to the corrected one.
    in_order = False

    def deliver(self, delivery: OutboxDelivery) -> None:
        data = delivery.event.data
        if not data["email"]:
            # Erased with its customer.
            return
        orders = Order.objects.with_receipt()
        receipt = build_sale_receipt(orders.get(pk=data["order"]))
        document = receipt.build_document()
        send_mail(
            delivery,
            to=[data["email"]],
            subject=receipt.labels("Your receipt from {shop}").format(shop=receipt.shop),
            text=render_text(document),
            html=render_mail(document),
        )

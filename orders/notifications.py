"""What leaves the shop after the deed is done: mail, and the log of sales.

The relay calls it, never a deed: what was rolled back is not told, and what did not arrive is
told again.
"""

import smtplib
from collections.abc import Sequence
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from accounts.models import Role, User
from orders.models import StockLevel
from tenants.api.formats import format_number
from tenants.events.delivery import PermanentFailure, Subscriber
from tenants.models import OutboxDelivery
from tenants.scope import current_tenant

sales_log = structlog.get_logger("till.sales")
# SMTP: this address will be refused tomorrow too.
PERMANENT_SMTP_ERRORS = range(500, 600)


class SalesLog(Subscriber):
    """One line for each sale, for whatever reads logs. `id` is the same if it comes twice."""

    name = "sales_log"
    topics = frozenset({"order.completed"})

    def deliver(self, delivery: OutboxDelivery) -> None:
        event = delivery.event
        facts = {
            "id": str(event.pk),
            "shop": current_tenant().slug,
            # What was sold offline brings its own time.
            "sold_at": event.created_at.isoformat(timespec="milliseconds"),
            **event.data,
        }
        sales_log.info("sale", **facts)


class LowStockMail(Subscriber):
    """Tells those who order goods when a product runs low, if it is still low by then."""

    name = "low_stock_mail"
    topics = frozenset({"stock.low"})
    in_order = False

    def deliver(self, delivery: OutboxDelivery) -> None:
        data = delivery.event.data
        level = (
            StockLevel.objects.select_related("store", "product")
            .filter(product=data["product"], store=data["store"])
            .first()
        )
        people = User.objects.active().filter(role__in=[Role.MANAGER, Role.ADMIN])
        addresses = list(people.exclude(email="").order_by("pk").values_list("email", flat=True))
        if level is None or not level.is_low or not addresses:
            return
        send_mail(
            delivery,
            to=addresses,
            subject=f"Low stock: {level.product.name} in {level.store.name}",
            text=format_low_stock_text(level),
        )


class WebhookDisabledMail(Subscriber):
    """Tells the admins that a server of theirs is told nothing any more, and why."""

    name = "webhook_disabled_mail"
    topics = frozenset({"webhook.disabled"})
    in_order = False

    def deliver(self, delivery: OutboxDelivery) -> None:
        data = delivery.event.data
        people = User.objects.active().admins().exclude(email="")
        addresses = list(people.order_by("pk").values_list("email", flat=True))
        if addresses:
            send_mail(
                delivery,
                to=addresses,
                subject=f"A webhook of {current_tenant().name} was switched off",
                text=f"{data['url']} is told nothing any more: "
                f"{DISABLED_REASONS[data['reason']]}.\n\n"
                "What it missed is kept for a while: switch it on again, have it told again, or "
                f"read the feed of changes.\n\n{current_tenant().name}\n",
            )


DISABLED_REASONS = {
    "gone": "it answered that it is gone (410)",
    "failing": "for days nothing that was sent there has arrived",
}


def format_low_stock_text(level: StockLevel) -> str:
    product, point = level.product, level.reorder_point
    return (
        f"{product.name} ({product.sku}) runs low in {level.store.name}: "
        f"{format_number(level.quantity)} left; "
        f"the reorder point is {format_number(point) if point is not None else 'not set'}.\n\n"
        f"{current_tenant().name}\n"
    )


def send_mail(
    delivery: OutboxDelivery, *, to: Sequence[str], subject: str, text: str, html: str = ""
) -> None:
    """One mail for one delivery: delivered again it bears the same id, by which it is known."""
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=to_single_line(subject),
        body=text,
        to=list(to),
        headers={
            "Message-ID": f"<{delivery.pk}@{sender.rpartition('@')[2] or 'localhost'}>",
            # Nobody's holiday notice is for a till.
            "Auto-Submitted": "auto-generated",
        },
    )
    if html:
        mail.attach_alternative(html, "text/html")
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        if all(code in PERMANENT_SMTP_ERRORS for code, _ in error.recipients.values()):
            raise PermanentFailure("The mail server refuses the address.") from error
        raise


def to_single_line(text: str) -> str:
    """A header is one line, whatever somebody has called their shop."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

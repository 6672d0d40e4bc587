"""Subscribers for outbox events: the sales log and notification e-mails.

The relay calls them after the transaction has committed and retries failed deliveries.
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
# SMTP status codes of permanent failures, which are not retried (RFC 5321, section 4.2.1).
PERMANENT_SMTP_ERRORS = range(500, 600)


class SalesLog(Subscriber):
    """Log one line for each sale. A repeated delivery has the same `id`."""

    name = "sales_log"
    topics = frozenset({"order.completed"})

    def deliver(self, delivery: OutboxDelivery) -> None:
        event = delivery.event
        facts = {
            "id": str(event.pk),
            "shop": current_tenant().slug,
            # The event of an offline sale has its own `sold_at`, which wins.
            "sold_at": event.created_at.isoformat(timespec="milliseconds"),
            **event.data,
        }
        sales_log.info("sale", **facts)


class LowStockMail(Subscriber):
    """E-mail managers and admins about a product that is still low in stock."""

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
    """E-mail the admins that a webhook was disabled, and why."""

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
                subject=f"A webhook of {current_tenant().name} was disabled",
                text=f"Till sends no more events to {data['url']}: "
                f"{DISABLED_REASONS[data['reason']]}.\n\n"
                "Missed events are kept for a while. Enable the webhook again and replay them, or "
                f"read the change feed.\n\n{current_tenant().name}\n",
            )


DISABLED_REASONS = {
    "gone": "the server answered 410 Gone",
    "failing": "all deliveries have failed for days",
}


def format_low_stock_text(level: StockLevel) -> str:
    product, point = level.product, level.reorder_point
    return (
        f"{product.name} ({product.sku}) is low in stock in {level.store.name}: "
        f"{format_number(level.quantity)} left; "
        f"the reorder point is {format_number(point) if point is not None else 'not set'}.\n\n"
        f"{current_tenant().name}\n"
    )


def send_mail(
    delivery: OutboxDelivery, *, to: Sequence[str], subject: str, text: str, html: str = ""
) -> None:
    """Send one e-mail. A repeated delivery has the same Message-ID, so that it is recognized."""
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=to_single_line(subject),
        body=text,
        to=list(to),
        headers={
            "Message-ID": f"<{delivery.pk}@{sender.rpartition('@')[2] or 'localhost'}>",
            # Keeps vacation responders from answering (RFC 3834).
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
    """Return the text as one line of printable characters, for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

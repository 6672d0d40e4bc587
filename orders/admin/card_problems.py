"""Dashboard panel: card payments and refunds that somebody has to look at, if there are any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.admin.tables import admin_list_url, admin_url
from accounts.admin_site.site import Panel, shop_site
from accounts.models import User
from orders.models import Payment, Refund
from orders.models.payment import IN_PROGRESS, READER_TIMEOUT
from orders.services.documents.document import format_money

MAX_SHOWN = 10
SHOWN_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CardProblem:
    """A kind of problem with the rows that have it, and what to do."""

    title: str
    advice: str
    rows: tuple[tuple[str, str, str], ...]
    more: int
    # The list of all rows.
    url: str


@shop_site.panel(position=5)
def card_problems_panel(user: User) -> Panel | None:
    """Build the panel of card payments and refunds without outcome, or that have failed."""
    problems = list(find_problems())
    return Panel("admin/shop/card_problems.html", {"problems": problems}) if problems else None


def find_problems() -> Iterator[CardProblem]:
    for title, advice, rows, url in (
        (
            "Payments without outcome",
            "It is not known yet whether the card was charged. Open the list, select the payments "
            "and choose \u201cLook up the outcome\u201d.",
            find_open_payments(),
            admin_list_url(Payment, status__exact=Payment.Status.UNKNOWN.value),
        ),
        (
            "Charged although the payment was canceled or declined",
            "Till could not return the money to the card yet. Return it at the provider, then look "
            "up the outcome.",
            find_late_captures(),
            admin_list_url(Payment, late_capture__exact=Payment.LateCapture.FAILED.value),
        ),
        (
            "Refunds that are not complete",
            "A card was declined, or its outcome is not known. Resolve the refund at a register.",
            find_pending_refunds(),
            admin_list_url(Refund, status__exact=Refund.Status.PENDING.value),
        ),
        (
            "Refunds that failed after they were completed",
            "The bank did not accept the money. Refund the order again, by another method.",
            find_failed_refunds(),
            admin_list_url(Refund, status__exact=Refund.Status.FAILED.value),
        ),
    ):
        if found := list(rows.select_related("order")[: MAX_SHOWN + 1]):
            more = len(found) > MAX_SHOWN and rows.count() - MAX_SHOWN
            shown = tuple(map(describe_row, found[:MAX_SHOWN]))
            yield CardProblem(title, advice, shown, int(more), url)


def describe_row(row: Payment | Refund) -> tuple[str, str, str]:
    """Return the link, the order and the amount."""
    amount = row.amount if isinstance(row, Payment) else row.total + row.cash_rounding
    return admin_url(row), str(row.order), format_money(amount)


def find_open_payments() -> QuerySet[Payment]:
    """Return payments with an unknown outcome, and pending ones whose reader had time enough."""
    begun = timezone.now() - READER_TIMEOUT
    underway = Payment.objects.filter(status__in=IN_PROGRESS, created_at__lte=begun)
    return underway.order_by("created_at", "pk")


def find_late_captures() -> QuerySet[Payment]:
    waiting = (Payment.LateCapture.RETURNING, Payment.LateCapture.FAILED)
    return Payment.objects.filter(late_capture__in=waiting).order_by("created_at", "pk")


def find_pending_refunds() -> QuerySet[Refund]:
    now = timezone.now()
    recent = Refund.objects.filter(
        status=Refund.Status.PENDING,
        created_at__gte=now - SHOWN_DAYS,
        created_at__lte=now - READER_TIMEOUT,
    )
    return recent.order_by("-created_at", "-pk")


def find_failed_refunds() -> QuerySet[Refund]:
    """Return reversed refunds whose order was not refunded again afterwards."""
    again: Any = Refund.objects.filter(
        order=OuterRef("order"), created_at__gt=OuterRef("reversed_at"), replaces__isnull=True
    )
    failed = Refund.objects.filter(reversed_at__gte=timezone.now() - SHOWN_DAYS)
    not_again = failed.exclude(Exists(again.exclude(status=Refund.Status.FAILED)))
    return not_again.order_by("-reversed_at", "-pk")

"""Payments of orders."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from orders.models.card_reader import CardReader
from orders.models.columns import money_column, round_sum
from orders.models.credit import mask_code
from orders.models.order import Order
from orders.models.shift import Shift
from tenants.models import TenantManager, TenantOwned, TenantQuerySet

# Age at which an open payment is looked up: by then the request to the gateway has ended.
LOOK_UP_DELAY = timedelta(minutes=2)

# Pause between look-ups while a card reader waits for the card.
READER_LOOK_UP_DELAY = timedelta(seconds=10)
# A card reader without an outcome for so long is canceled.
READER_TIMEOUT = timedelta(minutes=5)

# The outcome at the gateway is not known yet.
IN_PROGRESS = ("pending", "unknown")
M = TypeVar("M", bound=models.Model)


class GatewayQuerySet(TenantQuerySet[M]):
    """Payments or payouts that a gateway processes."""

    def due_for_look_up(self, now: datetime, *, max_look_ups: int) -> Self:
        """Filter by open outcomes that are due for a look-up, oldest first.

        Rows that were looked up `max_look_ups` times are left to people. Stand-alone readers are
        excluded because the gateway does not know their transactions.
        """
        underway = self.filter(status__in=IN_PROGRESS, method=Payment.Method.CARD).exclude(
            entry=Payment.Entry.EXTERNAL
        )
        never = Q(next_look_up_at__isnull=True, created_at__lte=now - LOOK_UP_DELAY)
        return underway.filter(
            never | Q(next_look_up_at__lte=now), look_ups__lt=max_look_ups
        ).order_by("created_at", "pk")


class PaymentQuerySet(GatewayQuerySet["Payment"]):
    def visible_to(self, user: User) -> Self:
        """Filter by the orders that the user may see."""
        if user.works_in_all_stores:
            return self
        return self.filter(order__in=Order.objects.visible_to(user))

    def open_at(self, reader: Any) -> Self:
        """Filter by charges of a card reader without outcome. There is at most one."""
        return self.filter(reader=reader, status__in=IN_PROGRESS, returned_at__isnull=True)

    def received(self) -> Self:
        """Filter payments whose money was received, even if returned before completion."""
        return self.filter(Q(status=Payment.Status.CAPTURED) | Q(returned_at__isnull=False))

    def with_reference(self, text: str) -> Self:
        """Filter by the reference of a payment, or by that of the gateway.

        Codes of store credits are money: they are not found here.
        """
        same = self.filter(Q(reference=text) | Q(gateway_reference=text))
        return same.exclude(method=Payment.Method.STORE_CREDIT)


class MoneyTransfer:
    """Properties that payments and payouts share."""

    method: Any
    entry: Any
    status: Any
    amount: Any
    reference: Any

    def __str__(self) -> str:
        return f"{self.method} {self.amount}"

    @property
    def is_by_gateway(self) -> bool:
        """Return whether the gateway processes it, in an order that was not made offline."""
        is_card: bool = self.method == Payment.Method.CARD
        return is_card and self.entry != Payment.Entry.EXTERNAL

    @property
    def is_in_progress(self) -> bool:
        """Return whether the outcome is not known yet."""
        return self.status in IN_PROGRESS

    @property
    def shown_reference(self) -> str:
        """Return the reference for display, with the code of a store credit masked."""
        text: str = self.reference
        is_code = self.method == Payment.Method.STORE_CREDIT and text
        return mask_code(text) if is_code else text


class Payment(MoneyTransfer, TenantOwned):
    """A payment of an order. Card payments are stored as `pending` before the gateway is called.

    `amount` settles the order, `tendered` is the cash received, `change` the difference.
    """

    class Method(models.TextChoices):
        CASH = "cash", "Cash"
        CARD = "card", "Card"
        VOUCHER = "voucher", "Voucher"
        STORE_CREDIT = "store_credit", "Store credit"
        OTHER = "other", "Other"

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        CAPTURED = "captured", "Captured"
        DECLINED = "declined", "Declined"
        UNKNOWN = "unknown", "Unknown"
        CANCELED = "canceled", "Canceled"

    class Entry(models.TextChoices):
        """How a card was charged."""

        GATEWAY = "gateway", "Payment gateway"
        EXTERNAL = "external", "Stand-alone reader"
        UNVERIFIED = "unverified", "Offline, not confirmed by the gateway"

    class LateCapture(models.TextChoices):
        """What was done with money that was captured after the payment was declined or canceled."""

        RETURNING = "returning", "Being returned"
        RETURNED = "returned", "Returned"
        FAILED = "failed", "Could not be returned"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    position = models.PositiveIntegerField()
    method = models.CharField(max_length=12, choices=Method)
    # Blank except for cards; also blank for cards older than this column, see `resolve_entry`.
    entry = models.CharField(max_length=10, choices=Entry, blank=True)
    status = models.CharField(max_length=8, choices=Status)
    amount = money_column()
    # Amount in the request, even if cash rounding settled another one; null means the rest.
    requested_amount = money_column(null=True)
    tendered = money_column(null=True)
    change = money_column(default=Decimal(0))
    # The shift that received it; null if none was open.
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="+")
    # When received money was paid back before the sale, and from the drawer of which shift,
    # which differs from `shift` if the order was held in between.
    returned_at = models.DateTimeField(null=True, blank=True)
    returned_in = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    taken_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Sum of pending and done refunds.
    refunded_total = money_column(default=Decimal(0))
    reference = models.CharField(max_length=100, blank=True)
    # Separate from `reference`, which must compare equal when the request is repeated.
    gateway_reference = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    # The card reader that charges it; null for the gateway of the installation.
    reader = models.ForeignKey(
        CardReader, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The database has the default for workers of the former version, which still run while the
    # migration is applied.
    late_capture = models.CharField(
        max_length=9, choices=LateCapture, blank=True, default="", db_default=""
    )
    # Number of look-ups by the relay, and the time of the next one.
    look_ups = models.PositiveSmallIntegerField(default=0)
    next_look_up_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(PaymentQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[Any]] = [
            # A negative amount is paid out for returned goods.
            models.CheckConstraint(
                condition=Q(amount__gte=0, change__gte=0)
                | Q(
                    amount__lt=0,
                    change=0,
                    tendered__isnull=True,
                    method__in=["cash", "store_credit"],
                    status="captured",
                ),
                name="payment_is_received_or_paid_out",
            ),
            models.CheckConstraint(
                condition=Q(tendered__isnull=True)
                | Q(tendered=round_sum(models.F("amount") + models.F("change"))),
                name="change_is_tendered_less_amount",
            ),
            models.CheckConstraint(
                condition=Q(refunded_total=0)
                | Q(refunded_total__gt=0, refunded_total__lte=models.F("amount")),
                name="refunds_do_not_exceed_the_payment",
            ),
            models.CheckConstraint(
                condition=Q(refunded_total=0) | Q(status="captured"),
                name="only_money_that_came_goes_back",
            ),
            models.UniqueConstraint(
                fields=["tenant", "reader"],
                condition=Q(status__in=IN_PROGRESS, returned_at__isnull=True, reader__isnull=False),
                name="reader_has_one_open_charge",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # For the relay, across all shops: the few rows with an open outcome.
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status__in=IN_PROGRESS),
                name="payment_underway",
            ),
            models.Index(
                fields=["tenant", "reference"],
                condition=~Q(reference=""),
                name="payment_reference",
            ),
            models.Index(
                fields=["tenant", "gateway_reference"],
                condition=~Q(gateway_reference=""),
                name="payment_gateway_reference",
            ),
            models.Index(
                fields=["next_look_up_at", "id"],
                condition=Q(late_capture__in=("returning", "failed")),
                name="payment_late_capture",
            ),
            models.Index(
                fields=["tenant", "returned_at"],
                condition=Q(returned_at__isnull=False),
                name="payment_returned_at",
            ),
            models.Index(
                fields=["tenant", "returned_in"],
                condition=Q(returned_in__isnull=False),
                name="payment_returned",
            ),
        ]

    def gateway_deadline(self, timeout: timedelta) -> datetime:
        """Return until when the gateway may still be processing it, one payment after another."""
        if self.is_at_reader:
            return self.created_at
        return self.created_at + timeout * (self.position + 2)

    @property
    def is_at_reader(self) -> bool:
        """Return whether the charge was sent to a card reader, which waits for the card."""
        return self.reader_id is not None and self.next_look_up_at is not None

    def has_timed_out(self, now: datetime) -> bool:
        """Return whether its card reader has had no outcome for too long."""
        return self.reader_id is not None and now >= self.created_at + READER_TIMEOUT

    def remaining_return_time(self, now: datetime) -> timedelta:
        """Return how long the gateway may still be processing its cancellation after the capture.

        Until then a look-up finds the money that is about to be returned. Zero if it is not being
        returned.
        """
        if self.returned_at is None or not self.is_in_progress:
            return timedelta(0)
        return max(self.returned_at + LOOK_UP_DELAY - now, timedelta(0))

    @property
    def is_captured(self) -> bool:
        return self.status == self.Status.CAPTURED

    def resolve_entry(self, order: Order) -> str:
        """Return how the card was charged; blank for other methods.

        Cards from before the column follow from their order, which the caller has loaded.
        """
        if self.entry or self.method != self.Method.CARD:
            return self.entry
        return self.Entry.UNVERIFIED if order.is_offline else self.Entry.GATEWAY

    @property
    def is_paid_out(self) -> bool:
        """Return whether it was paid to the customer, for returned goods."""
        return bool(self.amount < 0)

    @property
    def refundable_amount(self) -> Decimal:
        """Return the part of the amount that is not refunded."""
        left: Decimal = self.amount - self.refunded_total
        return left

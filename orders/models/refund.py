"""Refunds, their lines and payouts."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Prefetch, Q

from accounts.models import User
from orders.exceptions import NoRefundReceipt
from orders.models.card_reader import CardReader
from orders.models.columns import money_column, quantity_column
from orders.models.credit import may_print_codes
from orders.models.line import OrderLine
from orders.models.order import Order
from orders.models.payment import (
    IN_PROGRESS,
    READER_TIMEOUT,
    GatewayQuerySet,
    MoneyTransfer,
    Payment,
)
from orders.models.prints import Printed
from orders.models.receipt_profile import ReceiptProfile
from orders.models.shift import Shift
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet


class RefundQuerySet(TenantQuerySet["Refund"]):
    def visible_to(self, user: User) -> Self:
        """Filter by the orders that the user may see."""
        if user.works_in_all_stores:
            return self
        return self.filter(order__in=Order.objects.visible_to(user))

    def booked(self) -> Self:
        """Filter by refunds that were completed, also those that were reversed later."""
        return self.filter(receipt_number__isnull=False)

    def awaiting_shift(self, register: Register) -> Self:
        """Filter by reversed refunds of a register that had no shift to book the reversal in."""
        reversed_here = self.filter(register=register, reversed_at__isnull=False)
        return reversed_here.filter(reversed_in__isnull=True, shift__isnull=False)

    def with_details(self) -> Self:
        """Load everything in the API response with a fixed number of queries."""
        return self.prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payouts", to_attr="loaded_payouts"),
        )

    def with_receipt(self) -> Self:
        """Load everything on the receipt of a refund."""
        return self.select_related(
            "store__tenant", "register", "by", "order__register", "profile"
        ).prefetch_related(
            Prefetch("lines", RefundLine.objects.select_related("line"), to_attr="loaded_lines"),
            Prefetch("payouts", to_attr="loaded_payouts"),
        )


class Refund(Printed, TenantOwned):
    """A full or partial refund of an order, with a receipt of its own.

    `total` is at the prices and taxes of the sale; `cash_rounding` is added to it for coins. Like
    a payment it is stored as `pending` before the gateway is called.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    position = models.PositiveIntegerField()
    status = models.CharField(max_length=7, choices=Status, default=Status.PENDING)
    # Where the refund was made, which may differ from the place of the sale.
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="+")
    total = money_column()
    tax_total = money_column(default=Decimal(0))
    taxes = models.JSONField(default=list, blank=True)
    cash_rounding = money_column(default=Decimal(0))
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    approved_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    receipt_number = models.PositiveBigIntegerField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    # The version of the store's receipt profile that it was issued with.
    profile = models.ForeignKey(
        ReceiptProfile, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)
    # When a completed refund failed after all, for example at the bank. Its receipt stays; the
    # reversal counts from then on, in the shift `reversed_in`, or in the next one of its register.
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversed_in = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The reversed refund whose other payouts stay: they are those of this refund.
    replaces = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = TenantManager.from_queryset(RefundQuerySet)()  # type: ignore[assignment, misc]

    # Set by `with_details`.
    loaded_lines: list["RefundLine"]
    loaded_payouts: list["Payout"]
    # Issued store credit codes, set in the one response that shows them.
    issued_codes: list[dict[str, str]] | None = None

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "order", "position"], name="refund_position_is_unique"
            ),
            models.UniqueConstraint(
                fields=["tenant", "register", "receipt_number"],
                name="refund_receipt_number_is_unique",
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="refund_is_not_negative"),
            models.CheckConstraint(
                condition=Q(
                    status="done",
                    receipt_number__isnull=False,
                    completed_at__isnull=False,
                    reversed_at__isnull=True,
                )
                | Q(
                    status="failed",
                    receipt_number__isnull=False,
                    completed_at__isnull=False,
                    reversed_at__isnull=False,
                )
                | (~Q(status="done") & Q(receipt_number__isnull=True, reversed_at__isnull=True)),
                name="done_refund_has_a_receipt",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="refund_by_time"),
            models.Index(fields=["tenant", "total", "-created_at", "-id"], name="refund_by_total"),
            models.Index(
                fields=["tenant", "completed_at"],
                condition=Q(completed_at__isnull=False),
                name="refund_by_completion",
            ),
            models.Index(
                fields=["tenant", "reversed_at"],
                condition=Q(reversed_at__isnull=False),
                name="refund_by_reversal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total} of {self.order_id}"

    def receipt_number_and_time(self) -> tuple[int, datetime]:
        """Return receipt number and time of completion; raise `NoRefundReceipt` without one."""
        if self.receipt_number is None or self.completed_at is None:
            raise NoRefundReceipt(refund_status=self.status)
        return self.receipt_number, self.completed_at

    def gateway_deadline(self, timeout: timedelta) -> datetime:
        """Return until when the gateway may still be processing it, one card after another."""
        return self.created_at + timeout * (len(self.gateway_payouts) + 1)

    def may_show_codes_to(self, person: User, now: datetime) -> bool:
        """Return whether a print shows this user the full codes of credits it has issued."""
        return may_print_codes(person, self.by_id, self.completed_at, now)

    @property
    def amount_for_limits(self) -> Decimal:
        """Return what counts against limits: its total, or the cash paid where that is more."""
        amount: Decimal = self.total + max(self.cash_rounding, Decimal(0))
        return amount

    @property
    def gateway_payouts(self) -> list["Payout"]:
        """Return the payouts that the gateway processes."""
        return [each for each in self.loaded_payouts if each.is_by_gateway]


class RefundLine(TenantOwned):
    """A refunded quantity of an order line."""

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refund_lines")
    quantity = quantity_column()
    total = money_column()
    tax_total = money_column(default=Decimal(0))
    taxes = models.JSONField(default=list, blank=True)
    restock = models.BooleanField()

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(quantity__gte=0), name="refunded_quantity_is_not_negative"
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="refund_line_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.line_id}"

    @property
    def taxable_amounts(self) -> tuple[Decimal, ...]:
        """Return the refunded part of the amount of each tax; see `OrderLine.taxable_amounts`."""
        whole = max(self.total - self.tax_total, Decimal(0))
        return tuple(Decimal(tax.get("taxable", whole)) for tax in self.taxes)


class PayoutQuerySet(GatewayQuerySet["Payout"]):
    def open_at(self, reader: Any) -> Self:
        """Filter by payouts that may wait for a card at a reader. There is at most one.

        Once the gateway has a reference, the card was presented.
        """
        return self.filter(reader=reader, status__in=IN_PROGRESS, gateway_reference="")

    def paid_out(self) -> Self:
        """Filter by payouts that were done, also those of refunds that were reversed later."""
        return self.filter(Q(status=Payout.Status.DONE) | Q(refund__reversed_at__isnull=False))

    def outstanding(self) -> Self:
        """Filter by payouts of pending refunds that are not done."""
        return self.filter(refund__status=Refund.Status.PENDING).exclude(status=Payout.Status.DONE)


class Payout(MoneyTransfer, TenantOwned):
    """A part of a refund with one method. Its id is the idempotency key at the gateway."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        DECLINED = "declined", "Declined"
        UNKNOWN = "unknown", "Unknown"

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="payouts")
    # The refunded payment, even if the method of the payout differs. Null for what the customer had
    # paid with returned goods.
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="payouts"
    )
    method = models.CharField(max_length=12, choices=Payment.Method)
    # For cards, that of the payment; blank means gateway in rows older than this column.
    entry = models.CharField(max_length=10, choices=Payment.Entry, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    amount = money_column()
    # The money paid out: `amount`, rounded to coins for cash.
    paid = money_column()
    reference = models.CharField(max_length=100, blank=True)
    gateway_reference = models.CharField(max_length=100, blank=True)
    # The card reader at which the card has to be presented again, or may have to be.
    reader = models.ForeignKey(
        CardReader, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Number of look-ups by the relay, and the time of the next one.
    look_ups = models.PositiveSmallIntegerField(default=0)
    next_look_up_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(PayoutQuerySet)()  # type: ignore[assignment, misc]

    @property
    def card_payment(self) -> Payment:
        """Return the payment, which every payout to a card has. Raises `ValueError`."""
        if self.payment is None:
            raise ValueError("what was paid with returned goods has no payment")
        return self.payment

    @property
    def is_unanswered(self) -> bool:
        """Return whether the gateway has not answered yet, not even that it is processing it."""
        return self.status == self.Status.PENDING and self.next_look_up_at is None

    @property
    def is_at_reader(self) -> bool:
        """Return whether a card reader may wait for its card; see `PayoutQuerySet.open_at`."""
        return self.is_in_progress and self.reader_id is not None and not self.gateway_reference

    def has_timed_out(self, now: datetime) -> bool:
        """Return whether its card reader has waited for the card for too long."""
        return self.reader_id is not None and now >= self.created_at + READER_TIMEOUT

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            # The last payout of a sale may consist of nothing but cash rounding.
            models.CheckConstraint(
                condition=Q(amount__gt=0, paid__gte=0) | Q(amount=0, paid__gt=0),
                name="payout_is_something",
            ),
            models.UniqueConstraint(
                fields=["tenant", "reader"],
                condition=Q(status__in=IN_PROGRESS, gateway_reference="", reader__isnull=False),
                name="reader_has_one_open_refund",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # For the relay, across all shops: the few rows with an open outcome.
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status__in=IN_PROGRESS, method="card"),
                name="payout_underway",
            ),
        ]

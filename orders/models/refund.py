"""Money back, and what came back for it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Prefetch, Q

from accounts.models import User
from orders.models.columns import money_column, quantity_column
from orders.models.credit import mask_code
from orders.models.line import OrderLine
from orders.models.order import Order
from orders.models.payment import IN_PROGRESS, GatewayQuerySet, Payment
from orders.models.prints import Printed
from orders.models.shift import Shift
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet


class RefundQuerySet(TenantQuerySet["Refund"]):
    def visible_to(self, user: User) -> Self:
        """Those of the orders that somebody sees."""
        if user.works_in_all_stores:
            return self
        return self.filter(order__in=Order.objects.visible_to(user))

    def with_details(self) -> Self:
        """Load what the API shows, in a fixed number of queries."""
        return self.prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payouts", to_attr="loaded_payouts"),
        )

    def with_receipt(self) -> Self:
        """Load what its receipt says: lines with their names, and the sale."""
        return self.select_related(
            "store__tenant", "register", "by", "order__register"
        ).prefetch_related(
            Prefetch("lines", RefundLine.objects.select_related("line"), to_attr="loaded_lines"),
            Prefetch("payouts", to_attr="loaded_payouts"),
        )


class Refund(Printed, TenantOwned):
    """Part or all of a sale taken back, with a receipt of its own. Is never refunded itself.

    `total` is what was taken back, at the prices and taxes of the sale; `cash_rounding` what the
    coins added to that. Written before a gateway is asked, like a payment.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    position = models.PositiveIntegerField()
    status = models.CharField(max_length=7, choices=Status, default=Status.PENDING)
    # Where the money was given back, which need not be where it was taken.
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
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)

    objects = TenantManager.from_queryset(RefundQuerySet)()  # type: ignore[assignment, misc]

    # What `with_details` loads.
    loaded_lines: list["RefundLine"]
    loaded_payouts: list["Payout"]
    # The codes that it has issued, in the one answer that shows them.
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
                condition=Q(status="done", receipt_number__isnull=False, completed_at__isnull=False)
                | (~Q(status="done") & Q(receipt_number__isnull=True)),
                name="done_refund_has_a_receipt",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="refund_by_time"),
            models.Index(
                fields=["tenant", "completed_at"],
                condition=Q(completed_at__isnull=False),
                name="refund_by_completion",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total} of {self.order_id}"

    def gateway_deadline(self, timeout: timedelta) -> datetime:
        """Until then the gateway may be hearing of it, of one card after the other."""
        return self.created_at + timeout * (len(self.gateway_payouts) + 1)

    @property
    def amount_for_limits(self) -> Decimal:
        """Return what counts against limits: its total, or the cash paid where that is more."""
        amount: Decimal = self.total + max(self.cash_rounding, Decimal(0))
        return amount

    @property
    def gateway_payouts(self) -> list["Payout"]:
        """Its parts that a gateway gives back."""
        return [each for each in self.loaded_payouts if each.is_by_gateway]


class RefundLine(TenantOwned):
    """So much of one line, at what was paid for it."""

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
        """What of the base of each tax came back; before bases were kept it was one for all."""
        whole = max(self.total - self.tax_total, Decimal(0))
        return tuple(Decimal(tax.get("taxable", whole)) for tax in self.taxes)


class PayoutQuerySet(GatewayQuerySet["Payout"]):
    def outstanding(self) -> Self:
        """Of refunds that are not done: the gateway, or somebody at the till, has yet to act."""
        return self.filter(refund__status=Refund.Status.PENDING).exclude(status=Payout.Status.DONE)


class Payout(TenantOwned):
    """The part of a refund that goes back one way; the gateway's key is its own id."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        DECLINED = "declined", "Declined"
        UNKNOWN = "unknown", "Unknown"

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="payouts")
    # The payment whose money it is, also when it goes back another way.
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="payouts")
    method = models.CharField(max_length=12, choices=Payment.Method)
    # Of a card, that of its payment; blank means by the gateway in rows from before this column.
    entry = models.CharField(max_length=10, choices=Payment.Entry, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    amount = money_column()
    # What was handed over in coins, where the smallest one is larger than a minor unit.
    paid = money_column()
    reference = models.CharField(max_length=100, blank=True)
    gateway_reference = models.CharField(max_length=100, blank=True)
    # How often the relay has asked what became of it, and when it will again.
    look_ups = models.PositiveSmallIntegerField(default=0)
    next_look_up_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(PayoutQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            # With the last of a sale also goes back what only rounding to coins had brought.
            models.CheckConstraint(
                condition=Q(amount__gt=0, paid__gte=0) | Q(amount=0, paid__gt=0),
                name="payout_is_something",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # Of every shop, for the relay: those few of whose outcome nobody knows.
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status__in=IN_PROGRESS, method="card"),
                name="payout_underway",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.amount}"

    @property
    def is_by_gateway(self) -> bool:
        """Return whether the gateway gives it back, and not a person at the till."""
        return self.method == Payment.Method.CARD and self.entry != Payment.Entry.EXTERNAL

    @property
    def is_in_progress(self) -> bool:
        """Nobody knows yet whether the money has gone."""
        return self.status in IN_PROGRESS

    @property
    def shown_reference(self) -> str:
        """Return the reference as anybody may see it: the code of a store credit is masked."""
        is_code = self.method == Payment.Method.STORE_CREDIT and self.reference
        return mask_code(self.reference) if is_code else self.reference

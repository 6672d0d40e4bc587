"""What one customer takes to the till."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Prefetch, Q

from accounts.models import User, build_store_filter
from orders.exceptions import (
    IllegalTransition,
    NoReceipt,
    OrderBeingPaid,
    OrderEmpty,
    OrderIsPaid,
    OrderNotOpen,
    OrderStillDue,
)
from orders.models.columns import MAX_AMOUNT, money_column, round_sum
from orders.models.flags import Flag, SoldOffline
from orders.models.shift import Shift
from orders.models.status import TRANSITIONS, OrderStatus
from orders.money import CashRoundingRule
from tenants.email_addresses import EmailAddressField
from tenants.models import Register, Store, Tenant, TenantManager, TenantOwned, TenantQuerySet
from tenants.scope import current_tenant

if TYPE_CHECKING:
    from orders.models.line import OrderLine
    from orders.models.payment import Payment
    from orders.models.refund import Refund


class OrderQuerySet(TenantQuerySet["Order"]):
    def visible_to(self, user: User) -> Self:
        """Managers see the orders of all stores, cashiers those of the store they work at.

        See `in_stores_of`.
        """
        return self.filter(build_store_filter(user))

    def open(self) -> Self:
        return self.filter(status=Order.Status.OPEN)

    def sold(self) -> Self:
        """Sales, also those of which something came back later."""
        return self.filter(receipt_number__isnull=False)

    def with_flag(self, flag: Flag) -> Self:
        """Sales made offline about which this differs; the index has those with any flag."""
        return self.exclude(flags="").filter(flags__contains=f" {flag.value} ")

    def discounted(self, value: bool) -> Self:
        """Orders with a discount that took something, or those without."""
        return self.filter(discount_total__gt=0) if value else self.filter(discount_total=0)

    def price_overridden(self, value: bool) -> Self:
        """Orders with a line at another price than the catalog's, or those without."""
        return self.filter(price_overridden=value)

    def booked_late_in(self, shift: Shift) -> Self:
        """Sales of this shift that were made in others, or came while no drawer was open."""
        late = Q(flags__contains=f" {Flag.LATE.value} ")
        waited = Q(sold_at__isnull=False, completed_at__lt=shift.created_at)
        return self.filter(late | waited, shift=shift)

    def without_shift(self, register: Register) -> Self:
        """Sales that came when no drawer was open here, and wait for the next one."""
        return self.filter(register=register, shift=None, sold_at__isnull=False)

    def with_receipt(self) -> Self:
        """Load what a receipt says, in a fixed number of queries."""
        places = ("store__tenant", "register", "cashier", "receipt")
        return self.select_related(*places).prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payments", to_attr="loaded_payments"),
        )

    def with_details(self) -> Self:
        """Load what the API shows, in a fixed number of queries."""
        return self.prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payments", to_attr="loaded_payments"),
            Prefetch("refunds", to_attr="loaded_refunds"),
            Prefetch("loaded_refunds__lines", to_attr="loaded_lines"),
            Prefetch("loaded_refunds__payouts", to_attr="loaded_payouts"),
        )


class Order(SoldOffline):
    """What one customer takes to the till, from the first item to the receipt.

    The figures are those of `orders.money`, written down when the order changes.
    """

    Status = OrderStatus

    number = models.CharField(max_length=24)
    status = models.CharField(max_length=18, choices=Status, default=Status.OPEN)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # The drawer's time in which it was rung up, and once completed in which it was sold.
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="orders")
    cashier = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    customer_name = models.CharField(max_length=100, blank=True)
    customer_email = EmailAddressField(max_length=254, blank=True)
    note = models.TextField(max_length=500, blank=True)
    discounts = models.JSONField(default=list, blank=True)
    taxes = models.JSONField(default=list, blank=True)
    subtotal = money_column(default=Decimal(0))
    discount_total = money_column(default=Decimal(0))
    tax_total = money_column(default=Decimal(0))
    cash_rounding = money_column(default=Decimal(0))
    total = money_column(default=Decimal(0))
    paid_total = money_column(default=Decimal(0))
    change_total = money_column(default=Decimal(0))
    refunded_total = money_column(default=Decimal(0))
    receipt_number = models.PositiveBigIntegerField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)
    # The shop's rules at the time: later changes of them must not rewrite what was sold.
    tax_rounding_level = models.CharField(
        max_length=5, choices=Tenant.TaxRoundingLevel, default=Tenant.TaxRoundingLevel.LINE
    )
    tax_rounding_mode = models.CharField(
        max_length=9, choices=Tenant.TaxRoundingMode, default=Tenant.TaxRoundingMode.HALF_UP
    )
    # A line has another price than the catalog's; kept here so that a list finds it.
    price_overridden = models.BooleanField(default=False, editable=False)
    # The money that may be given away with an approval, and who approved it; null without one.
    approved_gift = money_column(null=True, blank=True, editable=False)
    gift_approved_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    # Of the request that made it: the same id with other content is another order.
    fingerprint = models.CharField(max_length=64, editable=False)

    objects = TenantManager.from_queryset(OrderQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "number"], name="order_number_is_unique"),
            models.UniqueConstraint(
                fields=["tenant", "register", "device_sequence"],
                condition=Q(device_sequence__isnull=False, sequence_taken=False),
                name="device_sequence_is_unique",
            ),
            models.UniqueConstraint(
                fields=["tenant", "register", "receipt_number"], name="receipt_number_is_unique"
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_is_not_negative"),
            # SQLite keeps what has more digits than a column and cannot read it again.
            models.CheckConstraint(
                condition=Q(change_total__gte=0, change_total__lt=MAX_AMOUNT)
                & Q(paid_total__lt=MAX_AMOUNT),
                name="order_sums_can_be_kept",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["open", "held", "voided"], receipt_number__isnull=True)
                | Q(
                    status__in=["completed", "partially_refunded", "refunded"],
                    receipt_number__isnull=False,
                    paid_total=round_sum(models.F("total") + models.F("cash_rounding")),
                ),
                name="completed_order_is_paid_and_has_a_receipt",
            ),
            models.CheckConstraint(
                condition=Q(refunded_total__gte=0) & Q(refunded_total__lte=models.F("paid_total")),
                name="refunds_do_not_exceed_payments",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="order_by_time"),
            models.Index(fields=["tenant", "updated_at", "id"], name="order_updated"),
            models.Index(
                fields=["tenant", "completed_at"],
                condition=Q(completed_at__isnull=False),
                name="order_by_sale",
            ),
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                condition=~Q(flags=""),
                name="order_flagged",
            ),
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                condition=Q(discount_total__gt=0),
                name="order_discounted",
            ),
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                condition=Q(price_overridden=True),
                name="order_price_overridden",
            ),
            models.Index(
                fields=["tenant", "register"],
                condition=Q(shift=None, sold_at__isnull=False),
                name="order_unbooked",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def cash_due(self, rule: CashRoundingRule) -> Decimal:
        """What is due when all of it is paid in cash."""
        return rule.payable(max(self.due, Decimal(0)), self.total)

    def reset_cash_rounding(self) -> None:
        """Undo the rounding of cash that was to settle the order; what is left is rounded when it
        is paid.

        Cash in coins may be more than the total once another payment was declined or canceled:
        that much stays as rounding.
        """
        self.cash_rounding = max(self.paid_total - self.total, Decimal(0))

    # What `with_details` loads, or what was just written.
    loaded_lines: list["OrderLine"]
    loaded_payments: list["Payment"]
    loaded_refunds: list["Refund"]

    @property
    def due(self) -> Decimal:
        due: Decimal = self.total + self.cash_rounding - self.paid_total
        return due

    def complete(self, receipt_number: int, at: datetime) -> None:
        """Become a sale: everything is paid, and the receipt has its number."""
        self.ensure_open()
        if self.due != 0:
            raise OrderStillDue(number=self.number, due=current_tenant().quantize_amount(self.due))
        self.transition_to(self.Status.COMPLETED)
        self.receipt_number = receipt_number
        self.completed_at = at

    def transition_to(self, status: OrderStatus) -> None:
        """Take the next step, if there is such a way; see TRANSITIONS."""
        if status not in TRANSITIONS[OrderStatus(self.status)]:
            raise IllegalTransition(
                number=self.number, from_status=self.status, to_status=status.value
            )
        self.status = status

    def void(self, reason: str, at: datetime) -> None:
        """End it without a sale: nothing is paid, nothing has left the shelves."""
        self.ensure_no_payment_in_progress()
        if self.paid_total:
            paid = current_tenant().quantize_amount(self.paid_total)
            raise OrderIsPaid(number=self.number, paid=paid)
        self.transition_to(self.Status.VOIDED)
        self.void_reason, self.voided_at = reason, at

    def ensure_no_payment_in_progress(self) -> None:
        """Nobody changes what somebody is paying for at this moment."""
        if any(payment.is_in_progress for payment in self.loaded_payments):
            raise OrderBeingPaid(number=self.number)

    def ensure_editable(self) -> None:
        self.ensure_open()
        self.ensure_no_payment_in_progress()

    def ensure_refundable(self) -> None:
        if OrderStatus.REFUNDED not in TRANSITIONS[OrderStatus(self.status)]:
            raise IllegalTransition(
                number=self.number, from_status=self.status, to_status="refunded"
            )

    def status_after_refund(self) -> OrderStatus:
        """Refunded once all money has gone back and, of what was free, all goods."""
        lines = self.loaded_lines
        if not any(line.refunded_total or line.refunded_quantity for line in lines):
            return OrderStatus.COMPLETED
        whole = all(
            line.refunded_total == line.total if line.total else line.is_fully_returned
            for line in lines
        )
        return OrderStatus.REFUNDED if whole else OrderStatus.PARTIALLY_REFUNDED

    def may_be_voided_by(self, user: User) -> bool:
        """Managers void any order, and everybody an empty one of their own."""
        return user.may_void() or (not self.loaded_lines and self.cashier_id == user.pk)

    def receipt_number_and_time(self) -> tuple[int, datetime]:
        """The number of the receipt and the time of the sale."""
        if self.receipt_number is None or self.completed_at is None:
            raise NoReceipt(number=self.number)
        return self.receipt_number, self.completed_at

    def ensure_payable(self) -> None:
        self.ensure_open()
        if not self.loaded_lines:
            raise OrderEmpty(number=self.number)

    def ensure_open(self) -> None:
        if self.status != self.Status.OPEN:
            raise OrderNotOpen(number=self.number, order_status=self.status)

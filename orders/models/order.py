"""Orders and their status transitions."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Prefetch, Q

from accounts.models import Role, User, build_store_filter
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
from orders.models.customer import MAX_TAX_NUMBER_LENGTH, Customer
from orders.models.flags import Flag, SoldOffline
from orders.models.shift import Shift
from orders.models.status import TRANSITIONS, OrderStatus
from orders.money import CashRoundingRule
from tenants.email_addresses import EmailAddressField
from tenants.exceptions import FieldError, Invalid, NotPermitted
from tenants.models import (
    ExternalReference,
    Register,
    Store,
    Tenant,
    TenantManager,
    TenantOwned,
    TenantQuerySet,
)
from tenants.scope import current_tenant

if TYPE_CHECKING:
    from orders.models.line import OrderLine
    from orders.models.payment import Payment
    from orders.models.refund import Refund


def format_order_number(register: int, number: int) -> str:
    """Return the number of an order: that of its register, and a sequence at the register."""
    return f"{register}-{number:06d}"


class OrderQuerySet(TenantQuerySet["Order"]):
    def visible_to(self, user: User) -> Self:
        """Filter by the stores in which the user works."""
        return self.filter(build_store_filter(user))

    def has_external_id(self, external_id: str | None, order: UUID) -> bool:
        """Return whether another order than this one has the external ID."""
        if external_id is None:
            return False
        return self.filter(external_id=external_id).exclude(pk=order).exists()

    def open(self) -> Self:
        return self.filter(status=Order.Status.OPEN)

    def sold(self) -> Self:
        """Filter by completed orders, refunded ones included."""
        return self.filter(receipt_number__isnull=False)

    def with_flag(self, flag: Flag) -> Self:
        """Filter by a flag, using the partial index of flagged orders."""
        return self.exclude(flags="").filter(flags__contains=f" {flag.value} ")

    def discounted(self, value: bool) -> Self:
        """Filter by whether a discount was deducted."""
        return self.filter(discount_total__gt=0) if value else self.filter(discount_total=0)

    def price_overridden(self, value: bool) -> Self:
        """Filter by whether a line has a price override."""
        return self.filter(price_overridden=value)

    def of_customer(self, text: str) -> Self:
        """Filter by a part of the customer's name or e-mail address, in any case.

        Uses the partial index of orders with a customer.
        """
        named = Q(customer_name__icontains=text) | Q(customer_email__icontains=text)
        return self.filter(WITH_CUSTOMER, named)

    def of_specific_customer(self, text: str) -> Self:
        """Filter by a part of the customer's name, or by the whole e-mail address, in any case.

        A part of an address, such as a provider, would find many people.
        """
        named = Q(customer_email__iexact=text) if "@" in text else Q(customer_name__icontains=text)
        return self.filter(WITH_CUSTOMER, named)

    def booked_late_in(self, shift: Shift) -> Self:
        """Filter by offline sales of this shift that were made before it."""
        late = Q(flags__contains=f" {Flag.LATE.value} ")
        waited = Q(sold_at__isnull=False, completed_at__lt=shift.created_at)
        return self.filter(late | waited, shift=shift)

    def without_shift(self, register: Register) -> Self:
        """Filter by offline sales that wait for the next shift of the register."""
        return self.filter(register=register, shift=None, sold_at__isnull=False)

    def with_receipt(self) -> Self:
        """Load everything on a receipt with a fixed number of queries."""
        places = ("store__tenant", "register", "cashier", "receipt__profile")
        return self.select_related(*places).prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payments", to_attr="loaded_payments"),
        )

    def with_details(self) -> Self:
        """Load everything in the API response with a fixed number of queries."""
        return self.prefetch_related(
            Prefetch("lines", to_attr="loaded_lines"),
            Prefetch("payments", to_attr="loaded_payments"),
            Prefetch("refunds", to_attr="loaded_refunds"),
            Prefetch("loaded_refunds__lines", to_attr="loaded_lines"),
            Prefetch("loaded_refunds__payouts", to_attr="loaded_payouts"),
        )


WITH_CUSTOMER = ~Q(customer_name="", customer_email="")


class Order(ExternalReference, SoldOffline):
    """A sale from the first item to the receipt.

    Its amounts are computed by `orders.money` and stored whenever the order changes.
    """

    Status = OrderStatus

    number = models.CharField(max_length=24)
    status = models.CharField(max_length=18, choices=Status, default=Status.OPEN)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # The shift in which it was opened, and later the one in which it was completed.
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="orders")
    cashier = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # Copied from the customer until the order is completed, or entered without one.
    customer_name = models.CharField(max_length=100, blank=True)
    customer_email = EmailAddressField(max_length=254, blank=True)
    customer_tax_number = models.CharField(
        max_length=MAX_TAX_NUMBER_LENGTH, blank=True, default="", db_default=""
    )
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
    # What the customer gets for returned lines, such as empties; a part of the total.
    deposit_return_total = money_column(default=Decimal(0), db_default=Decimal(0))
    # The user for whose limits it counts: who took them, or who approved it.
    deposit_return_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    # When they were last added, because an order may stay open for several shifts.
    deposit_return_at = models.DateTimeField(null=True, blank=True, editable=False)
    receipt_number = models.PositiveBigIntegerField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)
    # Snapshot of the shop's rules: later changes must not change past sales.
    tax_rounding_level = models.CharField(
        max_length=5, choices=Tenant.TaxRoundingLevel, default=Tenant.TaxRoundingLevel.LINE
    )
    tax_rounding_mode = models.CharField(
        max_length=9, choices=Tenant.TaxRoundingMode, default=Tenant.TaxRoundingMode.HALF_UP
    )
    # Whether a line has a price override; stored for the filter and its index.
    price_overridden = models.BooleanField(default=False, editable=False)
    # The approved total discount and its approver; null without an approval.
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
    # Digest of the request: the same id with other content is a conflict.
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
            # An index of the rows with a value: most orders have none.
            models.UniqueConstraint(
                fields=["tenant", "external_id"],
                condition=Q(external_id__isnull=False),
                name="order_external_id_is_unique",
            ),
            models.CheckConstraint(
                condition=Q(deposit_return_total__gte=0)
                & Q(total__gte=-models.F("deposit_return_total")),
                name="order_total_is_negative_by_returns_only",
            ),
            # SQLite stores more digits than the column has and then fails to read them.
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
                # Cash rounding may pay out a coin more than the returned goods are worth.
                condition=Q(refunded_total=0)
                | Q(
                    refunded_total__gt=0,
                    refunded_total__lte=round_sum(
                        models.F("paid_total") + models.F("deposit_return_total")
                    ),
                ),
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
                fields=["tenant", "-created_at", "-id"],
                condition=WITH_CUSTOMER,
                name="order_with_customer",
            ),
            models.Index(
                fields=["tenant", "status", "-created_at", "-id"],
                condition=Q(status__in=["open", "held"]),
                name="order_unfinished",
            ),
            models.Index(fields=["tenant", "total", "-created_at", "-id"], name="order_by_total"),
            models.Index(
                fields=["tenant", "cashier", "-created_at", "-id"], name="order_by_cashier"
            ),
            models.Index(
                fields=["tenant", "customer_email"],
                condition=~Q(customer_email=""),
                name="order_by_email",
            ),
            models.Index(
                fields=["tenant", "customer", "-created_at", "-id"],
                condition=Q(customer__isnull=False),
                name="order_by_customer",
            ),
            models.Index(
                fields=["tenant", "deposit_return_by", "deposit_return_at"],
                condition=Q(deposit_return_total__gt=0),
                name="order_with_returns",
            ),
            models.Index(
                fields=["tenant", "register"],
                condition=Q(shift=None, sold_at__isnull=False),
                name="order_unbooked",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def set_customer(self, customer: Customer | None) -> None:
        """Set or remove the customer, with copies of what the order shows; saves nothing."""
        shown = customer if customer and not customer.is_erased else None
        self.customer = customer
        self.customer_name = shown.name if shown else ""
        self.customer_email = shown.email if shown else ""
        self.customer_tax_number = shown.tax_number if shown else ""

    def cash_due(self, rule: CashRoundingRule) -> Decimal:
        """Return the amount due in cash, rounded to coins."""
        return rule.payable(self.due, Decimal(self.total))

    def reset_cash_rounding(self) -> None:
        """Remove the cash rounding; the rest is rounded again when it is paid.

        Cash in coins may exceed the total after another payment was declined or canceled: that
        difference stays as rounding.
        """
        self.cash_rounding = max(self.paid_total - max(self.total, Decimal(0)), Decimal(0))

    # Set by `with_details`, or by the service that has just written them.
    loaded_lines: list["OrderLine"]
    loaded_payments: list["Payment"]
    # Codes of store credits made for returned goods, set in the one response that shows them.
    issued_codes: list[dict[str, str]] | None = None
    loaded_refunds: list["Refund"]

    @property
    def due(self) -> Decimal:
        due: Decimal = self.total + self.cash_rounding - self.paid_total
        return due

    @property
    def is_closed(self) -> bool:
        """Return whether the order is completed or voided."""
        return self.status not in {self.Status.OPEN, self.Status.HELD}

    @property
    def is_settled(self) -> bool:
        """Return whether the order is completed and paid, and nothing was refunded or declined.

        Everything that changes such an order, with its payments and refunds, changes its version.
        """
        return (
            self.status == self.Status.COMPLETED
            and not self.loaded_refunds
            and all(payment.is_captured for payment in self.loaded_payments)
        )

    def complete(self, receipt_number: int, at: datetime) -> None:
        """Complete the order. Raise `OrderStillDue` unless it is fully paid."""
        self.ensure_open()
        if self.due != 0:
            raise OrderStillDue(number=self.number, due=current_tenant().quantize_amount(self.due))
        self.transition_to(self.Status.COMPLETED)
        self.receipt_number = receipt_number
        self.completed_at = at

    def transition_to(self, status: OrderStatus) -> None:
        """Change the status; raise `IllegalTransition` unless TRANSITIONS has it."""
        if status not in TRANSITIONS[OrderStatus(self.status)]:
            raise IllegalTransition(
                number=self.number, from_status=self.status, to_status=status.value
            )
        self.status = status

    def void(self, reason: str, at: datetime) -> None:
        """Void the order; raise `OrderIsPaid` if anything is paid."""
        self.ensure_no_payment_in_progress()
        if self.paid_total:
            paid = current_tenant().quantize_amount(self.paid_total)
            raise OrderIsPaid(number=self.number, paid=paid)
        self.transition_to(self.Status.VOIDED)
        self.void_reason, self.voided_at = reason, at

    def ensure_no_payment_in_progress(self) -> None:
        """Raise `OrderBeingPaid` if the outcome of a payment is open."""
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

    @property
    def sold_lines(self) -> list["OrderLine"]:
        """Return the lines that can be refunded: all but returned goods."""
        return [line for line in self.loaded_lines if not line.is_returned]

    @property
    def returned_left(self) -> Decimal:
        """Return what a refund may pay beyond the payments.

        The customer has paid for goods with returned ones. What was paid out for these is left out.
        """
        paid_out = sum(
            (each.amount for each in self.loaded_payments if each.is_captured and each.amount < 0),
            Decimal(0),
        )
        refunded = sum(
            (
                payout.paid
                for refund in self.loaded_refunds
                if refund.status != "failed"
                for payout in refund.loaded_payouts
                if payout.payment_id is None
            ),
            Decimal(0),
        )
        left: Decimal = max(self.deposit_return_total + paid_out - refunded, Decimal(0))
        return left

    def list_deposits(self, line: "OrderLine") -> list["OrderLine"]:
        """Return the deposits of a line."""
        return [each for each in self.loaded_lines if each.deposit_for_id == line.pk]

    def status_after_refund(self) -> OrderStatus:
        """Return `refunded` if all amounts, and all units of free lines, are refunded."""
        lines = self.sold_lines
        if not any(line.refunded_total or line.refunded_quantity for line in lines):
            return OrderStatus.COMPLETED
        whole = all(
            line.refunded_total == line.total if line.total else line.is_fully_returned
            for line in lines
        )
        return OrderStatus.REFUNDED if whole else OrderStatus.PARTIALLY_REFUNDED

    def ensure_reference_changeable(self, user: User) -> None:
        """Raise `NotPermitted` unless the user may change external ID and metadata.

        No receipt contains them, so that other systems set them in any status. Until the order is
        completed or voided everybody may, then managers and service keys.
        """
        if self.is_closed and not (user.is_service or user.is_at_least(Role.MANAGER)):
            raise NotPermitted

    def may_be_voided_by(self, user: User) -> bool:
        """Return whether the user may void it: managers any, others their own empty one."""
        return user.may_void() or (not self.loaded_lines and self.cashier_id == user.pk)

    def receipt_number_and_time(self) -> tuple[int, datetime]:
        """Return receipt number and time of completion; raise `NoReceipt` without one."""
        if self.receipt_number is None or self.completed_at is None:
            raise NoReceipt(number=self.number)
        return self.receipt_number, self.completed_at

    def ensure_payable(self) -> None:
        self.ensure_open()
        if not self.loaded_lines:
            raise OrderEmpty(number=self.number)
        ensure_modifiers_chosen(self.loaded_lines)

    def ensure_open(self) -> None:
        if self.status != self.Status.OPEN:
            raise OrderNotOpen(number=self.number, order_status=self.status)


def ensure_modifiers_chosen(lines: Iterable["OrderLine"]) -> None:
    """Raise `Invalid` for lines without all required modifiers; no such order can be paid."""
    errors = [
        FieldError(
            f"lines[{position}].modifiers",
            "required",
            f"{line.name}: choose at least {missing['min']} of {missing['name']}.",
        )
        for position, line in enumerate(lines)
        for missing in line.missing_modifiers or ()
    ]
    if errors:
        raise Invalid(errors=tuple(errors))

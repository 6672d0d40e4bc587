"""Order lines."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.db import models
from django.db.models import Q

from orders.exceptions import DepositLine
from orders.models.catalog import Product, SoldByUnitOrWeight
from orders.models.columns import money_column, quantity_column
from orders.models.order import Order
from tenants.exceptions import Invalid
from tenants.models import TenantOwned

# Longer than a barcode: codes of GS1 also contain batch and date.
MAX_SCANNED_LENGTH = 200
ZERO, ONE = Decimal(0), Decimal(1)
RETURNED_AT_ITS_PRICE = "Returned goods have their own price, without discounts."


class StockItem(NamedTuple):
    """A product that a line takes from stock, with its quantity for one unit of the line."""

    product: UUID
    sku: str
    name: str
    quantity: Decimal


class OrderLine(SoldByUnitOrWeight, TenantOwned):
    """A line of an order, with a snapshot of name, price and taxes of the product."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    # Null for an offline sale of a product that the catalog does not have.
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Snapshot: later changes of the catalog must not change past sales.
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    list_price = money_column()
    unit_price = money_column()
    # Typed at the register, also where it equals the list price.
    price_typed = models.BooleanField(default=False)
    quantity = quantity_column()
    note = models.CharField(max_length=200, blank=True)
    tracks_stock = models.BooleanField()
    open_price = models.BooleanField(default=False)
    sold_by = models.CharField(max_length=6, choices=Product.SoldBy, default=Product.SoldBy.UNIT)
    discounts = models.JSONField(default=list, blank=True)
    taxes = models.JSONField(default=list, blank=True)
    # As it was scanned or typed.
    scanned_code = models.CharField(
        max_length=MAX_SCANNED_LENGTH, blank=True, default="", db_default=""
    )
    # The price on a scale's label, which is the gross whatever the product costs.
    fixed_gross = money_column(null=True)
    # The line whose deposit this is. It follows that line: same quantity, removed and refunded with
    # it, no discounts, no stock.
    deposit_for = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    # Snapshots of the chosen modifiers, and of required lists of which too few are chosen. Null
    # without any.
    modifiers = models.JSONField(null=True)
    missing_modifiers = models.JSONField(null=True)
    # What a scanned GS1 code says.
    lot = models.CharField(max_length=20, blank=True, default="", db_default="")
    best_before = models.DateField(null=True)
    expires_on = models.DateField(null=True)
    serial = models.CharField(max_length=20, blank=True, default="", db_default="")
    gross = money_column()
    discount_total = money_column()
    net = money_column()
    tax_total = money_column()
    total = money_column()
    refunded_quantity = quantity_column(default=Decimal(0))
    refunded_total = money_column(default=Decimal(0))

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["position"]
        indexes: ClassVar[list[Any]] = [
            # Few lines are deposits, but each line that is removed is looked up.
            models.Index(
                fields=["tenant", "deposit_for"],
                condition=Q(deposit_for__isnull=False),
                name="line_deposits",
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            # A negative quantity is what the customer returned.
            models.CheckConstraint(
                condition=Q(quantity__gt=0, net__gte=0, total__gte=0)
                | Q(
                    quantity__lt=0,
                    gross__lte=0,
                    net__lte=0,
                    total__lte=0,
                    discount_total=0,
                    fixed_gross__isnull=True,
                    deposit_for__isnull=True,
                    tracks_stock=False,
                ),
                name="line_is_sold_or_returned",
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity=0)
                | Q(refunded_quantity__gt=0, refunded_quantity__lte=models.F("quantity")),
                name="refunded_quantity_was_sold",
            ),
            models.CheckConstraint(
                condition=Q(refunded_total=0)
                | Q(refunded_total__gt=0, refunded_total__lte=models.F("total")),
                name="refunded_total_was_sold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.name}"

    @property
    def applicable_price(self) -> Decimal:
        """Return the price from which discounts and overrides are measured."""
        price: Decimal = self.unit_price if self.open_price else self.list_price
        return price

    @property
    def has_price_override(self) -> bool:
        return bool(self.unit_price != self.applicable_price)

    def update_list_price(self, list_price: Decimal) -> None:
        """Set the list price, and the unit price with it unless it was typed.

        Lines from before `price_typed` was stored have a typed price where it differs.
        """
        if not (self.open_price or self.price_typed or self.has_price_override):
            self.unit_price = list_price
        self.list_price = list_price

    @property
    def chosen_modifiers(self) -> list[dict[str, Any]]:
        return self.modifiers or []

    @property
    def modifiers_price(self) -> Decimal:
        """Return what the modifiers add to the price of one unit."""
        parts = (Decimal(each["price"]) * each["quantity"] for each in self.chosen_modifiers)
        return sum(parts, ZERO)

    @property
    def modifiers_list_price(self) -> Decimal:
        """Return the catalog price of the modifiers, from which it is measured what was charged.

        Only uploads charge another one. That of an unknown modifier is the charged one.
        """
        return sum(
            (
                Decimal(each.get("list_price", each["price"])) * each["quantity"]
                for each in self.chosen_modifiers
            ),
            ZERO,
        )

    @property
    def stock_items(self) -> list["StockItem"]:
        """Return what one unit takes from stock: the product, and those of its modifiers."""
        items = []
        if self.tracks_stock and self.product_id:
            items.append(StockItem(self.product_id, self.sku, self.name, ONE))
        if self.modifiers:
            items += [
                StockItem(
                    UUID(each["product"]),
                    each["sku"],
                    # Lines from before it was stored have the modifier's.
                    each.get("product_name", each["name"]),
                    Decimal(each["quantity"]),
                )
                for each in self.modifiers
                if each["tracks_stock"]
            ]
        return items

    @property
    def is_deposit(self) -> bool:
        return self.deposit_for_id is not None

    @property
    def is_returned(self) -> bool:
        """Return whether the customer has brought it, for money."""
        return bool(self.quantity < 0)

    def ensure_no_deposit(self) -> None:
        """Raise `DepositLine` for a deposit, which changes only with its line."""
        if self.is_deposit:
            raise DepositLine(name=self.name)

    def ensure_changeable(self, fields: Collection[str]) -> None:
        """Raise an error for what a deposit, a returned or a labeled line has from elsewhere."""
        fixed = [name for name in ("quantity", "unit_price") if name in fields]
        if fixed or "modifiers" in fields:
            self.ensure_no_deposit()
        if self.is_returned and "unit_price" in fields:
            raise Invalid.field("unit_price", RETURNED_AT_ITS_PRICE, code="returned")
        if self.fixed_gross is not None and fixed:
            detail = "The label fixes it. Remove the line instead."
            raise Invalid.field(fixed[0], detail, code="fixed_by_label")

    def ensure_quantity_sign(self, quantity: Decimal) -> None:
        """Raise `Invalid` for a quantity that would turn a sale into a return, or the reverse."""
        if quantity > 0 and self.is_returned:
            detail = f"{self.name} is taken back. Enter a negative quantity."
            raise Invalid.field("quantity", detail, code="not_negative")
        if quantity < 0 and not self.is_returned:
            raise Invalid.field("quantity", "Must be greater than zero.", code="invalid")

    @property
    def refundable_total(self) -> Decimal:
        """Return the part of the total that is not refunded."""
        left: Decimal = self.total - self.refunded_total
        return left

    @property
    def taxable_amounts(self) -> tuple[Decimal, ...]:
        """Return the amount that each tax was charged on.

        Lines from before these amounts were stored have one amount for all of their taxes.
        """
        if all("taxable" in tax for tax in self.taxes):
            return tuple([Decimal(tax["taxable"]) for tax in self.taxes])
        included = (Decimal(tax["amount"]) for tax in self.taxes if tax["included"])
        whole = max(Decimal(self.net) - sum(included, Decimal(0)), Decimal(0))
        return tuple(Decimal(tax.get("taxable", whole)) for tax in self.taxes)

    @property
    def is_fully_returned(self) -> bool:
        return bool(self.refunded_quantity == self.quantity)

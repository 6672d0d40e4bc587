"""Factories of the catalog, stock, orders, payments, shifts and refunds."""

from decimal import Decimal
from typing import Any

import factory

from orders.models import (
    Barcode,
    CashMovement,
    Category,
    Order,
    OrderLine,
    Payment,
    Product,
    Refund,
    RegisterSeries,
    Shift,
    StockLevel,
    StockMovement,
    StoreCredit,
    StoreCreditEntry,
    TaxClass,
)
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import OwnedFactory, RegisterFactory, StoreFactory


def from_parent(name: str) -> Any:
    """Use the attribute of the parent factory."""
    return factory.SelfAttribute(f"..{name}")


class TaxClassFactory(OwnedFactory):
    """Create a tax class of 19 percent included in the price, or with `rates=[...]`."""

    class Meta:
        model = TaxClass

    name = factory.Sequence("Tax class {}".format)

    @factory.lazy_attribute
    def rates(self) -> list[dict[str, Any]]:
        return [{"name": "VAT", "percent": "19", "included": True, "compound": False}]


class CategoryFactory(OwnedFactory):
    class Meta:
        model = Category

    name = factory.Sequence("Category {}".format)


class ProductFactory(OwnedFactory):
    """Create a product for 2.50 with a category and tax class of the same shop."""

    class Meta:
        model = Product

    sku = factory.Sequence("SKU-{}".format)
    name = factory.Sequence("Product {}".format)
    price = Decimal("2.50")
    category = factory.SubFactory(CategoryFactory, tenant=from_parent("tenant"))
    tax_class = factory.SubFactory(TaxClassFactory, tenant=from_parent("tenant"))


class BarcodeFactory(OwnedFactory):
    class Meta:
        model = Barcode

    product = factory.SubFactory(ProductFactory)
    tenant = factory.SelfAttribute("product.tenant")
    code = factory.Sequence("40{:011d}".format)


class StockMovementFactory(OwnedFactory):
    class Meta:
        model = StockMovement

    product = factory.SubFactory(ProductFactory)
    tenant = factory.SelfAttribute("product.tenant")
    store = factory.SubFactory(StoreFactory, tenant=from_parent("tenant"))
    type = StockMovement.Type.RECEIVE
    quantity = Decimal(10)


class StockLevelFactory(OwnedFactory):
    """Create a stock level of 10 with its movement."""

    class Meta:
        model = StockLevel

    product = factory.SubFactory(ProductFactory)
    tenant = factory.SelfAttribute("product.tenant")
    store = factory.SubFactory(StoreFactory, tenant=from_parent("tenant"))
    quantity = Decimal(10)

    @factory.post_generation
    def movement(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and self.quantity:
            StockMovementFactory(
                product=self.product, store=self.store, quantity=self.quantity, **kwargs
            )


class OrderFactory(OwnedFactory):
    """Create an open order without lines; for a complete sale use `tests.support.till`."""

    class Meta:
        model = Order

    cashier = factory.SubFactory(UserFactory)
    tenant = factory.SelfAttribute("cashier.tenant")
    register = factory.SubFactory(RegisterFactory, tenant=from_parent("tenant"))
    store = factory.SelfAttribute("register.store")
    number = factory.Sequence("F-{:06d}".format)
    fingerprint = factory.Sequence("{:064x}".format)


class OrderLineFactory(OwnedFactory):
    """Create a line of two at list price without tax, and update the order totals."""

    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    tenant = factory.SelfAttribute("order.tenant")
    product = factory.SubFactory(ProductFactory, tenant=from_parent("tenant"))
    position = factory.Sequence(int)
    sku = factory.SelfAttribute("product.sku")
    name = factory.SelfAttribute("product.name")
    list_price = factory.SelfAttribute("product.price")
    unit_price = factory.SelfAttribute("product.price")
    tracks_stock = factory.SelfAttribute("product.track_stock")
    quantity = Decimal(2)
    discount_total = Decimal(0)
    tax_total = Decimal(0)
    gross = factory.LazyAttribute(lambda line: line.quantity * line.unit_price)
    net = factory.SelfAttribute("gross")
    total = factory.SelfAttribute("gross")

    @factory.post_generation
    def figures(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create:
            order = self.order
            order.subtotal += self.gross
            order.total += self.total
            with tenant_scope(order.tenant):
                order.save_changes("subtotal", "total")


class PaymentFactory(OwnedFactory):
    """Create a pending payment that the order totals do not include."""

    class Meta:
        model = Payment

    order = factory.SubFactory(OrderFactory)
    tenant = factory.SelfAttribute("order.tenant")
    position = factory.Sequence(int)
    method = Payment.Method.CARD
    status = Payment.Status.PENDING
    amount = Decimal("2.50")


class ShiftFactory(OwnedFactory):
    """Create an open shift with a float of 100.00."""

    class Meta:
        model = Shift

    opened_by = factory.SubFactory(UserFactory)
    tenant = factory.SelfAttribute("opened_by.tenant")
    register = factory.SubFactory(RegisterFactory, tenant=from_parent("tenant"))
    store = factory.SelfAttribute("register.store")
    opening_float = Decimal(100)

    @factory.post_generation
    def series(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Set the shift as the current one of its register."""
        if create:
            with tenant_scope(self.tenant):
                RegisterSeries.objects.update_or_create(
                    register=self.register, defaults={"shift": self}
                )


class CashMovementFactory(OwnedFactory):
    class Meta:
        model = CashMovement

    shift = factory.SubFactory(ShiftFactory)
    tenant = factory.SelfAttribute("shift.tenant")
    by = factory.SelfAttribute("shift.opened_by")
    type = CashMovement.Type.PAID_IN
    amount = Decimal(5)
    reason = "Coins"


class RefundFactory(OwnedFactory):
    """Create a pending refund without lines; for a complete refund use `tests.support.refunds`."""

    class Meta:
        model = Refund

    order = factory.SubFactory(OrderFactory)
    tenant = factory.SelfAttribute("order.tenant")
    position = factory.Sequence(int)
    register = factory.SelfAttribute("order.register")
    store = factory.SelfAttribute("order.store")
    by = factory.SelfAttribute("order.cashier")
    total = Decimal(1)
    reason = "Broken"


class StoreCreditFactory(OwnedFactory):
    """Create a gift card with a balance of 10.00."""

    class Meta:
        model = StoreCredit

    code = factory.Sequence("GIFT-{}".format)
    balance = Decimal(10)

    @factory.post_generation
    def entry(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and self.balance:
            StoreCreditEntryFactory(credit=self, amount=self.balance, **kwargs)


class StoreCreditEntryFactory(OwnedFactory):
    class Meta:
        model = StoreCreditEntry

    credit = factory.SubFactory(StoreCreditFactory)
    tenant = factory.SelfAttribute("credit.tenant")
    type = StoreCreditEntry.Type.ISSUE
    amount = Decimal(10)

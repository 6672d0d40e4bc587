"""A day of sales in a demo shop, made by the same services as any sale."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from accounts.models import Role, User
from orders.gateways import may_simulate_cards
from orders.management.demo.plan import DemoShop
from orders.management.demo.sales import FISCAL, TRADES, DemoSale, DemoTrade
from orders.management.ids import stable_id
from orders.models import CashMovement, Customer, Order, Payment, PaymentProvider, Receipt, Shift
from orders.services.card_readers import add_reader
from orders.services.documents.fiscal import write_fiscal_texts
from orders.services.payments.capture import take_payment
from orders.services.refunds.lines import RefundLineRequest
from orders.services.refunds.request import NewRefund, refund_order
from orders.services.sales.checkout import create_order
from orders.services.sales.draft import NewOrder
from orders.services.shifts.cash_drawer import NewCashMovement, NewShift, move_cash, open_shift
from orders.services.shifts.close import ShiftCount, close_shift
from orders.services.shifts.report import compute_expected_cash
from tenants.models import Register

FLOAT, DROP = Decimal("150.00"), Decimal("50.00")


def trade_demo_day(plan: DemoShop) -> None:
    """Open a shift at the second register, sell, refund, and close it with its Z report.

    The first register has no sales, for the first sale that the command prints.
    """
    cashier = User.objects.filter(role=Role.CASHIER).latest("pk")
    manager = User.objects.get(role=Role.MANAGER)
    register = Register.objects.select_related("store").order_by("number")[1]
    day = DemoDay(plan.slug, TRADES[plan.slug], register, cashier, manager)
    shift = day.open()
    today = timezone.now().astimezone(register.store.clock).date()
    sold = {sale.name: day.sell(sale) for sale in day.trade.list_sales(today)}
    if day.trade.signed:
        day.write_fiscal(sold[day.trade.signed])
    sale, sku = day.trade.refunded
    day.refund(sold[sale], sku)
    day.close(shift)


@dataclass(frozen=True, slots=True)
class DemoDay:
    """The register of the day, and who works there."""

    slug: str
    trade: DemoTrade
    register: Register
    cashier: User
    manager: User

    def build_id(self, *names: object) -> uuid.UUID:
        return stable_id("demo", self.slug, "day", *names)

    def open(self) -> Shift:
        """Open the shift, and connect a simulated reader if cards may be simulated."""
        if may_simulate_cards():
            provider = PaymentProvider.objects.get(kind=PaymentProvider.Kind.SIMULATOR)
            reader = {"name": "Simulated reader 2", "provider": provider, "register": self.register}
            add_reader(reader, by=self.manager)
        new = NewShift(self.build_id("shift"), self.register.pk, "", FLOAT)
        return open_shift(new, by=self.cashier)[0]

    def sell(self, sale: DemoSale) -> Order:
        """Create the order, and pay all of it."""
        new = NewOrder(
            id=self.build_id("order", sale.name),
            register=self.register.pk,
            fingerprint="",
            lines=tuple(sale.lines),
            customer=Customer.objects.get(name=sale.customer).pk if sale.customer else None,
        )
        order, _ = create_order(new, by=self.cashier)
        payment = sale.build_payment(self.build_id("payment", sale.name), order.due)
        return take_payment(order.pk, payment, by=self.cashier)[0]

    def write_fiscal(self, order: Order) -> None:
        """Write what a signing service would return, as an example."""
        receipt = Receipt.objects.select_related("register").get(order=order)
        write_fiscal_texts(receipt, FISCAL, at_register=None, by=self.manager)

    def refund(self, order: Order, sku: str) -> None:
        line = next(each for each in order.loaded_lines if each.sku == sku)
        new = NewRefund(
            id=self.build_id("refund"),
            fingerprint="",
            reason=self.trade.refund_reason,
            lines=(RefundLineRequest(line.pk, line.quantity, restock=False),),
        )
        refund_order(order.pk, new, by=self.manager)

    def close(self, shift: Shift) -> None:
        """Bring cash to the safe, count the drawer, and close the shift."""
        drop = NewCashMovement(
            self.build_id("drop"),
            CashMovement.Type.DROP,
            DROP,
            self.trade.drop_reason,
            fingerprint="",
        )
        move_cash(shift.pk, drop, by=self.cashier)
        counted = {Payment.Method.CASH.value: compute_expected_cash(shift)}
        close_shift(shift.pk, ShiftCount(counted), by=self.cashier)

"""A day of sales in a demo shop, made by the same services as any sale."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import Role, User
from orders.gateways import may_simulate_cards
from orders.management.demo.plan import DemoShop
from orders.management.ids import stable_id
from orders.models import CashMovement, Customer, Order, Payment, PaymentProvider, Receipt, Shift
from orders.services.card_readers import add_reader
from orders.services.documents.fiscal import FiscalTexts, write_fiscal_texts
from orders.services.payments.capture import take_payment
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import FROM_CODE, LineRequest
from orders.services.refunds.lines import RefundLineRequest
from orders.services.refunds.request import NewRefund, refund_order
from orders.services.sales.checkout import create_order
from orders.services.sales.draft import NewOrder
from orders.services.shifts.cash_drawer import NewCashMovement, NewShift, move_cash, open_shift
from orders.services.shifts.close import ShiftCount, close_shift
from orders.services.shifts.report import compute_expected_cash
from tenants.models import Register

FLOAT, DROP = Decimal("150.00"), Decimal("50.00")
# Labels of the scale: bananas of 0.845 kg, and cheese for 6.45.
WEIGHT_LABEL, PRICE_LABEL = "2000102008452", "2100106006451"
YOGURT = "09520010000070"
SHELF_LIFE = timedelta(days=9)
SLIP = "Terminalbeleg 0042"
FISCAL = FiscalTexts(
    lines=(
        "TSE-Transaktion: 1",
        "TSE-Seriennummer: Muster, keine Signatur",
        "Kassenbeleg-V1",
    ),
    qr="",
)


@dataclass(frozen=True, slots=True)
class DemoSale:
    """A sale, paid in cash unless a method or the slip of a stand-alone reader is given."""

    name: str
    lines: Sequence[LineRequest]
    tendered: str = ""
    slip: str = ""
    is_by_card: bool = False
    customer: str = ""

    def build_payment(self, id: uuid.UUID, due: Decimal) -> NewPayment:
        """Return the payment of all that is due."""
        if self.slip:
            entry = Payment.Entry.EXTERNAL.value
            return NewPayment("card", due, reference=self.slip, id=id, entry=entry)
        if self.is_by_card:
            return NewPayment("card", due, id=id)
        return NewPayment("cash", tendered=Decimal(self.tendered) if self.tendered else None, id=id)


def trade_demo_day(plan: DemoShop) -> None:
    """Open a shift at the second register, sell, refund, and close it with its Z report.

    The first register has no sales, for the first sale that the command prints.
    """
    cashier = User.objects.filter(role=Role.CASHIER).latest("pk")
    manager = User.objects.get(role=Role.MANAGER)
    register = Register.objects.select_related("store").order_by("number")[1]
    day = DemoDay(plan.slug, register, cashier, manager)
    shift = day.open()
    today = timezone.now().astimezone(register.store.clock).date()
    sold = {sale.name: day.sell(sale) for sale in list_sales(today)}
    day.write_fiscal(sold["breakfast"])
    day.refund(sold["breakfast"], sku="MO-003")
    day.close(shift)


def list_sales(today: date) -> list[DemoSale]:
    """Return the sales of the day in their order."""
    sales = [
        DemoSale(
            "breakfast",
            (sell("BR-001", 4), sell("MO-003"), sell("ZE-001")),
            tendered="10.00",
        ),
        DemoSale("coffee", (sell("VO-007"), sell("VO-008", 2), sell("HA-001")), slip=SLIP),
        DemoSale(
            "fruit", (scan(build_gs1_code(today), Decimal(1)), scan(WEIGHT_LABEL)), tendered="5.00"
        ),
        DemoSale("cheese", (scan(PRICE_LABEL), sell("GE-005")), tendered="20.00"),
        DemoSale("bottles", (sell("GE-004", 6), sell("GE-001", 2)), tendered="20.00"),
        DemoSale("empties", (sell("GE-002", 2), sell("PF-925", -8)), tendered="1.00"),
        DemoSale("regular", (sell("OB-006", 2), sell("BR-003")), customer="Paula Richter"),
    ]
    if may_simulate_cards():
        sales.append(DemoSale("household", (sell("HA-003"), sell("HA-005")), is_by_card=True))
    return sales


def sell(sku: str, quantity: int = 1) -> LineRequest:
    return LineRequest(sku=sku, quantity=Decimal(quantity))


def scan(code: str, quantity: Decimal = FROM_CODE) -> LineRequest:
    return LineRequest(barcode=code, quantity=quantity)


def build_gs1_code(today: date) -> str:
    """Return the code of a yogurt with its date of expiry and lot."""
    return f"(01){YOGURT}(17){today + SHELF_LIFE:%y%m%d}(10)J{today:%j}"


@dataclass(frozen=True, slots=True)
class DemoDay:
    """The register of the day, and who works there."""

    slug: str
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

    def refund(self, order: Order, *, sku: str) -> None:
        line = next(each for each in order.loaded_lines if each.sku == sku)
        new = NewRefund(
            id=self.build_id("refund"),
            fingerprint="",
            reason="Packung beschädigt",
            lines=(RefundLineRequest(line.pk, line.quantity, restock=False),),
        )
        refund_order(order.pk, new, by=self.manager)

    def close(self, shift: Shift) -> None:
        """Bring cash to the safe, count the drawer, and close the shift."""
        drop = NewCashMovement(
            self.build_id("drop"), CashMovement.Type.DROP, DROP, "Tresor", fingerprint=""
        )
        move_cash(shift.pk, drop, by=self.cashier)
        counted = {Payment.Method.CASH.value: compute_expected_cash(shift)}
        close_shift(shift.pk, ShiftCount(counted), by=self.cashier)

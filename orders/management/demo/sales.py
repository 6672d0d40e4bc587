"""The sales of a day in each demo shop."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from orders.gateways import may_simulate_cards
from orders.management.demo.shops import CORNER, HARBOR
from orders.models import ModifierList, Payment
from orders.services.documents.fiscal import FiscalTexts
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import FROM_CODE, LineRequest
from orders.services.pricing.modifiers import ModifierRequest

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


@dataclass(frozen=True, slots=True)
class DemoTrade:
    """What happens in a shop on its day. `refunded` is a sale and the SKU that comes back."""

    list_sales: Callable[[date], list[DemoSale]]
    refunded: tuple[str, str]
    refund_reason: str
    drop_reason: str
    # The sale that has example texts of a signing service.
    signed: str = ""


def list_corner_sales(today: date) -> list[DemoSale]:
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


def scan(code: str, quantity: Decimal = FROM_CODE) -> LineRequest:
    return LineRequest(barcode=code, quantity=quantity)


def build_gs1_code(today: date) -> str:
    """Return the code of a yogurt with its date of expiry and lot."""
    return f"(01){YOGURT}(17){today + SHELF_LIFE:%y%m%d}(10)J{today:%j}"


def list_harbor_sales(today: date) -> list[DemoSale]:
    """Return sales with modifiers, two taxes, deposits, and totals that coins cannot pay."""
    sales = [
        DemoSale("latte", (sell("COF-05", choices=["16 oz", "Oat milk"]), sell("BAK-01"))),
        DemoSale(
            "picnic",
            (sell("BAK-06"), weigh("DEL-04", "0.310"), sell("DRI-02", 2)),
            tendered="40.00",
        ),
        DemoSale("souvenirs", (sell("GIF-01"), sell("GIF-10-M-NAVY")), slip="Slip 0117"),
        DemoSale("office", (sell("PAN-01", 2), sell("PAN-05")), customer="Pacific Kayaks Inc."),
        DemoSale("containers", (sell("DRI-01"), sell("DEP-91", -3)), tendered="5.00"),
    ]
    if may_simulate_cards():
        sales.append(DemoSale("lunch", (sell("KIT-04"), sell("COF-01")), is_by_card=True))
    return sales


def sell(sku: str, quantity: int = 1, choices: Sequence[str] = ()) -> LineRequest:
    return LineRequest(sku=sku, quantity=Decimal(quantity), modifiers=find_modifiers(choices))


def find_modifiers(names: Sequence[str]) -> tuple[ModifierRequest, ...]:
    """Return the modifiers with these names, from whichever lists."""
    ids = {
        each.name: each.pk
        for modifier_list in (ModifierList.objects.with_modifiers() if names else ())
        for each in modifier_list.loaded_modifiers
    }
    return tuple(ModifierRequest(ids[name]) for name in names)


def weigh(sku: str, quantity: str) -> LineRequest:
    return LineRequest(sku=sku, quantity=Decimal(quantity))


TRADES: Mapping[str, DemoTrade] = {
    CORNER.slug: DemoTrade(
        list_corner_sales,
        refunded=("breakfast", "MO-003"),
        refund_reason="Packung beschädigt",
        drop_reason="Tresor",
        signed="breakfast",
    ),
    HARBOR.slug: DemoTrade(
        list_harbor_sales,
        refunded=("picnic", "BAK-06"),
        refund_reason="Stale",
        drop_reason="Safe",
    ),
}

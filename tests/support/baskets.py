"""Sell real baskets in every way, in three stores with different time zones.

During the sales, the clocks in Europe are set back.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from typing import Any

import time_machine

from accounts.models import User
from orders.models import Category, Product
from tenants.models import Register, Store, Tenant
from tests.factories.accounts import UserFactory
from tests.factories.orders import CategoryFactory, TaxClassFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.bulk_products import add_products
from tests.support.gateway import DECLINED, ScriptedGateway
from tests.support.replay import DATA
from tests.support.shifts import cancel_first_payment, close_shift, fetch_shift_report, open_shift
from tests.support.till import Body, Till, card, cash, new_id
from tests.tools.replay_baskets.files import SoldBasket, read_articles, read_baskets

OPENING = datetime(2026, 10, 24, 1, 0, tzinfo=UTC)
BASKETS = 36
STEP = timedelta(minutes=45)
LATER = timedelta(hours=3)
COIN = Decimal("0.05")
CENT = Decimal("0.01")
STORES = {
    "343": ("Europe/Berlin", time(4)),
    "367": ("Asia/Kathmandu", time(0)),
    "406": ("Europe/London", time(6)),
}
RATES = (
    [],
    [{"name": "VAT", "percent": "19", "included": True, "compound": False}],
    [{"name": "VAT", "percent": "7", "included": False, "compound": False}],
    [
        {"name": "State", "percent": "8.875", "included": False, "compound": False},
        {"name": "City", "percent": "2", "included": False, "compound": True},
    ],
)
WAYS = ("cash", "card", "both", "voucher", "credit", "void", "regret", "hold", "declined")
REFUND_KINDS = ("line", "amount", "all", "waste", "credit", "elsewhere", None)


@dataclass
class Market:
    """The stores, users and results of a trading day."""

    shop: Tenant
    gateway: ScriptedGateway
    stores: dict[str, Store] = field(default_factory=dict)
    registers: dict[str, list[Register]] = field(default_factory=dict)
    people: list[User] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    zs: list[Body] = field(default_factory=list)

    def trade(self) -> None:
        self.set_up_shop()
        shifts = [(register, self.at(OPENING, register, open_shift)) for register in self.tills()]
        ways, kinds = cycle(WAYS), cycle(REFUND_KINDS)
        for number, basket in enumerate(read_baskets(DATA, BASKETS)):
            self.serve(OPENING + STEP * (number + 1), basket, number, next(ways), kinds)
        evening = OPENING + STEP * (BASKETS + 10)
        for register, shift in shifts:
            self.zs.append(self.at(evening, register, close_and_get_z, shift))

    def set_up_shop(self) -> None:
        classes = [TaxClassFactory(tenant=self.shop, rates=rates) for rates in RATES]
        categories = [CategoryFactory(tenant=self.shop) for _ in range(5)]
        self.add_catalog(classes, [*categories, None])
        for name, (zone, starts) in STORES.items():
            store = StoreFactory(
                tenant=self.shop, name=f"Store {name}", timezone=zone, day_starts_at=starts
            )
            self.stores[name] = store
            self.registers[name] = [
                RegisterFactory(
                    tenant=self.shop, store=store, number=len(self.stores) * 10 + number
                )
                for number in range(2)
            ]
        self.people = [UserFactory(tenant=self.shop, admin=True) for _ in range(3)]

    def add_catalog(self, classes: list[Any], categories: list[Category | None]) -> None:
        add_products(
            Product(
                sku=article.sku,
                name=f"={article.name}" if number % 7 == 0 else article.name,
                price=article.price,
                tax_class=classes[number % len(classes)],
                category=categories[number % len(categories)],
            )
            for number, article in enumerate(read_articles(DATA))
        )

    def tills(self) -> list[Register]:
        return [each for registers in self.registers.values() for each in registers]

    def at(self, moment: datetime, register: Register, action: Any, *args: Any, by: int = 0) -> Any:
        """Run an action at that time as a user who has just logged in."""
        with time_machine.travel(moment, tick=False):
            return action(Till(self.people[by % 3], register), *args)

    def serve(
        self, moment: datetime, basket: SoldBasket, number: int, way: str, kinds: Any
    ) -> None:
        register = self.registers[basket.store][number % 2]
        order = self.at(moment, register, self.sell, basket, way, by=number)
        if order["status"] != "completed":
            return
        self.orders.append(order["id"])
        kind = next(kinds) if Decimal(order["total"]) else None
        if kind:
            other = self.registers[basket.store][1 - number % 2]
            if kind == "elsewhere":
                other = self.registers["343" if basket.store != "343" else "406"][0]
            self.at(moment + LATER, other, self.refund_order, order, kind, by=number + 1)

    def sell(self, till: Till, basket: SoldBasket, way: str) -> Body:
        """Sell with the prices of the day; coupons are order discounts."""
        lines = [
            {
                "sku": line.sku,
                "quantity": str(line.quantity),
                "unit_price": str(line.unit_price),
                "discounts": discounts(line.discount),
            }
            for line in basket.lines
        ]
        coupons = discounts(sum((line.coupon for line in basket.lines), Decimal(0)))
        order = till.sold(*lines, discounts=coupons, payments=[])
        return order if order["status"] == "completed" else self.pay_order(till, order, way)

    def pay_order(self, till: Till, order: Body, way: str) -> Body:
        if way in {"void", "regret", "hold"}:
            return self.abandon(till, order, way)
        if way == "declined":
            self.gateway.answers = [DECLINED]
        due = Decimal(order["due"])
        for payment in self.build_first_payment(till, way, (due / 2).quantize(CENT), due):
            order = get_body(till.pay(order, payment))
        left = Decimal(order["due"])
        if left and order["status"] == "open":
            # After a voucher, coins may take no more off than for the whole order in cash.
            paid = Decimal(order["cash_due"])
            order = get_body(till.pay(order, cash(str(paid), tendered=str(paid + 5))))
        assert order["status"] == "completed", order
        return order

    def abandon(self, till: Till, order: Body, way: str) -> Body:
        """Hold or void the order, in one case after a payment was canceled."""
        path = f"orders/{order['id']}"
        if way == "hold":
            return get_body(till.post(f"{path}/hold/"))
        if way == "regret":
            cancel_first_payment(till, get_body(till.pay(order, cash(str(COIN)))))
        return get_body(till.post(f"{path}/void/", {"reason": "Left"}))

    def build_first_payment(self, till: Till, way: str, part: Decimal, due: Decimal) -> list[Body]:
        if way == "card":
            return [card(str(due))]
        if way in {"both", "declined"}:
            return [card(str(part))]
        if way == "voucher":
            return [{"id": new_id(), "method": "voucher", "amount": str(part)}]
        if way == "credit":
            credit = get_body(till.post("store-credits/", {"id": new_id(), "amount": "500.00"}))
            reference = {"reference": credit["full_code"]}
            return [{"id": new_id(), "method": "store_credit", "amount": str(part), **reference}]
        return []

    def refund_order(self, till: Till, order: Body, kind: str) -> None:
        first = {"line": order["lines"][0]["id"], "quantity": order["lines"][0]["quantity"]}
        half = str((Decimal(order["total"]) / 2).quantize(CENT, ROUND_HALF_UP))
        bodies: dict[str, list[Body]] = {
            "line": [{"lines": [first]}],
            "amount": [{"amount": half}, {}],
            "all": [{}],
            "waste": [{"lines": [first | {"restock": False}]}],
            "credit": [{"amount": half, "method": "store_credit"}],
            "elsewhere": [{"amount": half}],
        }
        about = {"reason": "Back", "register": str(till.register.pk)}
        for body in bodies[kind]:
            path = f"orders/{order['id']}/refunds/"
            refund = get_body(till.post(path, {"id": new_id(), **about, **body}))
            assert refund["status"] == "done", refund
            self.refunds.append(refund["id"])


def discounts(amount: Decimal) -> list[Body]:
    return [{"type": "amount", "value": str(amount)}] if amount else []


def get_body(answer: Any) -> Body:
    assert answer.status_code in {200, 201}, answer.content
    body: Body = answer.json()
    return body


def close_and_get_z(till: Till, shift: Body) -> Body:
    """Close the shift with its expected cash and return the Z report. Only cash is counted,
    because card refunds of other drawers can make the card amount negative."""
    get_body(close_shift(till, shift, fetch_shift_report(till, shift)["cash"]["expected"]))
    return fetch_shift_report(till, shift, "z")

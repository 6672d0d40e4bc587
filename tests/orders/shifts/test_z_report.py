"""Two shifts of one drawer, played over HTTP, and every figure of their Z reports by hand."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from orders.models import Shift
from orders.services.shifts.report import build_report
from tenants.scope import tenant_scope
from tests.factories.orders import TaxClassFactory
from tests.support.gateway import DECLINED
from tests.support.refunds import create_refund
from tests.support.shifts import (
    build_opening,
    by_method,
    cancel_first_payment,
    close_shift,
    ensure_difference_explained,
    fetch_shift_report,
    hold_order,
    open_shift,
    record_movement,
)
from tests.support.till import card, cash, line, new_id, percent


def other(method, amount, **more):
    return {"id": new_id(), "method": method, "amount": amount, **more}


@pytest.fixture
def shelves(configure_shop, make_product, shop):
    """Bread at 2.49 with 7 % in it, wine at 12.34 with 19 %, a gift at 10.00 and 10 % on top."""
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))

    def taxed(price, name, percent, *, included):
        rate = {"name": name, "percent": percent, "included": included, "compound": False}
        return make_product(price, stock="50", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))

    return SimpleNamespace(
        bread=taxed("2.49", "Reduced", "7", included=True),
        wine=taxed("12.34", "Standard", "19", included=True),
        gift=taxed("10.00", "Luxury", "10", included=False),
    )


COINS = [
    {"value": "50.00", "count": 2},
    {"value": "10.00", "count": 3},
    {"value": "0.25", "count": 11},
]


def sell_in_all_ways(till, manager_client, shelves, gateway):
    """Cash, a card, both, vouchers and credit, the rest, and cash after a card was declined."""
    bread, wine = line(shelves.bread), line(shelves.wine)
    credit = manager_client.post("store-credits/", {"id": new_id(), "amount": "20.00"}).json()
    vouchers = [
        other("voucher", "5.00"),
        other("store_credit", "6.00", reference=credit["full_code"]),
    ]
    loaves = till.sold(line(shelves.bread, "3"), payments=[cash("7.45", tendered="20.00")])
    bottle = till.sold(wine, payments=[card("12.34")])
    both = till.sold(bread, wine, payments=[card("5.00"), cash("9.85", "10.00")])
    till.sold(line(shelves.gift), payments=vouchers)
    reduced = line(shelves.bread, discounts=[percent("10")])
    till.sold(reduced, payments=[other("other", "2.24")])
    gateway.answers = [DECLINED]
    declined = till.sold(bread, payments=[card("2.49")])
    assert till.pay(declined, cash("2.50")).json()["status"] == "completed"
    return loaves, bottle, both


def move_cash(till, manager_client, shift):
    record_movement(till, shift, "paid_in", "20.00")
    record_movement(manager_client, shift, "paid_out", "7.50")
    record_movement(till, shift, "drop", "100.00")
    for _ in range(2):
        record_movement(till, shift, "no_sale")


@pytest.fixture
def first(till, manager_client, shelves, gateway):
    """The first shift, until it is counted, with the orders that the second one goes on with."""
    shift = open_shift(till, "200.00")
    loaves, bottle, both = sell_in_all_ways(till, manager_client, shelves, gateway)
    dropped = till.sold(line(shelves.wine), payments=[cash("2.00")])
    cancel_first_payment(manager_client, dropped)
    manager_client.post(f"orders/{dropped['id']}/void/", {"reason": "Left"})
    deposit = hold_order(till, till.sold(line(shelves.wine), payments=[card("1.00"), cash("2.00")]))
    regretted = hold_order(till, till.sold(line(shelves.bread), payments=[cash("1.00")]))
    loaf = [{"line": loaves["lines"][0]["id"], "quantity": "1"}]
    assert create_refund(manager_client, loaves, lines=loaf)["payouts"][0]["paid"] == "2.50"
    create_refund(manager_client, bottle)
    move_cash(till, manager_client, shift)
    return SimpleNamespace(shift=shift, both=both, deposit=deposit, regretted=regretted)


def closed(till, shift):
    counted = [{"method": "voucher", "amount": "5.00"}]
    answer = close_shift(till, shift, counted=counted, denominations=COINS)
    assert answer.status_code == 200, answer.content
    return fetch_shift_report(till, shift, "z")


def test_every_figure_of_a_day(till, manager_client, first):
    x = fetch_shift_report(manager_client, first.shift)
    z = closed(till, first.shift)

    # Sold for 7.47, 12.34, 14.83, 11.00, 2.24 and 2.49, of which coins made 0.02 less, as much
    # more, and 0.01 more.
    assert z["sales"] == {
        "count": 6,
        "subtotal": "49.62",
        "discount_total": "0.25",
        "tax_total": "5.90",
        "cash_rounding": "0.01",
        "total": "50.37",
    }
    # A loaf, for which 2.50 were handed over, and the bottle.
    assert z["refunds"] == {
        "count": 2,
        "tax_total": "2.13",
        "cash_rounding": "0.01",
        "total": "14.83",
    }
    taxes = [(tax["name"], tax["percent"], tax["taxable"], tax["amount"]) for tax in z["taxes"]]
    assert taxes == [
        ("Luxury", "10", "10.00", "1.00"),
        ("Reduced", "7", "11.40", "0.80"),
        ("Standard", "19", "10.37", "1.97"),
    ]
    # The deposit of 3.00 and the 1.00 that somebody will want back.
    assert z["carried"] == {"open_orders": 2, "paid_ahead": "4.00", "paid_before": "0.00"}
    figures = ("method", "count", "amount", "canceled", "refunded")
    assert [tuple(way[name] for name in figures) for way in z["payments"]] == [
        ("card", 3, "18.34", "0.00", "12.34"),
        ("cash", 6, "24.80", "2.00", "2.50"),
        ("other", 1, "2.24", "0.00", "0.00"),
        ("store_credit", 1, "6.00", "0.00", "0.00"),
        ("voucher", 1, "5.00", "0.00", "0.00"),
    ]
    assert z["cash"] == {
        "opening_float": "200.00",
        "payments": "24.80",
        "canceled": "2.00",
        "refunds": "2.50",
        "paid_in": "20.00",
        "paid_out": "7.50",
        "drops": "100.00",
        "no_sales": 2,
        "expected": "132.80",
    }
    assert by_method(z["counted"], "expected") == {
        "card": Decimal("6.00"),
        "cash": Decimal("132.80"),
        "other": Decimal("2.24"),
        "store_credit": Decimal("6.00"),
        "voucher": Decimal("5.00"),
    }
    differences = {each["method"]: each["difference"] for each in z["counted"]}
    assert differences == dict.fromkeys(differences, "0.00") | {"cash": "-0.05"}
    assert (z["denominations"], z["z_number"]) == (COINS, 1)
    # What was seen before the count is what was written after it.
    assert x == {name: z[name] for name in x}
    ensure_difference_explained(z)


def test_what_moves_on_is_in_the_next_shift_and_leaves_the_first_as_it_was(
    till, manager_client, first, shop
):
    z = closed(till, first.shift)
    second = till.post("shifts/", build_opening(till)).json()
    assert second["opening_float"] == "132.75"

    till.post(f"orders/{first.deposit['id']}/resume/", {})
    sold = till.pay(first.deposit, cash("9.35", "10.00")).json()
    cancel_first_payment(manager_client, first.regretted)
    manager_client.post(f"orders/{first.regretted['id']}/void/", {"reason": "Went home"})
    back = create_refund(manager_client, first.both)
    close_shift(manager_client, second, "130.00")

    assert (sold["status"], sold["shift"]) == ("completed", second["id"])
    later = fetch_shift_report(till, second, "z")
    ensure_is_the_second(later, {each["method"]: each["paid"] for each in back["payouts"]})
    ensure_difference_explained(later)
    ensure_stays(z, till, first.shift, shop)


def ensure_is_the_second(z, paid_back):
    assert (z["z_number"], z["sales"]["total"], z["sales"]["cash_rounding"]) == (2, "12.34", "0.01")
    assert z["carried"] == {"open_orders": 0, "paid_ahead": "-1.00", "paid_before": "3.00"}
    figures = ("amount", "canceled", "refunded")
    ways = {way["method"]: tuple(way[name] for name in figures) for way in z["payments"]}
    assert ways == {
        "card": ("0.00", "0.00", paid_back["card"]),
        "cash": ("9.35", "1.00", paid_back["cash"]),
    }
    expected = Decimal("132.75") + Decimal("9.35") - Decimal("1.00") - Decimal(paid_back["cash"])
    assert Decimal(z["cash"]["expected"]) == expected
    # A bottle sold, a bottle taken back.
    (standard,) = (tax for tax in z["taxes"] if tax["name"] == "Standard")
    assert (standard["taxable"], standard["amount"]) == ("0.00", "0.00")


def ensure_stays(z, person, shift, shop):
    """What was written, what is shown, and what the books would give today."""
    assert fetch_shift_report(person, shift, "z") == z
    x = fetch_shift_report(person, shift)
    assert x == {name: z[name] for name in x}
    with tenant_scope(shop):
        today = build_report(Shift.objects.get(pk=shift["id"]))
    today["carried"]["open_orders"] = z["carried"]["open_orders"]
    assert today == {name: z[name] for name in today}

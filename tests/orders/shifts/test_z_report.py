"""Two consecutive shifts over HTTP, and every amount of their Z reports calculated by hand."""

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


def payment_by(method, amount, **more):
    return {"id": new_id(), "method": method, "amount": amount, **more}


@pytest.fixture
def products(configure_shop, make_product, shop):
    """Return bread (2.49 incl. 7 %), wine (12.34 incl. 19 %) and a gift (10.00 plus 10 %)."""
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))

    def create_taxed(price, name, percent, *, included):
        rate = {"name": name, "percent": percent, "included": included, "compound": False}
        return make_product(price, stock="50", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))

    return SimpleNamespace(
        bread=create_taxed("2.49", "Reduced", "7", included=True),
        wine=create_taxed("12.34", "Standard", "19", included=True),
        gift=create_taxed("10.00", "Luxury", "10", included=False),
    )


COINS = [
    {"value": "50.00", "count": 2},
    {"value": "10.00", "count": 3},
    {"value": "0.25", "count": 11},
]


def sell_by_every_method(till, manager_client, products, gateway):
    """Sell by cash, card, both, vouchers and credit, other, and cash after a declined card."""
    bread, wine = line(products.bread), line(products.wine)
    credit = manager_client.post("store-credits/", {"id": new_id(), "amount": "20.00"}).json()
    vouchers = [
        payment_by("voucher", "5.00"),
        payment_by("store_credit", "6.00", reference=credit["full_code"]),
    ]
    loaves = till.sold(line(products.bread, "3"), payments=[cash("7.45", tendered="20.00")])
    bottle = till.sold(wine, payments=[card("12.34")])
    both = till.sold(bread, wine, payments=[card("5.00"), cash("9.85", "10.00")])
    till.sold(line(products.gift), payments=vouchers)
    reduced = line(products.bread, discounts=[percent("10")])
    till.sold(reduced, payments=[payment_by("other", "2.24")])
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
def first(till, manager_client, products, gateway):
    """Return the first shift before its count, and the orders that continue in the second."""
    shift = open_shift(till, "200.00")
    loaves, bottle, both = sell_by_every_method(till, manager_client, products, gateway)
    voided = till.sold(line(products.wine), payments=[cash("2.00")])
    cancel_first_payment(manager_client, voided)
    manager_client.post(f"orders/{voided['id']}/void/", {"reason": "Left"})
    deposit = hold_order(
        till, till.sold(line(products.wine), payments=[card("1.00"), cash("2.00")])
    )
    canceled_later = hold_order(till, till.sold(line(products.bread), payments=[cash("1.00")]))
    loaf = [{"line": loaves["lines"][0]["id"], "quantity": "1"}]
    assert create_refund(manager_client, loaves, lines=loaf)["payouts"][0]["paid"] == "2.50"
    create_refund(manager_client, bottle)
    move_cash(till, manager_client, shift)
    return SimpleNamespace(shift=shift, both=both, deposit=deposit, canceled_later=canceled_later)


def close(till, shift):
    counted = [{"method": "voucher", "amount": "5.00"}]
    answer = close_shift(till, shift, counted=counted, denominations=COINS)
    assert answer.status_code == 200, answer.content
    return fetch_shift_report(till, shift, "z")


def test_z_report_amounts_of_a_shift(till, manager_client, first):
    x = fetch_shift_report(manager_client, first.shift)
    z = close(till, first.shift)

    # Totals 7.47, 12.34, 14.83, 11.00, 2.24 and 2.49; cash rounding -0.02, +0.02 and +0.01.
    assert z["sales"] == {
        "count": 6,
        "subtotal": "49.62",
        "discount_total": "0.25",
        "tax_total": "5.90",
        "cash_rounding": "0.01",
        "total": "50.37",
    }
    # A loaf, paid out with 2.50, and the bottle.
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
    # The deposit of 3.00, and 1.00 that is canceled later.
    assert z["carried"] == {"open_orders": 2, "paid_ahead": "4.00", "paid_before": "0.00"}
    fields = ("method", "count", "amount", "canceled", "refunded")
    assert [tuple(each[name] for name in fields) for each in z["payments"]] == [
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
    # The X report before the count equals the Z report.
    assert x == {name: z[name] for name in x}
    ensure_difference_explained(z)


def test_open_orders_continue_in_the_next_shift_and_the_first_z_report_stays(
    till, manager_client, first, shop
):
    z = close(till, first.shift)
    second = till.post("shifts/", build_opening(till)).json()
    assert second["opening_float"] == "132.75"

    till.post(f"orders/{first.deposit['id']}/resume/", {})
    sold = till.pay(first.deposit, cash("9.35", "10.00")).json()
    cancel_first_payment(manager_client, first.canceled_later)
    manager_client.post(f"orders/{first.canceled_later['id']}/void/", {"reason": "Went home"})
    refund = create_refund(manager_client, first.both)
    close_shift(manager_client, second, "130.00")

    assert (sold["status"], sold["shift"]) == ("completed", second["id"])
    later = fetch_shift_report(till, second, "z")
    ensure_second_z_report(later, {each["method"]: each["paid"] for each in refund["payouts"]})
    ensure_difference_explained(later)
    ensure_unchanged(z, till, first.shift, shop)


def ensure_second_z_report(z, paid_back):
    assert (z["z_number"], z["sales"]["total"], z["sales"]["cash_rounding"]) == (2, "12.34", "0.01")
    assert z["carried"] == {"open_orders": 0, "paid_ahead": "-1.00", "paid_before": "3.00"}
    fields = ("amount", "canceled", "refunded")
    ways = {each["method"]: tuple(each[name] for name in fields) for each in z["payments"]}
    assert ways == {
        "card": ("0.00", "0.00", paid_back["card"]),
        "cash": ("9.35", "1.00", paid_back["cash"]),
    }
    expected = Decimal("132.75") + Decimal("9.35") - Decimal("1.00") - Decimal(paid_back["cash"])
    assert Decimal(z["cash"]["expected"]) == expected
    # One bottle sold and one refunded.
    (standard,) = (tax for tax in z["taxes"] if tax["name"] == "Standard")
    assert (standard["taxable"], standard["amount"]) == ("0.00", "0.00")


def ensure_unchanged(z, person, shift, shop):
    """Assert that stored, shown and recalculated report are the same."""
    assert fetch_shift_report(person, shift, "z") == z
    x = fetch_shift_report(person, shift)
    assert x == {name: z[name] for name in x}
    with tenant_scope(shop):
        recalculated = build_report(Shift.objects.get(pk=shift["id"]))
    recalculated["carried"]["open_orders"] = z["carried"]["open_orders"]
    assert recalculated == {name: z[name] for name in recalculated}

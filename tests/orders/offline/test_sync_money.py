"""Amounts of offline sales: the total is what the customer paid, and all documents agree."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from orders.money import allocate_difference
from tests.factories.orders import TaxClassFactory
from tests.support.api import Person
from tests.support.offline import (
    build_offline_line,
    build_offline_sale,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.shifts import (
    close_shift,
    ensure_difference_explained,
    fetch_shift_report,
    open_shift,
)
from tests.support.till import card, cash, new_id

pytestmark = pytest.mark.django_db
AMOUNTS = st.integers(0, 10**9).map(lambda cents: Decimal(cents).scaleb(-2))


@given(st.lists(AMOUNTS, min_size=1, max_size=20), AMOUNTS)
def test_allocated_difference_adds_up_and_makes_no_line_negative(totals, paid):
    shares = allocate_difference(paid - sum(totals), totals, 2)

    assert sum(shares) == paid - sum(totals)
    assert all(total + share >= 0 for total, share in zip(totals, shares, strict=True))


def test_payments_other_than_the_prices_are_an_adjustment_shared_by_the_lines(till, make_product):
    items = [
        build_offline_line(make_product("1.00"), "1.00"),
        build_offline_line(make_product("2.00"), "2.00"),
    ]

    less, more = upload_all_booked(
        till,
        build_offline_sale(1, *items, payments=[cash("2.99")], total="2.99"),
        build_offline_sale(2, *items, payments=[card("3.05")]),
    )

    assert (less["total"], less["adjustment"], less["due"]) == ("2.99", "-0.01", "0.00")
    assert [line["total"] for line in less["lines"]] == ["1.00", "1.99"]
    assert (more["total"], more["adjustment"], more["subtotal"]) == ("3.05", "0.05", "3.00")
    assert [line["total"] for line in more["lines"]] == ["1.02", "2.03"]
    assert (less["flags"], more["flags"]) == (
        ["total_differs"],
        ["card_unverified", "total_differs"],
    )


def test_total_of_the_terminal_is_ignored_if_payments_differ(till, product):
    row, free = upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product), payments=[cash("2.50")], total="9.99"),
        build_offline_sale(2, build_offline_line(product, "0.00"), payments=[], total="0.00"),
    )

    assert (row["total"], row["adjustment"], row["flags"]) == ("2.50", "0.00", ["total_differs"])
    assert (free["total"], free["flags"]) == ("0.00", ["over_limit", "price_differs"])


def test_cash_rounding_is_not_an_adjustment(till, make_product, configure_shop):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))
    item = build_offline_line(make_product("2.48"), "2.48")

    coins, mixed, exact, card_only = upload_all_booked(
        till,
        build_offline_sale(1, item, payments=[cash("2.50")]),
        build_offline_sale(2, item, payments=[card("1.00"), cash("1.50")], total="2.48"),
        build_offline_sale(3, item, payments=[cash("2.48")]),
        build_offline_sale(4, item, payments=[card("2.50")]),
    )

    figures = [
        (each["total"], each["cash_rounding"], each["adjustment"], each["flags"])
        for each in (coins, mixed, exact, card_only)
    ]
    assert figures == [
        ("2.48", "0.02", "0.00", []),
        ("2.48", "0.02", "0.00", ["card_unverified"]),
        ("2.48", "0.00", "0.00", ["not_payable_in_cash"]),
        ("2.50", "0.00", "0.02", ["card_unverified", "total_differs"]),
    ]


@pytest.fixture
def basket(make_product, shop, configure_shop):
    """Return lines with included, added and no tax, in a shop that rounds cash."""
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))
    added = [{"name": "Sales tax", "percent": "8.875", "included": False, "compound": False}]
    with_added = make_product("10.00", tax_class=TaxClassFactory(tenant=shop, rates=added))
    return [
        build_offline_line(make_product("3.33"), "3.33", "3"),
        build_offline_line(with_added, "10.00"),
        {"name": "Unknown", "quantity": "0.5", "unit_price": "1.99"},
    ]


def test_receipt_report_z_report_refund_and_chain_agree(till, manager_client, admin, basket):
    """Totals are too high, too low, and off only by cash rounding."""
    shift = open_shift(till)
    paid = [card(each) for each in ("21.87", "19.99", "30.00", "0.01")]
    orders = upload_all_booked(
        till,
        *(
            build_offline_sale(at, *basket, payments=[each])
            for at, each in enumerate([*paid, cash("21.90")], 1)
        ),
    )
    body = {"id": new_id(), "reason": "Bad", "method": "cash"}
    # No gateway has confirmed the card, so only an admin or an approval may refund it in cash.
    refund = Person(admin).post(f"orders/{orders[1]['id']}/refunds/", body).json()
    assert close_shift(manager_client, shift, "101.90").status_code == 200

    z = fetch_shift_report(manager_client, shift, "z")
    total = sum(ensure_balanced(order) for order in orders)
    days = [
        manager_client.get("reports/sales/", {"group_by": each}).json()["total"]["total"]
        for each in ("day", "product", "category")
    ]

    ensure_difference_explained(z)
    assert {Decimal(each) for each in [z["sales"]["total"], *days]} == {total}
    assert (refund["total"], refund["cash_rounding"]) == ("19.99", "-0.04")
    out = StringIO()
    call_command("verify_chain", stdout=out)
    assert out.getvalue() == "All hash chains are intact.\n"


def ensure_balanced(order):
    total = Decimal(order["total"])
    assert sum(Decimal(each["total"]) for each in order["lines"]) == total
    assert Decimal(order["paid_total"]) == total + Decimal(order["cash_rounding"])
    return total


def test_receipt_shows_the_adjustment(till, product):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[card("3.00")])
    )

    text = till.get(f"orders/{order['id']}/receipt/", {"format": "text"}).content.decode()

    (row,) = [each for each in text.splitlines() if "Adjustment" in each]
    assert row.split() == ["Adjustment", "0.50"]


@pytest.mark.parametrize(("currency", "price"), [("JPY", "250"), ("KWD", "0.250")])
def test_offline_sale_in_a_currency_with_other_decimals(
    currency, price, till, make_product, configure_shop
):
    configure_shop(currency)

    order = upload_one_booked(
        till,
        build_offline_sale(
            1, build_offline_line(make_product(price), price), payments=[cash(price)]
        ),
    )

    assert (order["total"], order["flags"]) == (price, [])

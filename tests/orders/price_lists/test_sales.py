"""Sales at the prices of price lists: lines, edits, limits, labels, deposits and time zones."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, OrderLine, PriceList
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.price_list import PriceListFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.labels import add_check_digit
from tests.support.till import Till, cash, get_line, line, percent


def snapshot(shop):
    with tenant_scope(shop):
        return [list(model.objects.order_by("pk").values()) for model in (Order, OrderLine)]


@pytest.fixture
def water(make_product, add_price):
    """Return a product for 1.00, in the list for 0.90, and for 0.80 from six on."""
    product = make_product("1.00", stock="500")
    add_price(product, "0.90")
    add_price(product, "0.80", min_quantity=6)
    return product


def describe(sold):
    return [(each["list_price"], each["unit_price"], each["total"]) for each in sold["lines"]]


@pytest.mark.parametrize(
    ("quantity", "price", "total"), [("1", "0.90", "0.90"), ("6", "0.80", "4.80")]
)
def test_sale_and_calculation_have_the_price_of_the_list(till, water, quantity, price, total):
    body = till.order(line(water, quantity), payments=[cash(total)])

    calculated = till.post("orders/calculate/", body).json()
    sold = till.post("orders/", body)

    assert sold.status_code == 201, sold.content
    assert describe(sold.json()) == describe(calculated) == [(price, price, total)]
    assert sold.json()["status"] == "completed"


def test_list_of_another_store_and_inactive_list_do_not_apply(till, water, shop, make_product):
    elsewhere = [str(StoreFactory(tenant=shop).pk)]
    with tenant_scope(shop):
        PriceList.objects.update(stores=elsewhere)
    assert describe(till.sold(line(water))) == [("1.00", "1.00", "1.00")]
    with tenant_scope(shop):
        PriceList.objects.update(stores=[str(till.register.store_id)])
    assert describe(till.sold(line(water))) == [("0.90", "0.90", "0.90")]
    with tenant_scope(shop):
        PriceList.objects.update(is_active=False)
    assert describe(till.sold(line(water))) == [("1.00", "1.00", "1.00")]


def test_list_with_the_highest_priority_wins(till, water, add_price, shop):
    add_price(water, "0.95", price_list=PriceListFactory(tenant=shop, priority=99))

    assert describe(till.sold(line(water, "6"))) == [("0.95", "0.95", "5.70")]


# --- a changed quantity ----------------------------------------------------------------------


def test_changed_quantity_prices_the_whole_line(till, edit_line, water):
    order = till.sold(line(water, "5"), line(water, "2"))

    more = edit_line(order, quantity="6")
    less = edit_line(order, quantity="5")

    assert describe(more) == [("0.80", "0.80", "4.80"), ("0.90", "0.90", "1.80")]
    assert describe(less) == [("0.90", "0.90", "4.50"), ("0.90", "0.90", "1.80")]


@pytest.fixture
def edit_line(till):
    def edit(order, by=till, **changes):
        path = f"orders/{order['id']}/lines/{order['lines'][0]['id']}/"
        answer = by.patch(path, changes, If_Match="*")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return edit


def test_other_changes_keep_the_price_of_the_line(till, edit_line, water, shop):
    order = till.sold(line(water, "6"))
    with tenant_scope(shop):
        PriceList.objects.update(is_active=False)

    assert describe(edit_line(order, note="cold")) == [("0.80", "0.80", "4.80")]
    assert describe(edit_line(order, quantity="6")) == [("0.80", "0.80", "4.80")]
    assert describe(edit_line(order, quantity="7")) == [("1.00", "1.00", "7.00")]


def test_typed_price_stays_and_is_measured_against_the_price_of_the_list(
    till, managers_till, edit_line, water, problem, shop
):
    order = managers_till.sold(line(water, "5", unit_price="0.85"))
    assert describe(order) == [("0.90", "0.85", "4.25")]

    more = edit_line(order, by=managers_till, quantity="6")

    assert describe(more) == [("0.80", "0.85", "5.10")]
    before = snapshot(shop)
    path = f"orders/{order['id']}/lines/{order['lines'][0]['id']}/"
    refused = problem(till.patch(path, {"quantity": "5"}, If_Match="*"), 403, "approval_required")
    # 5 x (0.90 - 0.85)
    assert (refused["action"], refused["amount"]) == ("price_override", "0.25")
    assert snapshot(shop) == before


# --- limits ----------------------------------------------------------------------------------


def test_price_of_the_list_needs_no_approval_and_is_no_override(till, water):
    sold = till.sold(line(water, "6", discounts=[percent("10")]))

    assert describe(sold) == [("0.80", "0.80", "4.32")]
    listed = till.get("orders/?price_overridden=true").json()["results"]
    assert listed == []


def test_discount_is_measured_from_the_price_of_the_list(till, water, problem, shop):
    before = snapshot(shop)

    refused = problem(
        till.sell(line(water, "6", discounts=[percent("20")])), 403, "approval_required"
    )

    assert (refused["action"], refused["amount"]) == ("discount", "0.96")
    assert snapshot(shop) == before


def test_base_price_above_the_list_needs_an_approval_as_any_typed_price(till, water, problem, shop):
    before = snapshot(shop)

    problem(till.sell(line(water, unit_price="1.00")), 403, "approval_required")
    assert snapshot(shop) == before


# --- deposits, open prices and labels --------------------------------------------------------


def test_deposit_has_the_price_of_its_list(till, make_product, add_price, edit_line):
    deposit = make_product("0.25", track_stock=False)
    bottle = make_product("1.00", stock="500", deposit=deposit)
    add_price(deposit, "0.20", min_quantity=10)

    order = till.sold(line(bottle, "9"))
    assert [each["list_price"] for each in order["lines"]] == ["1.00", "0.25"]
    more = edit_line(order, quantity="10")
    assert describe(more) == [("1.00", "1.00", "10.00"), ("0.20", "0.20", "2.00")]


def test_open_price_stays_as_typed(till, make_product, add_price):
    hour = make_product("50.00", open_price=True)
    add_price(hour, "40.00")

    assert get_line(till.sold(line(hour, unit_price="10.00")))["total"] == "10.00"


def test_returned_goods_have_the_price_of_the_list(till, make_product, add_price):
    empty = make_product("0.25", returnable=True)
    add_price(empty, "0.30", min_quantity=4)

    assert get_line(till.sold(line(empty, "-3")))["total"] == "-0.75"
    assert get_line(till.sold(line(empty, "-4")))["total"] == "-1.20"


def test_quantity_of_a_price_label_follows_from_the_price_of_the_list(
    till, shop, make_product, add_price
):
    """A quantity break is not known before the quantity is: labels have none."""
    BarcodeRuleFactory(tenant=shop, pattern="21IIIIIVVVVVC", kind="price")
    cheese = make_product("20.00", sold_by="weight", plu="4711", stock="500")
    add_price(cheese, "10.00")
    add_price(cheese, "5.00", min_quantity="0.5")

    sold = till.sold({"barcode": add_check_digit("210471100750")})

    (only,) = sold["lines"]
    assert (only["fixed_gross"], only["list_price"]) == ("7.50", "10.00")
    assert (only["quantity"], only["total"]) == ("0.75", "7.50")


# --- the clock of the store ------------------------------------------------------------------


def sell_at(moment, register, product, by):
    """Log in at this moment and sell; return the price."""
    with time_machine.travel(datetime.fromisoformat(moment), tick=False):
        return get_line(Till(by, register).sold(line(product)))["unit_price"]


@pytest.fixture
def in_december(make_product, add_price):
    """Return a product for 10.00, and for 8.00 in December."""
    product = make_product("10.00", stock="500")
    add_price(
        product,
        "8.00",
        valid_from=datetime(2026, 12, 1),  # noqa: DTZ001
        valid_to=datetime(2027, 1, 1),  # noqa: DTZ001
    )
    return product


def test_period_is_that_of_the_clock_of_each_store(admin, shop, in_december, register):
    """Midnight comes at another moment in each time zone."""
    tokyo = RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop, timezone="Asia/Tokyo"))
    prices = {
        (at, moment): sell_at(moment, at, in_december, admin)
        for at, moment in (
            (tokyo, "2026-11-30T14:59:59Z"),
            (tokyo, "2026-11-30T15:00:00Z"),
            (register, "2026-11-30T22:59:59Z"),
            (register, "2026-11-30T23:00:00Z"),
            (tokyo, "2026-12-31T14:59:59Z"),
            (tokyo, "2026-12-31T15:00:00Z"),
            (register, "2026-12-31T22:59:59.9Z"),
            (register, "2026-12-31T23:00:00Z"),
        )
    }

    before, during = "10.00", "8.00"
    assert list(prices.values()) == [
        *(before, during, before, during),
        *(during, before, during, before),
    ]


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        # Berlin skips the hour from 02:00 to 03:00: 02:30 has come when the clock shows 03:00.
        ("2026-03-29T00:59:59Z", "10.00"),
        ("2026-03-29T01:00:00Z", "8.00"),
    ],
)
def test_start_in_the_hour_that_is_skipped(
    register, cashier, make_product, add_price, moment, price
):
    product = make_product("10.00", stock="500")
    add_price(product, "8.00", valid_from=datetime(2026, 3, 29, 2, 30))  # noqa: DTZ001

    assert sell_at(moment, register, product, cashier) == price


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        # Berlin has the hour from 02:00 to 03:00 twice: the clock shows 02:30 at both moments.
        ("2026-10-25T00:29:59Z", "10.00"),
        ("2026-10-25T00:30:00Z", "8.00"),
        ("2026-10-25T01:00:00Z", "10.00"),
        ("2026-10-25T01:30:00Z", "8.00"),
        ("2026-10-25T02:00:00Z", "10.00"),
    ],
)
def test_period_in_the_hour_that_comes_twice(
    register, cashier, make_product, add_price, moment, price
):
    product = make_product("10.00", stock="500")
    add_price(
        product,
        "8.00",
        valid_from=datetime(2026, 10, 25, 2, 30),  # noqa: DTZ001
        valid_to=datetime(2026, 10, 25, 3, 0),  # noqa: DTZ001
    )

    assert sell_at(moment, register, product, cashier) == price


def test_line_that_is_changed_after_the_end_loses_the_price(register, cashier, in_december):
    with time_machine.travel(datetime(2026, 12, 31, 22, 59, tzinfo=UTC), tick=False):
        order = Till(cashier, register).sold(line(in_december))
    assert describe(order) == [("8.00", "8.00", "8.00")]
    path = f"orders/{order['id']}/lines/{order['lines'][0]['id']}/"

    with time_machine.travel(datetime(2026, 12, 31, 23, 1, tzinfo=UTC), tick=False):
        till = Till(cashier, register)
        kept = till.patch(path, {"note": "still here"}, If_Match="*").json()
        changed = till.patch(path, {"quantity": "2"}, If_Match="*").json()

    assert describe(kept) == [("8.00", "8.00", "8.00")]
    assert describe(changed) == [("10.00", "10.00", "20.00")]


# --- calculate without a register ------------------------------------------------------------


def test_calculation_needs_a_register_only_where_the_store_matters(
    till, water, make_product, problem, shop
):
    other = make_product("3.00")
    body = {"lines": [line(water)]}
    assert describe(till.post("orders/calculate/", body).json()) == [("0.90", "0.90", "0.90")]

    with tenant_scope(shop):
        PriceList.objects.update(stores=[str(till.register.store_id)])

    refused = till.post("orders/calculate/", body)
    problem(refused, 400, "invalid", {"register": "required"})
    answer = till.post("orders/calculate/", body | {"register": str(till.register.pk)})
    assert describe(answer.json()) == [("0.90", "0.90", "0.90")]
    assert till.post("orders/calculate/", {"lines": [line(other)]}).status_code == 200


# --- queries ---------------------------------------------------------------------------------


def count_statements(till, product):
    with CaptureQueriesContext(connection) as captured:
        till.sold(line(product), payments=[cash(get_line(till.sold(line(product)))["total"])])
    return len(captured)


def test_price_lists_cost_one_query_a_sale_and_none_without_them(till, make_product, shop):
    product = make_product(stock="500")
    count_statements(till, product)
    without = count_statements(till, product)

    PriceListFactory(tenant=shop)

    # Both sales of it.
    assert count_statements(till, product) == without + 2


def test_shop_is_marked_by_its_first_list(managers_till, shop):
    assert not Tenant.objects.get(pk=shop.pk).has_price_lists

    managers_till.post("price-lists/", {"name": "Wholesale", "priority": 1})

    assert Tenant.objects.get(pk=shop.pk).has_price_lists


def test_first_list_applies_to_the_next_sale(managers_till, till, make_product):
    product = make_product("1.00", stock="500")
    assert get_line(till.sold(line(product)))["total"] == "1.00"
    made = managers_till.post("price-lists/", {"name": "Wholesale", "priority": 1}).json()
    body = {"price_list": made["id"], "product": str(product.pk), "amount": "0.90"}

    assert managers_till.post("prices/", body).status_code == 201

    assert get_line(till.sold(line(product)))["total"] == "0.90"

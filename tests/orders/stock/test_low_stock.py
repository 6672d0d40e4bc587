"""When there is not much left of something, whoever waits for it hears so, and once."""

import pytest

from orders.models import StockLevel
from tenants.models import OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import StockLevelFactory
from tests.support.gateway import CAPTURED, TIMED_OUT
from tests.support.till import card, cash, line, resolve_payment


@pytest.fixture
def watched(make_product, shop):
    """`watched("5", stock="10")`: goods of which the shop wants to have more than 5."""

    def make(point, **more):
        product = make_product("1.00", **more)
        with tenant_scope(shop):
            StockLevel.objects.filter(product=product).update(reorder_point=point)
        return product

    return make


def told(shop):
    with tenant_scope(shop):
        events = OutboxEvent.objects.filter(topic="stock.low").order_by("created_at", "id")
        return [event.data for event in events]


def levels_told(shop):
    return [(each["sku"], each["quantity"]) for each in told(shop)]


# --- the mark ------------------------------------------------------------------------------------


@pytest.fixture
def level(product, stockroom):
    (shown,) = stockroom.get("stock/").json()["results"]
    return shown


def test_a_manager_says_from_when_on_something_is_low(stockroom, level, shop):
    path = f"stock/{level['id']}/"
    assert level["reorder_point"] is None

    response = stockroom.patch(path, {"reorder_point": "12.5"}, If_Match='"1"')

    assert response.status_code == 200
    assert response.json() == stockroom.get(path).json()
    assert response["ETag"] == '"2"'
    shown = response.json()
    assert (shown["reorder_point"], shown["quantity"], shown["version"]) == ("12.5", "10", 2)
    assert told(shop) == [], "nothing has moved"
    assert (
        stockroom.patch(path, {"reorder_point": None}, If_Match="*").json()["reorder_point"] is None
    )


NO_MARKS = [
    ({"reorder_point": "1"}, {}, (428, "if_match_required")),
    ({"reorder_point": "1"}, {"If_Match": '"7"'}, (412, "version_conflict")),
    ({}, {"If_Match": "*"}, (400, "invalid", {"reorder_point": "required"})),
    ({"reorder_point": "-1"}, {"If_Match": "*"}, (400, "invalid", {"reorder_point": "invalid"})),
    (
        {"reorder_point": "1", "quantity": "9"},
        {"If_Match": "*"},
        (400, "invalid", {"quantity": "unknown_field"}),
    ),
]


@pytest.mark.parametrize(("body", "headers", "refused"), NO_MARKS)
def test_what_is_no_mark_is_refused(stockroom, level, problem, body, headers, refused):
    path = f"stock/{level['id']}/"

    problem(stockroom.patch(path, body, **headers), *refused)

    assert stockroom.get(path).json() == level


# --- the list ------------------------------------------------------------------------------------


def test_the_list_of_what_is_low(stockroom, watched, make_product):
    below, at_it = watched("5", stock="4", sku="BELOW"), watched("5", stock="5", sku="AT")
    watched("5", stock="6")
    make_product()

    def listed(**query):
        return {row["product"] for row in stockroom.get("stock/", query).json()["results"]}

    everything = listed()
    low = {str(below.pk), str(at_it.pk)}
    assert len(everything) == 4
    assert listed(low="true") == low
    assert listed(low="false") == everything - low
    assert listed(low="true", product=str(below.pk), store=str(stockroom.store.pk)) == {
        str(below.pk)
    }
    assert listed(low="true", store=str(stockroom.second.pk)) == set()


# --- the event -----------------------------------------------------------------------------------


def test_the_sale_that_leaves_little_tells_so_once(till, stockroom, watched, shop):
    product = watched("5", stock="10", sku="PEAR", name="Pear")

    till.sold(line(product, "4"), payments=[cash("4.00")])
    assert told(shop) == []
    till.sold(line(product, "1"), payments=[cash("1.00")])
    till.sold(line(product, "1"), payments=[cash("1.00")])

    assert told(shop) == [
        {
            "product": str(product.pk),
            "sku": "PEAR",
            "name": "Pear",
            "store": str(stockroom.store.pk),
            "quantity": "5",
            "reorder_point": "5",
        }
    ]
    with tenant_scope(shop):
        event, level = OutboxEvent.objects.get(topic="stock.low"), StockLevel.objects.get()
    assert (event.subject_type, event.subject) == ("stock_level", level.pk)


def test_it_is_told_again_once_there_was_more(till, stockroom, watched, shop):
    product = watched("5", stock="6", sku="PEAR")

    till.sold(line(product, "2"), payments=[cash("2.00")])
    stockroom.moved("receive", product, "6")
    till.sold(line(product, "7"), payments=[cash("7.00")])

    assert levels_told(shop) == [("PEAR", "4"), ("PEAR", "3")]


def test_each_product_of_a_sale_is_told_for_itself(till, watched, make_product, shop):
    few, fewer, plenty = (
        watched("5", stock="6", sku="FEW"),
        watched("5.5", stock="6", sku="FEWER", sold_by="weight"),
        watched("5", stock="60", sku="PLENTY"),
    )
    lines = [line(few), line(fewer, "0.25"), line(few), line(fewer, "0.25"), line(plenty)]

    till.sold(*lines, line(make_product("1.00")), payments=[cash("4.50")])

    assert sorted(levels_told(shop)) == [("FEW", "4"), ("FEWER", "5.5")]


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        ("waste", "7", [("PEAR", "3")]),
        ("adjust", "-5", [("PEAR", "5")]),
        ("count", "0", [("PEAR", "0")]),
        ("transfer_out", "6", [("PEAR", "4")]),
        ("waste", "4", []),
        ("receive", "4", []),
    ],
)
def test_whatever_leaves_little_tells_so(stockroom, watched, shop, kind, quantity, expected):
    product = watched("5", stock="10", sku="PEAR")

    stockroom.moved(kind, product, quantity)

    assert levels_told(shop) == expected


def test_goods_that_arrive_where_there_are_still_few_tell_nothing(stockroom, watched, shop):
    product = watched("5", stock="10")
    StockLevelFactory(product=product, store=stockroom.second, quantity=1, reorder_point=9)

    stockroom.moved("transfer_out", product, "2")

    assert told(shop) == []


def test_a_card_sale_tells_when_it_is_paid(till, stockroom, watched, shop, gateway):
    gateway.answers, gateway.found = [TIMED_OUT], [CAPTURED]
    product = watched("5", stock="6", sku="PEAR")

    order = till.sold(line(product, "2"), payments=[card("2.00")])
    assert told(shop) == []
    resolve_payment(stockroom, order)

    assert levels_told(shop) == [("PEAR", "4")]


def test_below_zero_it_is_told_at_the_mark_and_not_again(till, watched, shop, configure_shop):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = watched("0", stock="1", sku="PEAR")

    for _ in range(3):
        till.sold(line(product), payments=[cash("1.00")])

    assert levels_told(shop) == [("PEAR", "0")]


def test_a_refused_sale_tells_nothing(till, watched, make_product, shop, problem):
    product, scarce = watched("5", stock="6"), make_product("1.00", stock="1")

    response = till.sell(line(product, "3"), line(scarce, "2"), payments=[cash("5.00")])

    problem(response, 409, "insufficient_stock")
    assert told(shop) == []

"""Low stock: reorder points, the list of low levels, and the `stock.low` event."""

import pytest

from orders.models import StockLevel
from tenants.models import OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import StockLevelFactory
from tests.support.gateway import CAPTURED, TIMED_OUT
from tests.support.till import card, cash, line, resolve_payment


@pytest.fixture
def product_with_reorder_point(make_product, shop):
    """`product_with_reorder_point("5", stock="10")`: create a product with them."""

    def make(point, **more):
        product = make_product("1.00", **more)
        with tenant_scope(shop):
            StockLevel.objects.filter(product=product).update(reorder_point=point)
        return product

    return make


def low_stock_events(shop):
    with tenant_scope(shop):
        events = OutboxEvent.objects.filter(topic="stock.low").order_by("created_at", "id")
        return [event.data for event in events]


def low_stock_quantities(shop):
    return [(each["sku"], each["quantity"]) for each in low_stock_events(shop)]


# --- reorder points ------------------------------------------------------------------------------


@pytest.fixture
def level(product, stockroom):
    (shown,) = stockroom.get("stock/").json()["results"]
    return shown


def test_manager_sets_and_clears_the_reorder_point(stockroom, level, shop):
    path = f"stock/{level['id']}/"
    assert level["reorder_point"] is None

    response = stockroom.patch(path, {"reorder_point": "12.5"}, If_Match='"1"')

    assert response.status_code == 200
    assert response.json() == stockroom.get(path).json()
    assert response["ETag"] == '"2"'
    shown = response.json()
    assert (shown["reorder_point"], shown["quantity"], shown["version"]) == ("12.5", "10", 2)
    assert low_stock_events(shop) == [], "no stock has moved"
    assert (
        stockroom.patch(path, {"reorder_point": None}, If_Match="*").json()["reorder_point"] is None
    )


INVALID_CHANGES = [
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


@pytest.mark.parametrize(("body", "headers", "refused"), INVALID_CHANGES)
def test_invalid_reorder_point_change_is_refused(stockroom, level, problem, body, headers, refused):
    path = f"stock/{level['id']}/"

    problem(stockroom.patch(path, body, **headers), *refused)

    assert stockroom.get(path).json() == level


# --- lists ---------------------------------------------------------------------------------------


def test_stock_list_filters_low_levels(stockroom, product_with_reorder_point, make_product):
    below, at_point = (
        product_with_reorder_point("5", stock="4", sku="BELOW"),
        product_with_reorder_point("5", stock="5", sku="AT"),
    )
    product_with_reorder_point("5", stock="6")
    make_product()

    def listed(**query):
        return {row["product"] for row in stockroom.get("stock/", query).json()["results"]}

    all_products = listed()
    low = {str(below.pk), str(at_point.pk)}
    assert len(all_products) == 4
    assert listed(low="true") == low
    assert listed(low="false") == all_products - low
    assert listed(low="true", product=str(below.pk), store=str(stockroom.store.pk)) == {
        str(below.pk)
    }
    assert listed(low="true", store=str(stockroom.second.pk)) == set()


# --- events --------------------------------------------------------------------------------------


def test_sale_reaching_the_reorder_point_sends_one_event(
    till, stockroom, product_with_reorder_point, shop
):
    product = product_with_reorder_point("5", stock="10", sku="PEAR", name="Pear")

    till.sold(line(product, "4"), payments=[cash("4.00")])
    assert low_stock_events(shop) == []
    till.sold(line(product, "1"), payments=[cash("1.00")])
    till.sold(line(product, "1"), payments=[cash("1.00")])

    assert low_stock_events(shop) == [
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


def test_event_is_sent_again_after_a_replenishment(
    till, stockroom, product_with_reorder_point, shop
):
    product = product_with_reorder_point("5", stock="6", sku="PEAR")

    till.sold(line(product, "2"), payments=[cash("2.00")])
    stockroom.moved("receive", product, "6")
    till.sold(line(product, "7"), payments=[cash("7.00")])

    assert low_stock_quantities(shop) == [("PEAR", "4"), ("PEAR", "3")]


def test_each_low_product_of_a_sale_has_its_own_event(
    till, product_with_reorder_point, make_product, shop
):
    few, fewer, plenty = (
        product_with_reorder_point("5", stock="6", sku="FEW"),
        product_with_reorder_point("5.5", stock="6", sku="FEWER", sold_by="weight"),
        product_with_reorder_point("5", stock="60", sku="PLENTY"),
    )
    lines = [line(few), line(fewer, "0.25"), line(few), line(fewer, "0.25"), line(plenty)]

    till.sold(*lines, line(make_product("1.00")), payments=[cash("4.50")])

    assert sorted(low_stock_quantities(shop)) == [("FEW", "4"), ("FEWER", "5.5")]


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
def test_every_decreasing_movement_can_send_the_event(
    stockroom, product_with_reorder_point, shop, kind, quantity, expected
):
    product = product_with_reorder_point("5", stock="10", sku="PEAR")

    stockroom.moved(kind, product, quantity)

    assert low_stock_quantities(shop) == expected


def test_receiving_transfer_sends_no_event(stockroom, product_with_reorder_point, shop):
    product = product_with_reorder_point("5", stock="10")
    StockLevelFactory(product=product, store=stockroom.second, quantity=1, reorder_point=9)

    stockroom.moved("transfer_out", product, "2")

    assert low_stock_events(shop) == []


def test_card_sale_sends_the_event_when_it_is_paid(
    till, stockroom, product_with_reorder_point, shop, gateway
):
    gateway.answers, gateway.found = [TIMED_OUT], [CAPTURED]
    product = product_with_reorder_point("5", stock="6", sku="PEAR")

    order = till.sold(line(product, "2"), payments=[card("2.00")])
    assert low_stock_events(shop) == []
    resolve_payment(stockroom, order)

    assert low_stock_quantities(shop) == [("PEAR", "4")]


def test_reorder_point_of_zero_sends_one_event_below_zero_none(
    till, product_with_reorder_point, shop, configure_shop
):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = product_with_reorder_point("0", stock="1", sku="PEAR")

    for _ in range(3):
        till.sold(line(product), payments=[cash("1.00")])

    assert low_stock_quantities(shop) == [("PEAR", "0")]


def test_refused_sale_sends_no_event(till, product_with_reorder_point, make_product, shop, problem):
    product, scarce = product_with_reorder_point("5", stock="6"), make_product("1.00", stock="1")

    response = till.sell(line(product, "3"), line(scarce, "2"), payments=[cash("5.00")])

    problem(response, 409, "insufficient_stock")
    assert low_stock_events(shop) == []

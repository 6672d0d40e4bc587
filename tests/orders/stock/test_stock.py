"""Stock levels and movements over the API."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

import pytest
import time_machine

from orders.models import StockMovement
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, StockMovementFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Person
from tests.support.till import cash, ensure_books_balance, get_stock_level, line


def movements(shop):
    with tenant_scope(shop):
        return list(StockMovement.objects.order_by("created_at", "id"))


# --- receiving -----------------------------------------------------------------------------------


def test_receive_increases_the_stock_level(
    manager_client, delivery, make_product, store, shop, manager
):
    product = make_product(stock="10", sold_by="weight")
    body = delivery(product, "2.5", reason="Tuesday", occurred_at="2025-01-31T18:30:00+01:00")

    response = manager_client.post("stock/movements/", body)

    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in body} == body | {"occurred_at": "2025-01-31T17:30:00Z"}
    assert (shown["order"], shown["by"]) == (None, str(manager.pk))
    assert manager_client.get(f"stock/movements/{body['id']}/").json() == shown
    assert get_stock_level(product, store) == (Decimal("12.5"), 0)
    ensure_books_balance(shop)


def test_first_receive_creates_the_stock_level(manager_client, delivery, make_product, store, shop):
    product = make_product(stock=None)

    manager_client.post("stock/movements/", delivery(product, "3"))

    (level,) = manager_client.get("stock/", {"product": str(product.pk)}).json()["results"]
    assert (level["quantity"], level["reserved"], level["available"]) == ("3", "0", "3")
    assert level["store"] == str(store.pk)


def test_repeated_receive_is_booked_once(manager_client, delivery, product, store, shop):
    for body in (
        delivery(product, "5"),
        delivery(product, "5", occurred_at="2025-01-31T18:30:00.123456Z", reason="x"),
    ):
        before, _ = get_stock_level(product, store)
        first, again = (manager_client.post("stock/movements/", body) for _ in range(2))

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert get_stock_level(product, store) == (before + 5, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "6"},
        {"reason": "Other"},
        {"occurred_at": "2025-01-01T00:00:00Z"},
        {"product": "another"},
        {"store": "another"},
    ],
)
def test_receive_id_with_other_content_is_a_conflict(
    manager_client, delivery, make_product, product, shop, problem, change
):
    others = {"product": make_product(stock=None), "store": StoreFactory(tenant=shop)}
    body = delivery(product, "5")
    manager_client.post("stock/movements/", body)
    before = len(movements(shop))

    changed = {name: str(others[name].pk) if name in others else v for name, v in change.items()}
    problem(manager_client.post("stock/movements/", body | changed), 409, "id_conflict")

    assert len(movements(shop)) == before
    ensure_books_balance(shop)


def test_movement_id_of_another_shop_can_be_used(manager_client, delivery, product, store, foreign):
    taken = StockMovementFactory(product=foreign.product, store=foreign.store)

    response = manager_client.post("stock/movements/", delivery(product) | {"id": str(taken.pk)})

    assert (response.status_code, response.json()["id"]) == (201, str(taken.pk))
    with tenant_scope(foreign.tenant):
        assert StockMovement.objects.get(pk=taken.pk).quantity == taken.quantity


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"quantity": "0"}, {"quantity": "zero"}),
        ({"quantity": "-1"}, {"quantity": "invalid"}),
        ({"quantity": "0.0001"}, {"quantity": "max_decimal_places"}),
        ({"quantity": 0.5}, {"quantity": "invalid"}),
        ({"occurred_at": "yesterday"}, {"occurred_at": "invalid"}),
        ({"product": "0190b4e0-0000-7000-8000-00000000dead"}, {"product": "does_not_exist"}),
        ({"by": "me", "order": None}, {"by": "unknown_field", "order": "unknown_field"}),
    ],
)
def test_invalid_receive_is_refused(
    manager_client, delivery, product, store, problem, change, errors
):
    response = manager_client.post("stock/movements/", delivery(product) | change)

    problem(response, 400, "invalid", errors)
    assert get_stock_level(product, store) == (10, 0)


def test_product_and_store_of_another_shop_do_not_exist(
    manager_client, delivery, product, foreign, problem
):
    change = {"product": str(foreign.product.pk), "store": str(foreign.store.pk)}
    errors = {"product": "does_not_exist", "store": "does_not_exist"}

    problem(
        manager_client.post("stock/movements/", delivery(product) | change), 400, "invalid", errors
    )


def test_receive_of_an_untracked_product_is_refused(
    manager_client, delivery, make_product, problem
):
    service = make_product(track_stock=False)

    response = manager_client.post("stock/movements/", delivery(service))

    problem(response, 400, "invalid", {"product": "not_tracked"})


def test_large_quantities_can_be_received(manager_client, delivery, make_product, store):
    product = make_product(stock="999999999", sold_by="weight")

    response = manager_client.post("stock/movements/", delivery(product, "999999.999"))

    assert response.status_code == 201
    assert get_stock_level(product, store) == (Decimal("1000999998.999"), 0)


# --- lists ---------------------------------------------------------------------------------------


def test_stock_and_movement_lists_are_filtered(
    client_of, cashier, delivery, manager_client, make_product, shop, store
):
    cashier_client, second = client_of(cashier), StoreFactory(tenant=shop)
    first, other = make_product(stock="1"), make_product(stock="2")
    manager_client.post("stock/movements/", delivery(first, "4") | {"store": str(second.pk)})

    def quantities(path, **query):
        return sorted(row["quantity"] for row in cashier_client.get(path, query).json()["results"])

    assert quantities("stock/") == ["1", "2", "4"]
    assert quantities("stock/", product=str(first.pk)) == ["1", "4"]
    assert quantities("stock/", store=str(store.pk), product=str(other.pk)) == ["2"]
    assert quantities("stock/movements/", store=str(second.pk)) == ["4"]
    assert quantities("stock/movements/", type="sale") == []
    assert quantities("stock/movements/", type="receive", product=str(other.pk)) == ["2"]


def test_movements_of_one_product_and_store_have_level_after(stockroom, till, make_product, shop):
    product, other = make_product("1.00", stock="10"), make_product("1.00", stock="5")
    till.sold(line(product, "2"), line(other), payments=[cash("3.00")])
    stockroom.moved("count", product, "8")
    stockroom.moved("waste", product, "3")
    stockroom.moved("transfer_out", product, "4")
    stockroom.moved("adjust", product, "2")
    level_filter = {"product": str(product.pk), "store": str(stockroom.store.pk)}

    def recorded_month(**query):
        return [(each["type"], each["level_after"]) for each in stockroom.found(**query)]

    expected = [
        ("adjust", "3"),
        ("transfer_out", "1"),
        ("waste", "5"),
        ("count", "8"),
        ("sale", "8"),
        ("receive", "10"),
    ]
    assert recorded_month(**level_filter) == expected
    assert recorded_month(**level_filter, ordering="created_at") == expected[::-1]
    pages, path = [], "stock/movements/?" + urlencode(level_filter | {"page_size": 4})
    while path:
        page = stockroom.get(path).json()
        pages += [(each["type"], each["level_after"]) for each in page["results"]]
        path = page["next"] and page["next"].split("/api/v1/")[1]
    assert pages == expected
    for query in ({"product": str(product.pk)}, {}, level_filter | {"type": "waste"}):
        assert {level for _, level in recorded_month(**query)} == {None}
    assert recorded_month(**level_filter | {"store": str(StoreFactory(tenant=shop).pk)}) == []


def test_movements_are_filtered_by_occurrence_and_recording_time(
    manager_client, delivery, make_product, shop
):
    product = make_product(stock=None)
    for month, recorded_month in ((3, 9), (5, 7)):
        with time_machine.travel(datetime(2025, recorded_month, 1, tzinfo=UTC), tick=False):
            occurred_at = f"2025-0{month}-01T00:00:00Z"
            late = Person(manager_client.user)
            late.post("stock/movements/", delivery(product, str(month), occurred_at=occurred_at))

    def found_quantities(**query):
        rows = manager_client.get("stock/movements/", query).json()["results"]
        return [row["quantity"] for row in rows]

    assert found_quantities() == ["3", "5"], "newest first by recording time"
    assert found_quantities(occurred_after="2025-04-01T00:00:00Z") == ["5"]
    assert found_quantities(occurred_after="2025-05-01T00:00:00Z") == ["5"]
    assert found_quantities(occurred_before="2025-05-01T00:00:00Z") == ["3"]
    assert found_quantities(created_after="2025-09-01T00:00:00Z") == ["3"]
    assert found_quantities(created_before="2025-09-01T00:00:00Z") == ["5"]


def test_movements_are_newest_first_and_name_their_order(till, product, manager_client):
    order = till.sold(line(product, "2"), payments=[cash("5.00")])

    newest, oldest = manager_client.get("stock/movements/").json()["results"]

    assert (newest["type"], newest["quantity"], newest["order"]) == ("sale", "-2", order["id"])
    assert (oldest["type"], oldest["quantity"], oldest["order"]) == ("receive", "10", None)
    assert newest["by"] == order["cashier"]


def test_movement_and_level_cannot_be_replaced_or_deleted(manager_client, product, problem):
    (movement,) = manager_client.get("stock/movements/").json()["results"]
    (level,) = manager_client.get("stock/").json()["results"]
    for method in ("PUT", "PATCH", "DELETE"):
        path = f"stock/movements/{movement['id']}/"
        problem(manager_client.send(method, path, {"quantity": "99"}), 405, "method_not_allowed")
    for method in ("PUT", "DELETE"):
        path = f"stock/{level['id']}/"
        problem(manager_client.send(method, path, {"quantity": "99"}), 405, "method_not_allowed")

    assert manager_client.get("stock/movements/").json()["results"] == [movement]
    assert manager_client.get("stock/").json()["results"] == [level]


def test_occurred_at_keeps_the_exact_time(manager_client, delivery, shop):
    product = ProductFactory(tenant=shop)
    manager_client.post(
        "stock/movements/", delivery(product, occurred_at="2025-06-30T23:59:59.5-07:00")
    )

    (movement,) = movements(shop)

    assert movement.occurred_at == datetime(2025, 7, 1, 6, 59, 59, 500000, tzinfo=UTC)


def test_quantity_of_a_unit_product_must_be_whole(
    manager_client, delivery, product, store, problem
):
    response = manager_client.post("stock/movements/", delivery(product, "1.5"))

    problem(response, 400, "invalid", {"quantity": "not_whole"})
    assert get_stock_level(product, store) == (10, 0)

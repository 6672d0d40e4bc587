"""Number of SQL statements of stock requests, and of sales that reach the reorder point."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import StockLevel
from tenants.scope import tenant_scope
from tests.support.till import cash, line

# Session, product, store, locked level, id; movement, level, audit event.
MOVEMENT = 9
OCCURRED_AT = "2025-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("kind", "more", "additional"),
    [
        ("receive", {}, 0),
        ("adjust", {}, 0),
        ("waste", {}, 0),
        ("count", {}, 0),
        # The other store, its level, and the event of its change.
        ("transfer_out", {}, 3),
        # The next count.
        ("receive", {"occurred_at": OCCURRED_AT}, 1),
        # Movements since then, and the next count.
        ("count", {"occurred_at": OCCURRED_AT}, 2),
    ],
)
def test_stock_movement_statement_count(stockroom, product, statements, kind, more, additional):
    stockroom.moved("transfer_out", product)
    for quantity in ("2", "3", "4"):
        stockroom.moved("receive", product, "7")
        body = stockroom.body(kind, product, quantity, **more)
        with statements(MOVEMENT + additional):
            response = stockroom.post("stock/movements/", body)
        assert response.status_code == 201, response.content


def test_first_movement_of_a_product_runs_two_more_statements(stockroom, make_product, statements):
    body = stockroom.body("receive", make_product(stock=None), "5")

    with statements(MOVEMENT + 2):
        assert stockroom.post("stock/movements/", body).status_code == 201


def test_movement_list_statement_count(stockroom, product, statements):
    query = {"product": str(product.pk), "store": str(stockroom.store.pk)}
    for _ in range(2):
        stockroom.moved("receive", product)
        with statements(3):
            assert stockroom.get("stock/movements/", query).status_code == 200


def test_set_reorder_point_statement_count(stockroom, product, statements):
    (level,) = stockroom.get("stock/").json()["results"]

    with statements(5):
        path = f"stock/{level['id']}/"
        assert stockroom.patch(path, {"reorder_point": "3"}, If_Match="*").status_code == 200


def test_sale_reaching_the_reorder_point_runs_one_more_statement(till, make_product, shop):
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    products = [make_product("1.00", stock="6") for _ in range(3)]
    with tenant_scope(shop):
        StockLevel.objects.filter(quantity=6).update(reorder_point=4)

    counts = []
    for _ in range(4):
        with CaptureQueriesContext(connection) as queries:
            till.sold(*[line(each) for each in products], payments=[cash("3.00")])
        counts.append(len(queries))

    usual = counts[0]
    assert counts == [usual, usual + 1, usual, usual], (
        "three products must need only one more statement"
    )

"""How often stock asks the database: a low shelf costs a sale one statement, and no other does."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import StockLevel
from tenants.scope import tenant_scope
from tests.support.till import cash, line

# Session, product, store, the locked level, the id; the movement, the level, the audit trail.
MOVEMENT = 9
OCCURRED = "2025-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("kind", "more", "further"),
    [
        ("receive", {}, 0),
        ("adjust", {}, 0),
        ("waste", {}, 0),
        ("count", {}, 0),
        # The other store, the level there, and that it changed.
        ("transfer_out", {}, 3),
        # The count after it.
        ("receive", {"occurred_at": OCCURRED}, 1),
        # What moved since, and the count after it.
        ("count", {"occurred_at": OCCURRED}, 2),
    ],
)
def test_a_movement(stockroom, product, statements, kind, more, further):
    stockroom.moved("transfer_out", product)
    for quantity in ("2", "3", "4"):
        stockroom.moved("receive", product, "7")
        body = stockroom.body(kind, product, quantity, **more)
        with statements(MOVEMENT + further):
            response = stockroom.post("stock/movements/", body)
        assert response.status_code == 201, response.content


def test_the_first_movement_of_a_product_makes_its_level(stockroom, make_product, statements):
    body = stockroom.body("receive", make_product(stock=None), "5")

    with statements(MOVEMENT + 2):
        assert stockroom.post("stock/movements/", body).status_code == 201


def test_the_movements_of_one_shelf(stockroom, product, statements):
    query = {"product": str(product.pk), "store": str(stockroom.store.pk)}
    for _ in range(2):
        stockroom.moved("receive", product)
        with statements(3):
            assert stockroom.get("stock/movements/", query).status_code == 200


def test_a_mark(stockroom, product, statements):
    (level,) = stockroom.get("stock/").json()["results"]

    with statements(4):
        path = f"stock/{level['id']}/"
        assert stockroom.patch(path, {"reorder_point": "3"}, If_Match="*").status_code == 200


def test_only_the_sale_that_leaves_little_asks_once_more(till, make_product, shop):
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    products = [make_product("1.00", stock="6") for _ in range(3)]
    with tenant_scope(shop):
        StockLevel.objects.filter(quantity=6).update(reorder_point=4)

    counts = []
    for _ in range(4):
        with CaptureQueriesContext(connection) as asked:
            till.sold(*[line(each) for each in products], payments=[cash("3.00")])
        counts.append(len(asked))

    usual = counts[0]
    assert counts == [usual, usual + 1, usual, usual], "of three products, in one statement"

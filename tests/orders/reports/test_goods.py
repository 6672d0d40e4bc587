"""Reports of goods: low stock, stock that did not sell, and margins."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Product, StockLevel
from tenants.scope import tenant_scope
from tests.factories.orders import StockLevelFactory
from tests.factories.stock_transfer import StockTransferLineFactory
from tests.factories.tenants import StoreFactory
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import cash, line, new_id

LOW, DEAD, MARGINS = (f"reports/{name}/" for name in ("low-stock", "dead-stock", "margins"))


def read(client, path, **query):
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    return response.json()


def read_csv(client, path, **query):
    response = client.get(path, query | {"format": "csv"})
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def read_workbook(client, path, **query):
    content = client.get(path, query | {"format": "xlsx"}).content
    return list(openpyxl.load_workbook(io.BytesIO(content)).active.values)


def change(shop, product, **values):
    with tenant_scope(shop):
        Product.objects.filter(pk=product.pk).update(**values)


def age(shop, days):
    """Make all levels so many days old."""
    with tenant_scope(shop):
        StockLevel.objects.update(created_at=timezone.now() - timedelta(days=days))


# --- low stock -----------------------------------------------------------------------------------


@pytest.fixture
def low(make_product, shop, store):
    """Return a product below its reorder point, with two more on the way; others are enough."""
    milk = make_product(stock="2", name="=Milk", sku="MILK")
    make_product(stock="9", sku="FULL")
    with tenant_scope(shop):
        StockLevel.objects.update(reorder_point=5)
    StockTransferLineFactory(tenant=shop, product=milk, transfer__to_store=store)
    return milk


def test_low_stock_is_listed_with_what_is_on_the_way(manager_client, low, store):
    report = read(manager_client, LOW)
    assert report == {
        "rows": [
            {
                "product": str(low.pk),
                "sku": "MILK",
                "name": "=Milk",
                "store": str(store.pk),
                "store_name": store.name,
                "quantity": "2",
                "reorder_point": "5",
                "missing": "3",
                "in_transit": "2",
            }
        ],
        "row_count": 1,
    }
    (row,) = read_csv(manager_client, LOW)
    assert (row["name"], row["missing"]) == ("'=Milk", "3")
    head, cells = read_workbook(manager_client, LOW, store=str(store.pk))
    assert dict(zip(head, cells, strict=True))["missing"] == 3


def test_low_stock_of_another_store_is_not_listed(manager_client, low, shop):
    assert read(manager_client, LOW, store=str(StoreFactory(tenant=shop).pk))["rows"] == []


# --- dead stock ----------------------------------------------------------------------------------


def test_stock_without_a_sale_in_the_period_is_dead(manager_client, till, make_product, shop):
    sold, dead, cheap = (
        make_product("1.00", stock="10", sku=sku) for sku in ("SOLD", "DEAD", "CHEAP")
    )
    make_product(stock="10", sku="UNKNOWN")
    make_product(stock="0", sku="EMPTY")
    change(shop, dead, cost="0.80")
    change(shop, cheap, cost="0.10")
    age(shop, 200)
    till.sold(line(sold), payments=[cash("1.00")])
    make_product(stock="3", sku="NEW")

    report = read(manager_client, DEAD)

    assert [(row["sku"], row["quantity"], row["cost_total"]) for row in report["rows"]] == [
        ("DEAD", "10", "8.00"),
        ("CHEAP", "10", "1.00"),
        ("UNKNOWN", "10", None),
    ]
    assert (report["row_count"], report["cost_total"], report["without_cost"]) == (3, "9.00", 1)
    assert [row["sku"] for row in read_csv(manager_client, DEAD)] == ["DEAD", "CHEAP", "UNKNOWN"]
    assert len(read_workbook(manager_client, DEAD)) == 4
    # It was sold today, but not before.
    days = {"from": "2026-01-01", "to": "2026-01-31"}
    age(shop, 2000)
    skus = [row["sku"] for row in read(manager_client, DEAD, **days)["rows"]]
    assert sorted(skus) == ["CHEAP", "DEAD", "NEW", "SOLD", "UNKNOWN"]


def test_sale_in_another_store_does_not_count(manager_client, till, make_product, shop):
    product = make_product("1.00", stock="10")
    other = StoreFactory(tenant=shop)
    StockLevelFactory(product=product, store=other, quantity=3)
    age(shop, 200)
    till.sold(line(product), payments=[cash("1.00")])

    (row,) = read(manager_client, DEAD)["rows"]

    assert (row["store"], row["quantity"]) == (str(other.pk), "3")
    assert read(manager_client, DEAD, store=str(till.register.store_id))["rows"] == []


# --- margins -------------------------------------------------------------------------------------


def test_margins_are_net_sales_less_cost(manager_client, till, make_product, shop):
    milk, bread, gift = (
        make_product("2.38", stock="10", sku=sku) for sku in ("MILK", "BREAD", "GIFT")
    )
    change(shop, milk, cost="0.80")
    change(shop, gift, cost="3.00")
    order = till.sold(line(milk, "3"), payments=[cash("7.14")])
    till.sold(line(bread), payments=[cash("2.38")])
    till.sold(line(gift), payments=[cash("2.38")])
    lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
    body = {"id": new_id(), "reason": "Sour", "lines": lines}
    assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201

    report = read(manager_client, MARGINS)

    figures = ("sku", "quantity", "net_sales", "cost_total", "margin", "margin_percent")
    assert [tuple(row[name] for name in figures) for row in report["rows"]] == [
        # Without the 19 percent in the prices.
        ("MILK", "2", "4.00", "1.60", "2.40", "60.0"),
        ("GIFT", "1", "2.00", "3.00", "-1.00", "-50.0"),
        ("BREAD", "1", "2.00", None, None, None),
    ]
    sums = ("net_sales", "cost_total", "margin", "margin_percent", "without_cost", "row_count")
    assert [report[name] for name in sums] == ["6.00", "4.60", "1.40", "23.3", 1, 3]
    rows = read_csv(manager_client, MARGINS)
    assert [row["margin"] for row in rows] == ["2.40", "-1.00", ""]
    assert read_workbook(manager_client, MARGINS)[2][6] == -1


# --- who, and how ---------------------------------------------------------------------------------


def test_cashiers_and_service_keys_see_no_costs(client_of, cashier, shop, admin, problem):
    key = KeyClient(create_key(shop, admin))
    for path in (LOW, DEAD, MARGINS):
        problem(client_of(cashier).get(path), 403, "permission_denied")
    assert key.get(LOW).status_code == 200
    for path in (DEAD, MARGINS):
        assert key.get(path).status_code == 403


@pytest.mark.parametrize("path", [LOW, DEAD, MARGINS])
def test_wrong_query_is_refused(manager_client, problem, path):
    for query, field, code in (
        ({"store": new_id()}, "store", "does_not_exist"),
        ({"format": "pdf"}, "format", "invalid_choice"),
        ({"cashier": new_id()}, "cashier", "unknown_field"),
    ):
        problem(manager_client.get(path, query), 400, "invalid", {field: code})
    if path != LOW:
        problem(
            manager_client.get(path, {"to": "2026-01-01"}), 400, "invalid", {"from": "required"}
        )


@pytest.mark.parametrize("path", [LOW, DEAD, MARGINS])
def test_report_takes_the_same_queries_for_any_number_of_products(
    manager_client, till, make_product, shop, path
):
    def measure():
        with tenant_scope(shop):
            StockLevel.objects.update(reorder_point=1000)
        age(shop, 200)
        with CaptureQueriesContext(connection) as captured:
            read(manager_client, path)
        return len(captured)

    def sell(number):
        for _ in range(number):
            till.sold(line(make_product("1.00", stock="10")), payments=[cash("1.00")])
            make_product(stock="10")

    sell(1)
    few = measure()
    sell(3)
    assert measure() == few

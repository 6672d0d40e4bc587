"""Each statement of the most frequent requests is answered by one shard of a cluster."""

import pytest

from orders.models import StockLevel
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.factories.price_list import PriceFactory
from tests.support.frequent_requests import CALLS, OTHER_CALLS, PASSWORD, OtherRequests
from tests.support.shards import describe_insert, describe_scans, find_unrouted, record_in_cluster
from tests.support.terminals import give_pin

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

REQUESTS = CALLS | OTHER_CALLS


@pytest.fixture
def asked(shop, cashier, manager, register, product, foreign):
    shop.shifts_required = False
    shop.limits["cashier"]["refund_amount"] = "1000000"
    shop.save()
    cashier.set_password(PASSWORD)
    cashier.save()
    give_pin(cashier)
    BarcodeFactory(product=product, code="42")
    # Applies to every sale.
    PriceFactory(product=product, amount=product.price)
    # The search has two pages.
    ProductFactory(tenant=shop, sku=f"{product.sku}2")
    with tenant_scope(shop):
        StockLevel.objects.update(quantity=1_000)
    return OtherRequests(cashier, register, product, manager)


def test_every_statement_of_frequent_requests_is_answered_by_one_shard(asked, shop, monkeypatch):
    assert len(REQUESTS) >= 30
    wrong = []
    for name, request in REQUESTS.items():
        with record_in_cluster(monkeypatch) as statements:
            request(asked)
        assert statements, name
        wrong += [f"{name}: {each}" for each in find_unrouted(statements, shop)]

    assert wrong == []


def test_every_statement_of_a_stock_count_is_answered_by_one_shard(
    manager_client, store, product, shop, monkeypatch
):
    body = {"name": "Shelf 3", "store": str(store.pk), "category": str(product.category_id)}
    with record_in_cluster(monkeypatch) as statements:
        path = f"stock/counts/{manager_client.post('stock/counts/', body).json()['id']}/"
        lines = {"lines": [{"product": str(product.pk), "quantity": "1"}]}
        answers = [
            manager_client.post(f"{path}lines/", lines, Idempotency_Key="1"),
            manager_client.post(f"{path}close/", {"uncounted": "zero"}, Idempotency_Key="2"),
            manager_client.get("stock/count-lines/", {"different": "true"}),
        ]
    assert [each.status_code for each in answers] == [201, 200, 200]
    assert list(find_unrouted(statements, shop)) == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"Index Cond": "((tenant_id = '{shop}'::uuid) AND (id = '1'::uuid))"}, ""),
        ({"Filter": "(tenant_id = '{shop}'::uuid)"}, ""),
        ({"Index Cond": "(id = '1'::uuid)"}, "orders_order"),
        ({"Index Cond": "(tenant_id = other.tenant_id)"}, "orders_order"),
        ({"Index Cond": "(tenant_id = '{other}'::uuid)"}, "orders_order"),
        ({}, "orders_order"),
    ],
)
def test_scan_without_the_tenant_is_found(shop, other_shop, condition, found):
    plan = {"Node Type": "Index Scan", "Relation Name": "orders_order"} | {
        key: value.format(shop=shop.pk, other=other_shop.pk) for key, value in condition.items()
    }

    assert describe_scans({"Node Type": "Limit", "Plans": [plan]}, shop) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ('INSERT INTO "orders_order" ("id", "tenant_id") VALUES (1, 2)', ""),
        ('INSERT INTO "orders_order" ("id") VALUES (1)', "INSERT"),
        ("INSERT INTO orders_order (id, tenant_id) SELECT 1, 2", "INSERT"),
        ('INSERT INTO "accounts_throttle" ("key") VALUES (1)', ""),
        ("SELECT 1", ""),
    ],
)
def test_insert_without_the_tenant_is_found(sql, found):
    assert describe_insert(sql) == found

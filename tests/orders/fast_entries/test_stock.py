"""Stock levels are answered before Django exactly as by the view."""

import json

import pytest

from orders.models import StockLevel
from orders.serializers.stock import StockLevelSerializer
from tenants.ids import new_id
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, StockLevelFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

STOCK = "/api/v1/stock/"


@pytest.fixture
def client(cashier):
    return BothWays(Person(cashier).tokens.access)


@pytest.fixture
def levels(shop, store):
    values = [
        ("0", "0", None),
        ("12.5", "0", "3"),
        ("-3.125", "0", "0.5"),
        ("1000", "999.999", "1"),
    ]
    with tenant_scope(shop):
        levels = [
            StockLevelFactory(tenant=shop, store=store, product=ProductFactory(tenant=shop))
            for _ in values
        ]
        for level, (quantity, reserved, point) in zip(levels, values, strict=True):
            StockLevel.objects.filter(pk=level.pk).update(
                quantity=quantity, reserved=reserved, reorder_point=point
            )
    return levels


def test_all_pages_equal_the_view(client, levels, foreign):
    seen, path = [], f"{STOCK}?page_size=2"
    while path:
        page = json.loads(client.get(path).body)
        seen += [row["id"] for row in page["results"]]
        last, path = page, page["next"]
    assert seen == sorted(str(level.pk) for level in levels)
    assert json.loads(client.get(last["previous"]).body)["results"][0]["id"] == seen[0]


def test_filters(client, levels, foreign):
    for query, number in (
        (f"store={levels[0].store_id}", 4),
        (f"product={levels[1].product_id}", 1),
        (f"store={levels[0].store_id}&product={levels[1].product_id}", 1),
        (f"id={levels[0].pk},{levels[2].pk},{new_id()}", 2),
        (f"store={foreign.store.pk}", 0),
    ):
        assert len(json.loads(client.get(f"{STOCK}?{query}").body)["results"]) == number


@pytest.mark.parametrize(
    "query", ["low=true", "store=x", "id=x", "updated_since=2026-01-01T00:00:00Z"]
)
def test_other_queries_are_left_to_the_view(client, levels, query):
    client.get(f"{STOCK}?{query}", fast=False)


def test_unchanged_list_is_not_modified(client, levels):
    etag = dict(client.get(STOCK).headers)["ETag"]

    assert client.get(STOCK, if_none_match=etag).status == "304 Not Modified"


def test_times_with_zero_microseconds_equal_the_view(client, shop, levels):
    with tenant_scope(shop):
        for level, text in zip(levels, ("00Z", "00.1Z", "00.000001Z"), strict=False):
            StockLevel.objects.filter(pk=level.pk).update(updated_at=f"2026-01-01T00:00:{text}")

    client.get(STOCK)


def test_stock_level_data_equals_its_serializer_fields(shop, levels):
    with tenant_scope(shop):
        level = StockLevel.objects.get(pk=levels[1].pk)
        written = StockLevelSerializer(level).data
        described = super(StockLevelSerializer, StockLevelSerializer(level)).to_representation(
            level
        )

    assert json.loads(json.dumps(written)) == json.loads(json.dumps(described, default=str))

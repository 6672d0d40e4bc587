"""The snapshot of the catalog that terminals keep a copy of."""

import json
from datetime import datetime
from threading import Event

import pytest
from django.db import connection, transaction

from orders.models import Category, Product
from orders.serializers import snapshot
from orders.serializers.snapshot import KINDS, list_types
from tenants.database.read_snapshot import read_snapshot
from tenants.events.outbox import publish
from tenants.events.topics import RESOURCE_TYPES
from tenants.models import ChangeFeed
from tenants.models.outbox import STAFF_RESOURCE_TYPES
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.customers import CustomerGroupFactory
from tests.factories.modifier_list import ModifierFactory
from tests.factories.orders import BarcodeFactory, CategoryFactory, OrderFactory, ProductFactory
from tests.factories.price_list import PriceFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.parallel import run_concurrently
from tests.support.snapshot import PATH, get_lines, load_snapshot

pytestmark = pytest.mark.django_db

# The endpoint of each type of rows.
ENDPOINTS = {
    "tenant": "tenant/",
    "store": "stores/{}/",
    "register": "registers/{}/",
    "tax_class": "tax-classes/{}/",
    "category": "categories/{}/",
    "barcode_rule": "barcode-rules/{}/",
    "customer_group": "customer-groups/{}/",
    "modifier_list": "modifier-lists/{}/",
    "product": "products/{}/",
    "price_list": "price-lists/{}/",
    "price": "prices/{}/",
}


@pytest.fixture
def client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def catalog(shop, register):
    """Return one row of each type and some more, with what JSON and PostgreSQL must escape."""
    with tenant_scope(shop):
        BarcodeRuleFactory(tenant=shop)
        CustomerGroupFactory(tenant=shop)
        ModifierFactory(tenant=shop)
        deposit = ProductFactory(tenant=shop, name="Deposit", price="0.25")
        bottle = ProductFactory(tenant=shop, name='Ünï \u2028 "quoted" \\', deposit=deposit)
        Product.objects.filter(pk=bottle.pk).update(external_id="7", metadata={"ü": "\u2028"})
        for code in ("4006381333931", 'a"b\\c', "NULL", "{,}"):
            BarcodeFactory(product=bottle, code=code)
        PriceFactory(product=bottle, valid_from=datetime(2027, 1, 1))  # noqa: DTZ001
        ProductFactory(tenant=shop, name="Bare", tax_class=None, category=None, is_active=False)
    return bottle


def change(row, topic, **values):
    """Change a row and announce it, as services do."""
    with tenant_scope(row.tenant), transaction.atomic():
        for name, value in values.items():
            setattr(row, name, value)
        row.save_changes(*values)
        publish(topic, about=row)


def reprice(product, price):
    change(product, "product.updated", price=price)


# --- the whole ------------------------------------------------------------------------------------


def test_snapshot_has_every_row_exactly_as_its_endpoint_answers_it(client, catalog):
    first, *lines, last = get_lines(client.get(PATH))
    counts = json.loads(first)["counts"]

    assert list(counts) == list(ENDPOINTS)
    assert counts["product"] == 3
    assert all(counts.values())
    for line in lines:
        row = json.loads(line)
        path = ENDPOINTS[row["type"]].format(row["data"]["id"])
        answer = client.get(path).content
        assert line == b'{"type":"%b","data":%b}' % (row["type"].encode(), answer)
    assert json.loads(last) == {"type": "end", "rows": sum(counts.values())}


def test_types_are_those_of_the_change_feed_that_all_users_may_read():
    assert list_types() == list(ENDPOINTS)
    assert set(list_types()) <= set(STAFF_RESOURCE_TYPES) & set(RESOURCE_TYPES)


def test_empty_catalog_has_header_settings_and_end_marker(client, shop):
    loaded = load_snapshot(client)

    assert loaded.list_ids("tenant") == [str(shop.pk)]
    assert loaded.header == {
        "type": "header",
        "format": 1,
        "position": 0,
        "after": None,
        "counts": dict.fromkeys(ENDPOINTS, 0) | {"tenant": 1},
    }


def test_snapshot_contains_no_row_of_another_shop(client, catalog, foreign):
    text = b"\n".join(get_lines(client.get(PATH)))

    assert b"LEAKMARK" not in text
    assert str(foreign.product.pk).encode() not in text


def test_all_users_get_the_same_snapshot(client, catalog, client_of, manager, admin):
    lines = get_lines(client.get(PATH))

    for user in (manager, admin):
        assert get_lines(client_of(user).get(PATH)) == lines


def test_pages_are_put_together(client, catalog, monkeypatch):
    whole = get_lines(client.get(PATH))
    monkeypatch.setattr(snapshot, "PAGE_SIZE", 1)

    assert get_lines(client.get(PATH)) == whole


@pytest.mark.postgres
def test_rows_of_statements_equal_those_of_models(client, catalog, settings):
    reprice(catalog, "9.99")
    asked = ({}, {"after": 0})
    lines = [get_lines(client.get(PATH, query)) for query in asked]
    settings.FAST_PATHS = False

    assert [get_lines(client.get(PATH, query)) for query in asked] == lines


@pytest.mark.django_db(transaction=True)
def test_number_of_statements_does_not_depend_on_the_number_of_rows(client, shop, statements):
    def create(count):
        for _ in range(count):
            BarcodeFactory(product=ProductFactory(tenant=shop))
        return shop

    create(1)
    load_snapshot(client)
    # Session, waiting events, position, number and rows of each type; on PostgreSQL the isolation
    # level, on SQLite the barcodes.
    expected = 4 + 2 * len(KINDS)
    with statements(expected):
        client.get(PATH)
    create(5)
    with statements(expected):
        client.get(PATH)


# --- what has changed -----------------------------------------------------------------------------


def test_only_rows_that_changed_after_a_position_are_returned(client, catalog, shop):
    before = load_snapshot(client)
    reprice(catalog, "3.50")
    change(shop_category := catalog.category, "category.updated", name="Drinks")

    changed = load_snapshot(client, after=before.position)

    assert set(changed.rows) == {
        ("product", str(catalog.pk)),
        ("category", str(shop_category.pk)),
    }
    assert changed.rows["product", str(catalog.pk)]["price"] == "3.50"
    assert (changed.header["after"], changed.position) == (before.position, before.position + 2)
    assert load_snapshot(client, after=changed.position).rows == {}


def test_row_that_changed_twice_is_returned_once(client, catalog):
    before = load_snapshot(client)
    for price in ("3.50", "4.50"):
        reprice(catalog, price)

    changed = load_snapshot(client, after=before.position)

    assert [row["price"] for row in changed.rows.values()] == ["4.50"]
    assert changed.header["counts"]["product"] == 1


def test_deleted_rows_are_named(client, catalog, shop):
    unused = CategoryFactory(tenant=shop)
    before = load_snapshot(client)
    with tenant_scope(shop):
        publish("category.deleted", about=unused)
        Category.objects.filter(pk=unused.pk).delete()
    reprice(catalog, "1.00")

    changed = load_snapshot(client, after=before.position)

    assert changed.deleted == {("category", str(unused.pk))}
    assert changed.list_ids("product") == [str(catalog.pk)]
    assert changed.header["counts"]["category"] == 1


def test_changes_of_other_types_are_left_to_the_feed(client, catalog, cashier, register):
    before = load_snapshot(client)
    order = OrderFactory(cashier=cashier, register=register)
    with tenant_scope(order.tenant):
        publish("order.opened", about=order)

    changed = load_snapshot(client, after=before.position)

    assert (changed.rows, changed.position) == ({}, before.position + 1)
    assert client.get("changes/", {"after": changed.position}).json()["results"] == []


def test_many_changes_are_read_in_parts(client, shop, monkeypatch):
    monkeypatch.setattr(snapshot, "PAGE_SIZE", 2)
    products = ProductFactory.create_batch(5, tenant=shop)
    for product in products:
        reprice(product, "7.00")

    changed = load_snapshot(client, after=0)

    assert set(changed.list_ids("product")) == {str(product.pk) for product in products}


def test_changes_of_another_shop_are_not_returned(client, catalog, foreign):
    reprice(foreign.product, "1.23")

    assert load_snapshot(client, after=0).rows == {}


def test_position_that_is_gone_is_refused(client, catalog, problem):
    reprice(catalog, "3.00")
    load_snapshot(client)
    with tenant_scope(catalog.tenant):
        ChangeFeed.objects.update(pruned=1)

    for after in (0, 2):
        problem(client.get(PATH, {"after": after}), 410, "changes_gone")
    assert load_snapshot(client, after=1).rows == {}


@pytest.mark.parametrize("after", ["", "x", "-1", "1.0", "1" * 19, "1,2"])
def test_invalid_position_is_refused(client, after, problem):
    problem(client.get(PATH, {"after": after}), 400, "invalid", {"after": "invalid"})


def test_unknown_parameter_is_refused(client, problem):
    answer = client.get(PATH, {"page_size": "1"})

    problem(answer, 400, "unknown_filter", {"page_size": "unknown_filter"})


def test_snapshot_needs_a_log_in(anonymous, problem):
    problem(anonymous.get(PATH), 401, "not_authenticated")


# --- conditional, compressed ----------------------------------------------------------------------


def test_unchanged_snapshot_is_not_modified(client, catalog, cashier, register):
    reprice(catalog, "3.00")
    first = client.get(PATH)
    etag = first["ETag"]
    order = OrderFactory(cashier=cashier, register=register)
    with tenant_scope(order.tenant):
        publish("order.opened", about=order)

    for sent in (etag, f'"x", {etag}', etag.removeprefix("W/"), "*"):
        answer = client.get(PATH, If_None_Match=sent)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer["Vary"] == "Accept-Encoding, Accept"
    assert client.get(PATH, If_None_Match=etag)["ETag"] == etag


def test_changed_snapshot_is_returned(client, catalog, monkeypatch):
    etag = client.get(PATH)["ETag"]
    reprice(catalog, "3.00")

    answer = client.get(PATH, If_None_Match=etag)

    assert answer.status_code == 200
    assert answer["ETag"] != etag
    for other in ('"nonsense"', 'W/"00000000-1"', answer["ETag"].replace("-1", "-2")):
        assert client.get(PATH, If_None_Match=other).status_code == 200


def test_new_fields_change_the_etag(client, catalog, monkeypatch):
    etag = client.get(PATH)["ETag"]
    snapshot.build_shape.cache_clear()
    monkeypatch.setattr(snapshot, "FORMAT", 2)

    assert client.get(PATH, If_None_Match=etag).status_code == 200
    snapshot.build_shape.cache_clear()


def test_changes_after_a_position_have_no_etag(client, catalog):
    answer = client.get(PATH, {"after": 0}, If_None_Match="*")

    assert answer.status_code == 200
    assert "ETag" not in answer


def test_snapshot_is_compressed_for_clients_that_accept_it(client, catalog):
    plain = client.get(PATH)
    packed = client.get(PATH, Accept_Encoding="gzip")

    assert packed["Content-Type"] == plain["Content-Type"] == "application/x-ndjson"
    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert packed["Vary"] == plain["Vary"] == "Accept-Encoding, Accept"
    assert packed["ETag"] == plain["ETag"]
    assert get_lines(packed) == get_lines(plain)


@pytest.mark.parametrize("accept", ["application/x-ndjson", "*/*", "application/json"])
def test_snapshot_ignores_the_accept_header(client, catalog, accept):
    assert client.get(PATH, Accept=accept).status_code == 200


# --- at the same time -----------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_change_that_commits_late_follows_the_position(client, catalog, client_of, manager):
    """Its event is older than one that the snapshot contains."""
    other = ProductFactory(tenant=catalog.tenant, price="1.00")
    published, may_commit = Event(), Event()

    def change_slowly():
        with tenant_scope(catalog.tenant):
            reprice(catalog, "5.00")
            published.set()
            assert may_commit.wait(30)

    def load_meanwhile():
        assert published.wait(30)
        reprice(other, "2.00")
        loaded = load_snapshot(client)
        may_commit.set()
        return loaded

    _, loaded = run_concurrently([change_slowly, load_meanwhile])
    changed = load_snapshot(client, after=loaded.position)

    assert loaded.rows["product", str(other.pk)]["price"] == "2.00"
    assert loaded.rows["product", str(catalog.pk)]["price"] == "2.50"
    assert changed.rows["product", str(catalog.pk)]["price"] == "5.00"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_change_while_rows_are_read_is_not_in_the_snapshot(client, catalog, monkeypatch):
    """On SQLite too: the snapshot is one transaction, which blocks no writer."""
    monkeypatch.setattr(snapshot, "PAGE_SIZE", 1)
    last = ProductFactory(tenant=catalog.tenant, price="1.00")
    waiting = [lambda: reprice(last, "8.00")]
    plain = snapshot.write_rows

    def change_meanwhile(kind, rows):
        if kind.name == "product" and waiting:
            assert run_concurrently([waiting.pop()]) == [None]
        return plain(kind, rows)

    monkeypatch.setattr(snapshot, "write_rows", change_meanwhile)
    loaded = load_snapshot(client)
    changed = load_snapshot(client, after=loaded.position)

    assert loaded.rows["product", str(last.pk)]["price"] == "1.00"
    assert changed.rows["product", str(last.pk)]["price"] == "8.00"


WRITERS, CHANGES_EACH = 6, 12


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_copy_that_is_kept_during_many_changes_misses_none(client, shop):
    """Each writer reprices its own product; the copy has the last price of each at the end."""
    products = ProductFactory.create_batch(WRITERS, tenant=shop)
    running = {product.pk for product in products}

    def write(product):
        for number in range(1, CHANGES_EACH + 1):
            reprice(product, f"{number}.00")
        running.discard(product.pk)

    def keep_copy():
        loaded = load_snapshot(client)
        copy, after, is_last = dict(loaded.rows), loaded.position, False
        while not is_last:
            is_last = not running
            changed = load_snapshot(client, after=after)
            for key, row in changed.rows.items():
                assert row["version"] >= copy[key]["version"]
            copy |= changed.rows
            after = changed.position
        return copy, after

    *_, (copy, after) = run_concurrently(
        [*(lambda product=product: write(product) for product in products), keep_copy]
    )

    assert copy == load_snapshot(client).rows
    assert after == WRITERS * CHANGES_EACH
    assert {row["price"] for (kind, _), row in copy.items() if kind == "product"} == {
        f"{CHANGES_EACH}.00"
    }


@pytest.mark.django_db(transaction=True)
def test_snapshot_leaves_no_transaction_open_while_it_is_sent(client, catalog):
    answer = client.get(PATH)

    assert not connection.in_atomic_block
    if connection.vendor == "sqlite":
        assert not connection.connection.in_transaction
    assert get_lines(answer)


@pytest.mark.django_db(transaction=True)
def test_read_snapshot_refuses_to_run_in_another_transaction(shop):
    with transaction.atomic(), pytest.raises(RuntimeError), read_snapshot():
        pass


def test_snapshot_has_stores_and_registers_of_all_stores(client, catalog, shop):
    other = RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop), number=9)

    loaded = load_snapshot(client)

    assert ("register", str(other.pk)) in loaded.rows
    assert ("store", str(other.store_id)) in loaded.rows

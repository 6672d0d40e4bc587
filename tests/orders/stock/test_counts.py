"""Stock counts: lines, closing while sales go on, and what is recorded late."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from orders.models import StockCount, StockCountLine, StockLevel, StockMovement
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory
from tests.factories.stock_count import StockCountFactory
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.till import cash, ensure_books_balance, get_stock_level, line, new_id

PATH = "stock/counts/"


class Counter:
    """A manager who counts in the store."""

    def __init__(self, client, store):
        self.client, self.store = client, store

    def start(self, **more):
        body = {"name": "Shelf 3", "store": str(self.store.pk), **more}
        response = self.client.post(PATH, body)
        assert response.status_code == 201, response.content
        return response.json()["id"]

    def send(self, count, *lines):
        path = f"{PATH}{count}/lines/"
        return self.client.post(path, {"lines": list(lines)}, Idempotency_Key=new_id())

    def count(self, count, product, quantity, **more):
        response = self.send(count, {"product": str(product.pk), "quantity": quantity, **more})
        assert response.status_code == 201, response.content
        return response.json()["lines"][0]

    def close(self, count, uncounted="keep"):
        path = f"{PATH}{count}/close/"
        return self.client.post(path, {"uncounted": uncounted}, Idempotency_Key=new_id())

    def closed(self, count, uncounted="keep"):
        response = self.close(count, uncounted)
        assert response.status_code == 200, response.content
        return response.json()

    def lines(self, count, **query):
        query = {"stock_count": count, **query}
        return self.client.get("stock/count-lines/", query).json()["results"]


@pytest.fixture
def counter(manager_client, store):
    return Counter(manager_client, store)


@pytest.fixture
def books(shop):
    """Return what a refused request must not change."""

    def read():
        with tenant_scope(shop):
            levels = StockLevel.objects.order_by("pk").values_list("pk", "quantity", "version")
            counts = StockCount.objects.order_by("pk").values_list("pk", "status", "version")
            tables = (StockMovement, StockCountLine, AuditEvent, OutboxEvent)
            return list(levels), list(counts), [table.objects.count() for table in tables]

    return read


def list_counts(shop, product):
    """Return the count movements of a product as differences, with what was counted."""
    with tenant_scope(shop):
        rows = StockMovement.objects.filter(product=product, type="count").order_by("created_at")
        return [(row.quantity, row.counted) for row in rows]


# --- closing -------------------------------------------------------------------------------------


def test_sales_after_a_product_was_counted_stay_sold(counter, till, make_product, store, shop):
    product = make_product("1.00", stock="12")
    count = counter.start()

    counted = counter.count(count, product, "10")
    till.sold(line(product, "3"), payments=[cash("3.00")])
    assert get_stock_level(product, store) == (9, 0), "counting changes no stock"
    shown = counter.closed(count)

    assert (
        counted["expected_quantity"],
        counted["counted_quantity"],
        counted["quantity_difference"],
    ) == ("12", "10", "-2")
    assert get_stock_level(product, store) == (7, 0)
    assert list_counts(shop, product) == [(-2, 10)]
    assert (shown["status"], shown["line_count"], shown["uncounted"]) == ("closed", 1, "keep")
    assert [each["quantity_difference"] for each in counter.lines(count)] == ["-2"]
    ensure_books_balance(shop)


def test_movements_of_a_closed_count_name_it(counter, make_product, manager, shop):
    product = make_product(stock="5")
    count = counter.start()
    at = counter.count(count, product, "5")["counted_at"]
    counter.closed(count)

    query = {"product": str(product.pk), "type": "count"}
    (movement,) = counter.client.get("stock/movements/", query).json()["results"]
    assert (movement["type"], movement["quantity"], movement["counted"]) == ("count", "0", "5")
    assert (movement["reason"], movement["stock_count"]) == ("Shelf 3", count)
    assert (movement["occurred_at"], movement["by"]) == (at, str(manager.pk))


def test_sale_of_a_till_without_network_is_part_of_the_count(
    counter, till, make_product, register, store, shop
):
    """Sold before the count and uploaded after it: the shelf was counted without it."""
    product = make_product("1.00", stock="12")
    count = counter.start()
    sold_at = timezone.now() - timedelta(hours=1)
    counter.count(count, product, "10")

    sale = build_offline_sale(1, build_offline_line(product, "1"), sold_at=sold_at.isoformat())
    body = {"register": str(register.pk), "batch": [sale]}
    answer = till.post("sync/orders/", body)
    assert answer.status_code == 200, answer.content
    assert get_stock_level(product, store) == (11, 0)
    counter.closed(count)

    assert get_stock_level(product, store) == (10, 0)
    (counted,) = counter.lines(count)
    assert (counted["expected_quantity"], counted["quantity_difference"]) == ("11", "-1")
    # Uploaded after closing, another one changes nothing either.
    late = build_offline_sale(2, build_offline_line(product, "2"), sold_at=sold_at.isoformat())
    assert till.post("sync/orders/", body | {"batch": [late]}).status_code == 200
    assert get_stock_level(product, store) == (10, 0)
    ensure_books_balance(shop)


@pytest.mark.parametrize("first", [0, 1])
def test_later_of_two_counts_of_a_product_wins(counter, make_product, store, shop, first):
    product = make_product(stock="12")
    counts = [counter.start(), counter.start(name="Store room")]
    counter.count(counts[0], product, "10")
    counter.count(counts[1], product, "9")

    counter.closed(counts[first])
    counter.closed(counts[1 - first])

    assert get_stock_level(product, store) == (9, 0)
    ensure_books_balance(shop)


def test_single_count_after_a_line_wins(counter, stockroom, make_product, store, shop):
    product = make_product(stock="12")
    count = counter.start()
    counter.count(count, product, "10")
    stockroom.moved("count", product, "4")
    stockroom.moved("receive", product, "3")

    counter.closed(count)

    assert get_stock_level(product, store) == (7, 0)
    ensure_books_balance(shop)


def test_movement_of_the_past_that_is_entered_meanwhile_is_part_of_the_count(
    counter, stockroom, make_product, store, shop
):
    product = make_product(stock="12")
    count = counter.start()
    before = timezone.now().isoformat()
    counter.count(count, product, "10")
    stockroom.moved("waste", product, "2", occurred_at=before)
    stockroom.moved("waste", product, "1")

    counter.closed(count)

    assert get_stock_level(product, store) == (9, 0)
    ensure_books_balance(shop)


def test_uncounted_products_keep_their_stock_or_have_none(counter, make_product, store, shop):
    drinks = CategoryFactory(tenant=shop)
    counted, missed, gone = (make_product(stock="5", category=drinks) for _ in range(3))
    other = make_product(stock="5")
    kept, zeroed = (counter.start(category=str(drinks.pk)) for _ in range(2))
    for count in (kept, zeroed):
        counter.count(count, counted, "4")
    with tenant_scope(shop):
        StockLevel.objects.filter(product=gone).update(quantity=-2)

    counter.closed(kept, "keep")
    assert [get_stock_level(each, store)[0] for each in (counted, missed, gone)] == [4, 5, -2]
    counter.closed(zeroed, "zero")

    assert [get_stock_level(each, store)[0] for each in (counted, missed, gone)] == [4, 0, 0]
    assert get_stock_level(other, store) == (5, 0)
    assert list_counts(shop, missed) == [(-5, 0)]
    assert len(list_counts(shop, other)) == 0


def test_closing_publishes_levels_and_low_stock(counter, make_product, shop):
    low, same = make_product(stock="12"), make_product(stock="3")
    with tenant_scope(shop):
        StockLevel.objects.filter(product=low).update(reorder_point=5)
    count = counter.start()
    counter.count(count, low, "5")
    counter.count(count, same, "3")
    counter.closed(count)

    with tenant_scope(shop):
        topics = list(OutboxEvent.objects.order_by("created_at", "id").values_list("topic", "data"))
    names = [topic for topic, _ in topics]
    assert names.count("stock_level.updated") == 1
    assert [data["sku"] for topic, data in topics if topic == "stock.low"] == [low.sku]
    assert [name for name in names if name.startswith("stock_count")] == [
        "stock_count.created",
        "stock_count.updated",
        "stock_count.updated",
        "stock_count.closed",
    ]


def test_count_may_be_below_zero_stock_rules(counter, make_product, store, shop):
    """A shop that blocks sales of what is missing still counts what is there."""
    shop.stock_policy = Tenant.StockPolicy.BLOCK
    shop.save()
    never_seen, weighed = make_product(stock=None), make_product(stock="1", sold_by="weight")
    count = counter.start()
    counter.count(count, never_seen, "7")
    counter.count(count, weighed, "0.125")
    counter.closed(count)

    assert get_stock_level(never_seen, store)[0] == 7
    assert get_stock_level(weighed, store)[0] == Decimal("0.125")


def test_closing_many_lines_takes_a_bounded_number_of_statements(
    counter, store, shop, manager_client, django_assert_max_num_queries
):
    with tenant_scope(shop):
        products = [ProductFactory(tenant=shop, sku=f"P-{n}") for n in range(3)]
    counts = []
    for size in (1, 3):
        count = counter.start()
        lines = [{"product": str(each.pk), "quantity": "5"} for each in products[:size]]
        counts.append((count, lines))
    with django_assert_max_num_queries(1000) as few:
        counter.send(counts[0][0], *counts[0][1])
        counter.closed(counts[0][0], "zero")
    # The first of the products has a level already.
    with django_assert_max_num_queries(1000) as many:
        counter.send(counts[1][0], *counts[1][1])
        counter.closed(counts[1][0], "zero")
    assert len(many) <= len(few) + 1


# --- lines ---------------------------------------------------------------------------------------


def test_product_is_counted_again_or_added(counter, till, make_product, store):
    product = make_product("1.00", stock="12")
    count = counter.start()
    counter.count(count, product, "4")
    till.sold(line(product), payments=[cash("1.00")])

    added = counter.count(count, product, "6", add=True)
    assert (added["counted_quantity"], added["expected_quantity"], added["version"]) == (
        "10",
        "11",
        2,
    )
    replaced = counter.count(count, product, "9")

    assert (replaced["counted_quantity"], replaced["id"]) == ("9", added["id"])
    assert counter.client.get(f"{PATH}{count}/").json()["line_count"] == 1
    counter.closed(count)
    assert get_stock_level(product, store) == (9, 0)


def test_products_are_found_by_barcode_and_sku(counter, make_product):
    by_sku, by_barcode = make_product(sku="PEAR"), make_product()
    BarcodeFactory(product=by_barcode, code="4006381333931")
    count = counter.start()

    response = counter.send(
        count,
        {"code": "04006381333931", "quantity": "1"},
        {"code": "PEAR", "quantity": "2"},
    )

    assert [each["product"] for each in response.json()["lines"]] == [
        str(by_barcode.pk),
        str(by_sku.pk),
    ]
    assert response.json()["stock_count"]["line_count"] == 2


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"quantity": "1.5"}, "lines[1].quantity", "not_whole"),
        ({"quantity": "-1"}, "lines[1].quantity", "invalid"),
        ({"product": new_id()}, "lines[1].product", "does_not_exist"),
        ({"code": "unknown", "product": None}, "lines[1].code", "does_not_exist"),
        ({"code": "unknown"}, "lines[1].product", "required"),
        ({"product": "first"}, "lines[1].product", "repeated"),
        ({"product": "untracked"}, "lines[1].product", "not_tracked"),
        (
            {"quantity": "999999999", "add": True, "product": "many"},
            "lines[1].quantity",
            "max_digits",
        ),
    ],
)
def test_invalid_line_saves_nothing(counter, make_product, books, problem, changes, field, code):
    named = {
        "first": make_product(),
        "untracked": make_product(track_stock=False),
        "many": make_product(),
    }
    count = counter.start()
    counter.count(count, named["many"], "1")
    before = books()
    good = {"product": str(named["first"].pk), "quantity": "3"}
    bad = {"product": str(make_product().pk), "quantity": "1", **changes}
    bad = {name: value for name, value in bad.items() if value is not None}
    if bad.get("product") in named:
        bad["product"] = str(named[bad["product"]].pk)
    before = books()

    problem(counter.send(count, good, bad), 400, "invalid", {field: code})
    assert books() == before


def test_more_than_500_lines_are_rejected(counter, books, problem):
    count = counter.start()
    before = books()
    lines = [{"product": new_id(), "quantity": "1"}] * 501
    problem(counter.send(count, *lines), 400, "invalid", {"lines": "max_length"})
    assert books() == before


def test_lines_are_filtered_by_difference(counter, make_product):
    same, other = make_product(stock="5"), make_product(stock="5")
    count = counter.start()
    counter.count(count, same, "5")
    counter.count(count, other, "6")

    assert [each["product"] for each in counter.lines(count, different="true")] == [str(other.pk)]
    assert [each["product"] for each in counter.lines(count, different="false")] == [str(same.pk)]
    with_product = counter.lines(count, product=str(same.pk))
    assert [each["quantity_difference"] for each in with_product] == ["0"]


# --- status --------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_ended_count_is_not_changed(counter, make_product, books, problem, store, end):
    product = make_product(stock="5")
    count = counter.start()
    counter.count(count, product, "3")
    if end == "close":
        counter.closed(count)
    else:
        canceled = counter.client.post(f"{PATH}{count}/cancel/")
        assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert get_stock_level(product, store)[0] == (3 if end == "close" else 5)
    before = books()

    line = {"product": str(product.pk), "quantity": "1"}
    for answer in (
        counter.send(count, line),
        counter.close(count),
        counter.client.post(f"{PATH}{count}/cancel/"),
        counter.client.patch(f"{PATH}{count}/", {"name": "Shelf 4"}, If_Match="*"),
    ):
        problem(answer, 409, "stock_count_not_open")
    assert books() == before


def test_closing_is_repeated_by_its_key(counter, make_product, store):
    product = make_product(stock="5")
    count = counter.start()
    counter.count(count, product, "3")
    path, key = f"{PATH}{count}/close/", new_id()

    answers = [
        counter.client.post(path, {"uncounted": "keep"}, Idempotency_Key=key) for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert get_stock_level(product, store) == (3, 0)


def test_closing_needs_the_current_version_and_adding_a_key(counter, make_product, books, problem):
    count, product = counter.start(), make_product()
    before = books()
    path, body = f"{PATH}{count}/close/", {"uncounted": "keep"}
    problem(counter.client.post(path, body, If_Match='"7"'), 412, "version_conflict")
    added = {"lines": [{"product": str(product.pk), "quantity": "1", "add": True}]}
    answer = counter.client.post(f"{PATH}{count}/lines/", added)
    problem(answer, 400, "idempotency_key_required")
    assert books() == before


def test_name_is_changed_with_the_current_version(counter, problem):
    path = f"{PATH}{counter.start()}/"
    problem(counter.client.patch(path, {"name": "Shelf 4"}), 428, "if_match_required")
    changed = counter.client.patch(path, {"name": "Shelf 4", "note": "Top"}, If_Match='"1"').json()
    assert (changed["name"], changed["note"], changed["version"]) == ("Shelf 4", "Top", 2)


# --- who -----------------------------------------------------------------------------------------


def test_counts_of_another_shop_are_unknown(counter, other_shop, problem, make_product):
    theirs = StockCountFactory(tenant=other_shop)
    product = ProductFactory(tenant=other_shop)
    lines = {"product": str(product.pk), "quantity": "1"}
    problem(counter.client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    problem(counter.close(theirs.pk), 404, "not_found")
    unknown = {"lines[0].product": "does_not_exist"}
    problem(counter.send(counter.start(), lines), 400, "invalid", unknown)
    assert counter.lines(str(theirs.pk)) == []


def test_cashier_cannot_count(counter, client_of, shop, problem, books):
    count = counter.start()
    before = books()
    cashier = client_of(UserFactory(tenant=shop))
    problem(cashier.get(f"{PATH}{count}/"), 403, "permission_denied")
    problem(
        cashier.post(PATH, {"name": "Shelf", "store": str(counter.store.pk)}),
        403,
        "permission_denied",
    )
    # The refusals are in the audit log.
    assert books()[:2] == before[:2]
    assert books()[2][:2] == before[2][:2]


def test_time_of_a_line_is_the_moment_of_the_count(counter, make_product):
    product = make_product(stock="5")
    count = counter.start()
    noon = timezone.now() + timedelta(minutes=2)
    with time_machine.travel(noon, tick=False):
        counted = counter.count(count, product, "5")
    assert counted["counted_at"].startswith(noon.isoformat()[:19])

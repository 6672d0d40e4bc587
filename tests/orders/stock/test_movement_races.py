"""Concurrent sales, waste, transfers and counts keep levels and movements consistent."""

from decimal import Decimal

import pytest

from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import find_stock_differences
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.orders.stock.test_stock_races import count_deadlocks
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import cash, ensure_books_balance, line

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def ensure_consistent(shop):
    ensure_books_balance(shop)
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []


def build_sale(till, product, quantity="1"):
    return lambda: till.sell(line(product, quantity), payments=[cash("1.00")])


def test_last_unit_is_either_sold_or_wasted(tills, stockroom, make_product, shop):
    product = make_product("1.00", stock="1")
    sales = [build_sale(till, product) for till in tills * 2]
    wastes = [lambda: stockroom.move("waste", product)] * 8

    answers = run_concurrently([each for pair in zip(sales, wastes, strict=True) for each in pair])

    assert statuses(answers) == {201: 1, 409: 15}
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["code"] for each in refused} == {"insufficient_stock"}
    assert stockroom.level(product) == 0
    ensure_consistent(shop)


@pytest.mark.slow
def test_opposite_transfers_do_not_deadlock(stockroom, make_product, shop):
    products = [make_product(stock="100") for _ in range(3)]
    before = count_deadlocks()
    for product in products:
        stockroom.moved("transfer_out", product, "50")
    outward = {"store": str(stockroom.store.pk), "to_store": str(stockroom.second.pk)}
    inward = {"store": outward["to_store"], "to_store": outward["store"]}

    def send(product, direction):
        return [
            stockroom.move("transfer_out", product, "2", **direction).status_code for _ in range(3)
        ]

    outcomes = run_concurrently(
        [
            lambda product=product, direction=direction: send(product, direction)
            for product in products
            for direction in (outward, inward) * 2
        ]
    )

    assert outcomes == [[201] * 3] * 12
    assert count_deadlocks() == before, "a transaction was retried after a deadlock"
    assert {
        (stockroom.level(each), stockroom.level(each, stockroom.second)) for each in products
    } == {(50, 50)}
    ensure_consistent(shop)


def test_concurrent_first_transfers_create_missing_levels(stockroom, make_product, shop):
    """Neither store has a level of the other's product, so several transactions create it."""
    ours, theirs = make_product(stock="20"), make_product(stock=None)
    inward = {"store": str(stockroom.second.pk), "to_store": str(stockroom.store.pk)}
    stockroom.moved("receive", theirs, "20", store=inward["store"])

    answers = run_concurrently(
        [
            *[lambda: stockroom.move("transfer_out", ours, "2")] * 5,
            *[lambda: stockroom.move("transfer_out", theirs, "2", **inward)] * 5,
        ]
    )

    assert statuses(answers) == {201: 10}
    for product in (ours, theirs):
        assert (stockroom.level(product), stockroom.level(product, stockroom.second)) == (10, 10)
    ensure_consistent(shop)


def test_concurrent_sales_and_counts_are_each_counted_once(tills, stockroom, make_product, shop):
    product = make_product("1.00", stock="100")
    counts = [lambda: stockroom.move("count", product, "50")] * 4

    answers = run_concurrently([*counts, *[build_sale(till, product) for till in tills * 3]])

    assert statuses(answers) == {201: 16}
    with tenant_scope(shop):
        counted = StockMovement.objects.filter(type="count")
        differences = list(counted.values_list("quantity", flat=True))
        sold = StockMovement.objects.filter(type="sale").count()
    assert sold == 12
    assert stockroom.level(product) == 100 - 12 + sum(differences)
    assert 38 <= stockroom.level(product) <= 50, "only sales after the last count reduce the level"
    ensure_consistent(shop)


def test_concurrent_late_movements_are_corrected_by_the_count(stockroom, make_product, shop):
    product = make_product(stock=None)
    stockroom.moved("count", product, "10", occurred_at="2025-03-01T12:00:00Z")
    early, late = "2025-03-01T11:00:00Z", "2025-03-01T13:00:00Z"

    answers = run_concurrently(
        [
            lambda said=said: stockroom.move("receive", product, "3", occurred_at=said)
            for said in (early, late) * 5
        ]
    )

    assert statuses(answers) == {201: 10}
    assert stockroom.level(product) == 10 + 5 * 3
    ensure_consistent(shop)


@pytest.mark.parametrize("kind", ["waste", "count", "transfer_out"])
def test_movement_sent_twenty_times_at_once_is_booked_once(stockroom, make_product, shop, kind):
    product = make_product(stock="10")
    body = stockroom.body(kind, product, "4")

    answers = run_times(20, lambda: stockroom.post("stock/movements/", body))

    assert statuses(answers) == {201: 1, 200: 19}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert stockroom.level(product) == {"count": Decimal(4)}.get(kind, Decimal(6))
    ensure_consistent(shop)


def test_concurrent_sales_send_one_low_stock_event(tills, make_product, shop):
    product = make_product("1.00", stock="20")
    with tenant_scope(shop):
        StockLevel.objects.update(reorder_point=10)

    answers = run_concurrently([build_sale(till, product) for till in tills * 4])

    assert statuses(answers) == {201: 16}
    with tenant_scope(shop):
        (event,) = OutboxEvent.objects.filter(topic="stock.low")
    assert event.data["quantity"] == "10"


def test_concurrent_sales_and_reorder_point_changes_lose_nothing(
    tills, stockroom, make_product, shop
):
    product = make_product("1.00", stock="20")
    (level,) = stockroom.get("stock/").json()["results"]
    path = f"stock/{level['id']}/"

    answers = run_concurrently(
        [
            *[build_sale(till, product) for till in tills * 2],
            *[lambda: stockroom.patch(path, {"reorder_point": "2"}, If_Match="*")] * 4,
        ]
    )

    assert statuses(answers) == {201: 8, 200: 4}
    shown = stockroom.get(path).json()
    assert (shown["quantity"], shown["reorder_point"], shown["version"]) == ("12", "2", 13)
    ensure_consistent(shop)

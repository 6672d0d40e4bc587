"""Sales, waste, transfers and counts of the same goods at the same moment: the books agree."""

from decimal import Decimal

import pytest

from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import find_stock_differences
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.orders.stock.test_stock_races import deadlocks
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import cash, ensure_books_balance, line

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def ensure_in_order(shop):
    ensure_books_balance(shop)
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []


def selling(till, product, quantity="1"):
    return lambda: till.sell(line(product, quantity), payments=[cash("1.00")])


def test_the_last_one_is_sold_or_thrown_away(tills, stockroom, make_product, shop):
    product = make_product("1.00", stock="1")
    sales = [selling(till, product) for till in tills * 2]
    wastes = [lambda: stockroom.move("waste", product)] * 8

    answers = run_concurrently([each for pair in zip(sales, wastes, strict=True) for each in pair])

    assert statuses(answers) == {201: 1, 409: 15}
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["code"] for each in refused} == {"insufficient_stock"}
    assert stockroom.level(product) == 0
    ensure_in_order(shop)


def test_transfers_that_cross_never_wait_for_each_other_in_a_circle(stockroom, make_product, shop):
    products = [make_product(stock="100") for _ in range(3)]
    before = deadlocks()
    for product in products:
        stockroom.moved("transfer_out", product, "50")
    there = {"store": str(stockroom.store.pk), "to_store": str(stockroom.second.pk)}
    back = {"store": there["to_store"], "to_store": there["store"]}

    def send(product, way):
        return [stockroom.move("transfer_out", product, "2", **way).status_code for _ in range(3)]

    outcomes = run_concurrently(
        [
            lambda product=product, way=way: send(product, way)
            for product in products
            for way in (there, back) * 2
        ]
    )

    assert outcomes == [[201] * 3] * 12
    assert deadlocks() == before, "one was tried again; none should be needed"
    assert {
        (stockroom.level(each), stockroom.level(each, stockroom.second)) for each in products
    } == {(50, 50)}
    ensure_in_order(shop)


def test_the_first_transfers_to_a_store_may_cross(stockroom, make_product, shop):
    """Neither store has ever had the other's goods: both levels are made by many at once."""
    ours, theirs = make_product(stock="20"), make_product(stock=None)
    back = {"store": str(stockroom.second.pk), "to_store": str(stockroom.store.pk)}
    stockroom.moved("receive", theirs, "20", store=back["store"])

    answers = run_concurrently(
        [
            *[lambda: stockroom.move("transfer_out", ours, "2")] * 5,
            *[lambda: stockroom.move("transfer_out", theirs, "2", **back)] * 5,
        ]
    )

    assert statuses(answers) == {201: 10}
    for product in (ours, theirs):
        assert (stockroom.level(product), stockroom.level(product, stockroom.second)) == (10, 10)
    ensure_in_order(shop)


def test_what_is_sold_while_somebody_counts_is_counted_once(tills, stockroom, make_product, shop):
    product = make_product("1.00", stock="100")
    counts = [lambda: stockroom.move("count", product, "50")] * 4

    answers = run_concurrently([*counts, *[selling(till, product) for till in tills * 3]])

    assert statuses(answers) == {201: 16}
    with tenant_scope(shop):
        counted = StockMovement.objects.filter(type="count")
        differences = list(counted.values_list("quantity", flat=True))
        sold = StockMovement.objects.filter(type="sale").count()
    assert sold == 12
    assert stockroom.level(product) == 100 - 12 + sum(differences)
    assert 38 <= stockroom.level(product) <= 50, (
        "those that were sold after the last count are gone"
    )
    ensure_in_order(shop)


def test_what_is_told_late_by_many_at_once_was_seen_by_the_count(stockroom, make_product, shop):
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
    ensure_in_order(shop)


@pytest.mark.parametrize("kind", ["waste", "count", "transfer_out"])
def test_one_movement_sent_twenty_times_at_once_happens_once(stockroom, make_product, shop, kind):
    product = make_product(stock="10")
    body = stockroom.body(kind, product, "4")

    answers = run_times(20, lambda: stockroom.post("stock/movements/", body))

    assert statuses(answers) == {201: 1, 200: 19}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert stockroom.level(product) == {"count": Decimal(4)}.get(kind, Decimal(6))
    ensure_in_order(shop)


def test_of_many_sales_at_once_one_tells_that_little_is_left(tills, make_product, shop):
    product = make_product("1.00", stock="20")
    with tenant_scope(shop):
        StockLevel.objects.update(reorder_point=10)

    answers = run_concurrently([selling(till, product) for till in tills * 4])

    assert statuses(answers) == {201: 16}
    with tenant_scope(shop):
        (event,) = OutboxEvent.objects.filter(topic="stock.low")
    assert event.data["quantity"] == "10"


def test_a_mark_and_sales_at_once_lose_nothing(tills, stockroom, make_product, shop):
    product = make_product("1.00", stock="20")
    (level,) = stockroom.get("stock/").json()["results"]
    path = f"stock/{level['id']}/"

    answers = run_concurrently(
        [
            *[selling(till, product) for till in tills * 2],
            *[lambda: stockroom.patch(path, {"reorder_point": "2"}, If_Match="*")] * 4,
        ]
    )

    assert statuses(answers) == {201: 8, 200: 4}
    shown = stockroom.get(path).json()
    assert (shown["quantity"], shown["reorder_point"], shown["version"]) == ("12", "2", 13)
    ensure_in_order(shop)

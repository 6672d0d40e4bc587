"""A count stays correct for its time when earlier movements are recorded later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import find_stock_differences
from orders.services.stock.movements import NewMovement, move_stock, offset_counted_sales
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.gateway import TIMED_OUT
from tests.support.till import Till, card, cash, ensure_books_balance, get_stock_level, line, new_id

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def at(hours: int) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


# --- counts of now -------------------------------------------------------------------------------


@pytest.mark.parametrize(("counted", "difference"), [("7", "-3"), ("12", "2"), ("0", "-10")])
def test_count_sets_the_stock_level(stockroom, product, shop, counted, difference):
    shown = stockroom.moved("count", product, counted)

    assert (shown["quantity"], shown["counted"]) == (difference, counted)
    assert stockroom.level(product) == Decimal(counted)
    ensure_books_balance(shop)


def test_count_without_difference_is_stored_as_a_movement_of_zero(stockroom, till, product):
    """Repeated after a sale, it is still the count before the sale."""
    body = stockroom.body("count", product, "10")
    first = stockroom.post("stock/movements/", body)
    till.sold(line(product), payments=[cash("2.50")])

    again = stockroom.post("stock/movements/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["quantity"], first.json()["counted"]) == ("0", "10")
    assert again.json() == first.json()
    assert stockroom.level(product) == 9


def test_product_without_stock_level_can_be_counted(stockroom, make_product):
    product = make_product(stock=None)

    assert stockroom.moved("count", product, "0")["quantity"] == "0"

    (level,) = stockroom.get("stock/").json()["results"]
    assert (level["product"], level["quantity"]) == (str(product.pk), "0")


def test_count_may_be_below_the_reserved_quantity(stockroom, till, product, gateway):
    """Refusing the count would not change the actual stock."""
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "8"), payments=[card("20.00")])

    stockroom.moved("count", product, "5")

    assert get_stock_level(product, stockroom.store) == (5, 8)
    (level,) = stockroom.get("stock/").json()["results"]
    assert level["available"] == "-3"


# --- counts of the past --------------------------------------------------------------------------


@pytest.fixture
def apples(stockroom, make_product):
    """Return a product of which 10 were received two hours before noon."""
    product = make_product(stock=None)
    stockroom.moved("receive", product, "10", occurred_at=at(-2))
    return product


def test_movements_after_a_count_are_added_to_it(stockroom, apples, shop):
    stockroom.moved("waste", apples, "1", occurred_at=at(-1))
    stockroom.moved("receive", apples, "5", occurred_at=at(1))
    stockroom.moved("waste", apples, "2", occurred_at=at(2))

    shown = stockroom.moved("count", apples, "7", occurred_at=at(0))

    assert (shown["quantity"], shown["counted"]) == ("-2", "7")
    assert stockroom.level(apples) == 7 + 5 - 2
    ensure_books_balance(shop)


@pytest.mark.parametrize(
    ("kind", "quantity", "change"),
    [("receive", "5", 5), ("waste", "3", -3), ("adjust", "-4", -4), ("transfer_out", "6", -6)],
)
def test_movement_recorded_after_a_later_count_does_not_change_the_level(
    stockroom, apples, shop, kind, quantity, change
):
    count = stockroom.moved("count", apples, "8", occurred_at=at(0))
    before = stockroom.level(apples)

    late = stockroom.moved(kind, apples, quantity, occurred_at=at(-1))

    assert late["quantity"] == str(change), "the movement itself must be unchanged"
    assert stockroom.level(apples) == before == 8
    corrected, counted = stockroom.found(type="count", store=str(stockroom.store.pk))
    assert counted == count
    assert (corrected["quantity"], corrected["counted"]) == (str(-change), "8")
    assert corrected["occurred_at"] == count["occurred_at"]
    assert corrected["reason"].endswith("before this count, recorded after it")
    ensure_books_balance(shop)


def test_late_transfer_changes_the_receiving_store(stockroom, apples, shop):
    stockroom.moved("count", apples, "8", occurred_at=at(0))

    stockroom.moved("transfer_out", apples, "6", occurred_at=at(-1))

    assert (stockroom.level(apples), stockroom.level(apples, stockroom.second)) == (8, 6)
    ensure_books_balance(shop)


def test_late_count_does_not_change_a_later_count(stockroom, apples, shop):
    stockroom.moved("count", apples, "8", occurred_at=at(2))

    late = stockroom.moved("count", apples, "4", occurred_at=at(0))
    between = stockroom.moved("receive", apples, "5", occurred_at=at(1))

    assert (late["quantity"], between["quantity"]) == ("-6", "5")
    assert stockroom.level(apples) == 8
    ensure_books_balance(shop)


def test_last_recorded_of_two_counts_of_one_time_applies(stockroom, apples, shop):
    first = stockroom.moved("count", apples, "8", occurred_at=at(0))
    second = stockroom.moved("count", apples, "5", occurred_at=at(0))
    assert (first["quantity"], second["quantity"]) == ("-2", "-3")
    assert stockroom.level(apples) == 5

    for hour, quantity in ((-1, "4"), (0, "2")):
        stockroom.moved("receive", apples, quantity, occurred_at=at(hour))
        newest = stockroom.found(type="count")[0]
        assert (newest["quantity"], newest["counted"]) == (f"-{quantity}", "5")
        assert newest["occurred_at"] == second["occurred_at"]
        assert stockroom.level(apples) == 5
    ensure_books_balance(shop)


def test_late_count_corrects_only_later_counts(stockroom, apples, shop):
    stockroom.moved("count", apples, "5", occurred_at=at(0))
    later = stockroom.moved("count", apples, "20", occurred_at=at(1))

    third = stockroom.moved("count", apples, "6", occurred_at=at(0))

    assert third["quantity"] == "1"
    assert stockroom.level(apples) == 20
    (newest,) = [
        each
        for each in stockroom.found(type="count")
        if each["reason"].endswith("recorded after it")
    ]
    assert (newest["quantity"], newest["counted"]) == ("-1", "20")
    assert newest["occurred_at"] == later["occurred_at"]
    ensure_books_balance(shop)


def test_late_movement_may_exceed_the_current_stock(stockroom, apples, problem):
    """There is too little stock now, but there was enough at the time of the movement."""
    stockroom.moved("count", apples, "1", occurred_at=at(0))

    stockroom.moved("waste", apples, "9", occurred_at=at(-1))

    assert stockroom.level(apples) == 1
    problem(stockroom.move("waste", apples, "9", occurred_at=at(1)), 409, "insufficient_stock")
    assert stockroom.level(apples) == 1


def test_count_of_the_past_may_make_the_level_negative(stockroom, apples, shop):
    stockroom.moved("waste", apples, "9", occurred_at=at(1))

    stockroom.moved("count", apples, "8", occurred_at=at(0))

    assert stockroom.level(apples) == -1
    ensure_books_balance(shop)


def test_late_sale_is_corrected_by_a_later_count(stockroom, apples, till, shop):
    stockroom.moved("count", apples, "8", occurred_at=at(0))
    with time_machine.travel(NOON - timedelta(hours=1), tick=False):
        order = Till(till.user, till.register).sold(line(apples, "3"), payments=[cash("7.50")])
    assert stockroom.level(apples) == 5

    with tenant_scope(shop):
        sold = list(StockMovement.objects.filter(order=order["id"]))
        offset_counted_sales(stockroom.store, sold, by=stockroom.user)

    assert stockroom.level(apples) == 8
    ensure_books_balance(shop)


# --- any order of recording ----------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    kind: str
    quantity: int
    hour: int

    @property
    def change(self) -> int:
        return -self.quantity if self.kind == "waste" else self.quantity


def expected_level(recorded: Sequence[Recorded]) -> int:
    """Return the last count and the movements after it."""
    level = 0
    in_time = sorted(recorded, key=lambda each: (each.hour, each.kind == "count"))
    for each in in_time:
        level = each.quantity if each.kind == "count" else level + each.change
    return level


KINDS = st.sampled_from(["receive", "waste", "count"])
RECORDINGS = st.lists(
    st.builds(Recorded, KINDS, st.integers(1, 20), st.integers(0, 5)), max_size=12
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(RECORDINGS)
@pytest.mark.slow
def test_level_is_independent_of_the_order_of_recording(in_shop, store, manager, recorded):
    in_shop.stock_policy = Tenant.StockPolicy.ALLOW
    product = ProductFactory(tenant=in_shop)
    for each in recorded:
        new = NewMovement(
            id=new_id(),
            type=StockMovement.Type(each.kind),
            product=product,
            store=store,
            quantity=Decimal(each.quantity),
            occurred_at=NOON + timedelta(hours=each.hour),
        )
        move_stock(new, by=manager)

    level = StockLevel.objects.filter(product=product).first()

    assert (level.quantity if level else 0) == expected_level(recorded)
    assert list(find_stock_differences(in_shop)) == []


def test_stock_count_recorded_late_without_difference_changes_no_other_count(
    stockroom, apples, shop
):
    stockroom.moved("count", apples, "10", occurred_at=at(0))

    late = stockroom.moved("count", apples, "10", occurred_at=at(-1))

    assert (late["quantity"], late["counted"]) == ("0", "10")
    assert len(stockroom.found(type="count", store=str(stockroom.store.pk))) == 2
    assert stockroom.level(apples) == 10
    ensure_books_balance(shop)

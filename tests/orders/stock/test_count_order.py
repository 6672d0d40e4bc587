"""A count says what lies there at its time, whatever is told of that time later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import stock_differences
from orders.services.stock.movements import NewMovement, keep_counts_true, move_stock
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.gateway import TIMED_OUT
from tests.support.till import Till, card, cash, ensure_books_balance, line, new_id, shelf

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def at(hours: int) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


# --- at the moment -------------------------------------------------------------------------------


@pytest.mark.parametrize(("counted", "difference"), [("7", "-3"), ("12", "2"), ("0", "-10")])
def test_what_is_counted_lies_there(room, product, shop, counted, difference):
    shown = room.moved("count", product, counted)

    assert (shown["quantity"], shown["counted"]) == (difference, counted)
    assert room.level(product) == Decimal(counted)
    ensure_books_balance(shop)


def test_a_count_that_finds_what_should_be_there_moves_nothing_and_is_remembered(
    room, till, product
):
    """Sent again after a sale it is still the count of before: the goods do not come back."""
    body = room.body("count", product, "10")
    first = room.post("stock/movements/", body)
    till.sold(line(product), payments=[cash("2.50")])

    again = room.post("stock/movements/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["quantity"], first.json()["counted"]) == ("0", "10")
    assert again.json() == first.json()
    assert room.level(product) == 9


def test_what_never_lay_in_a_store_can_be_counted_there(room, goods):
    product = goods(stock=None)

    assert room.moved("count", product, "0")["quantity"] == "0"

    (level,) = room.get("stock/").json()["results"]
    assert (level["product"], level["quantity"]) == (str(product.pk), "0")


def test_what_was_counted_is_true_even_where_more_is_being_paid_for(room, till, product, gateway):
    """A count is not a wish: to refuse it would change nothing of what lies there."""
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "8"), payments=[card("20.00")])

    room.moved("count", product, "5")

    assert shelf(product, room.store) == (5, 8)
    (level,) = room.get("stock/").json()["results"]
    assert level["available"] == "-3"


# --- at its time ---------------------------------------------------------------------------------


@pytest.fixture
def apples(room, goods):
    """10 that came two hours before noon."""
    product = goods(stock=None)
    room.moved("receive", product, "10", occurred_at=at(-2))
    return product


def test_what_moved_after_a_count_counts(room, apples, shop):
    room.moved("waste", apples, "1", occurred_at=at(-1))
    room.moved("receive", apples, "5", occurred_at=at(1))
    room.moved("waste", apples, "2", occurred_at=at(2))

    shown = room.moved("count", apples, "7", occurred_at=at(0))

    assert (shown["quantity"], shown["counted"]) == ("-2", "7")
    assert room.level(apples) == 7 + 5 - 2
    ensure_books_balance(shop)


@pytest.mark.parametrize(
    ("kind", "quantity", "change"),
    [("receive", "5", 5), ("waste", "3", -3), ("adjust", "-4", -4), ("transfer_out", "6", -6)],
)
def test_what_is_told_late_was_seen_by_the_count_after_it(
    room, apples, shop, kind, quantity, change
):
    count = room.moved("count", apples, "8", occurred_at=at(0))
    before = room.level(apples)

    late = room.moved(kind, apples, quantity, occurred_at=at(-1))

    assert late["quantity"] == str(change), "what happened is told as it happened"
    assert room.level(apples) == before == 8
    corrected, counted = room.found(type="count", store=str(room.store.pk))
    assert counted == count
    assert (corrected["quantity"], corrected["counted"]) == (str(-change), "8")
    assert corrected["occurred_at"] == count["occurred_at"]
    assert corrected["reason"].endswith("before this count, told after it")
    ensure_books_balance(shop)


def test_what_arrives_late_at_another_store_counts_there(room, apples, shop):
    room.moved("count", apples, "8", occurred_at=at(0))

    room.moved("transfer_out", apples, "6", occurred_at=at(-1))

    assert (room.level(apples), room.level(apples, room.second)) == (8, 6)
    ensure_books_balance(shop)


def test_what_a_late_count_finds_is_no_news_to_the_count_after_it(room, apples, shop):
    room.moved("count", apples, "8", occurred_at=at(2))

    late = room.moved("count", apples, "4", occurred_at=at(0))
    between = room.moved("receive", apples, "5", occurred_at=at(1))

    assert (late["quantity"], between["quantity"]) == ("-6", "5")
    assert room.level(apples) == 8
    ensure_books_balance(shop)


def test_of_two_counts_of_one_moment_the_one_that_is_told_later_is_true(room, apples, shop):
    first = room.moved("count", apples, "8", occurred_at=at(0))
    second = room.moved("count", apples, "5", occurred_at=at(0))
    assert (first["quantity"], second["quantity"]) == ("-2", "-3")
    assert room.level(apples) == 5

    for hour, quantity in ((-1, "4"), (0, "2")):
        room.moved("receive", apples, quantity, occurred_at=at(hour))
        newest = room.found(type="count")[0]
        assert (newest["quantity"], newest["counted"]) == (f"-{quantity}", "5")
        assert newest["occurred_at"] == second["occurred_at"]
        assert room.level(apples) == 5
    ensure_books_balance(shop)


def test_a_count_is_seen_by_later_counts_and_not_by_those_of_its_moment(room, apples, shop):
    room.moved("count", apples, "5", occurred_at=at(0))
    later = room.moved("count", apples, "20", occurred_at=at(1))

    third = room.moved("count", apples, "6", occurred_at=at(0))

    assert third["quantity"] == "1"
    assert room.level(apples) == 20
    (newest,) = [
        each for each in room.found(type="count") if each["reason"].endswith("told after it")
    ]
    assert (newest["quantity"], newest["counted"]) == ("-1", "20")
    assert newest["occurred_at"] == later["occurred_at"]
    ensure_books_balance(shop)


def test_what_left_before_a_count_is_not_taken_twice(room, apples, problem):
    """There are too few now, but it went when there were enough."""
    room.moved("count", apples, "1", occurred_at=at(0))

    room.moved("waste", apples, "9", occurred_at=at(-1))

    assert room.level(apples) == 1
    problem(room.move("waste", apples, "9", occurred_at=at(1)), 409, "insufficient_stock")
    assert room.level(apples) == 1


def test_a_count_of_the_past_may_leave_less_than_nothing(room, apples, shop):
    room.moved("waste", apples, "9", occurred_at=at(1))

    room.moved("count", apples, "8", occurred_at=at(0))

    assert room.level(apples) == -1
    ensure_books_balance(shop)


def test_a_sale_that_comes_to_us_late_was_seen_by_the_count_after_it(room, apples, till, shop):
    room.moved("count", apples, "8", occurred_at=at(0))
    with time_machine.travel(NOON - timedelta(hours=1), tick=False):
        order = Till(till.user, till.register).sold(line(apples, "3"), payments=[cash("7.50")])
    assert room.level(apples) == 5

    with tenant_scope(shop):
        sold = list(StockMovement.objects.filter(order=order["id"]))
        keep_counts_true(room.store, sold, by=room.user)

    assert room.level(apples) == 8
    ensure_books_balance(shop)


# --- in any order --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    kind: str
    quantity: int
    hour: int

    @property
    def change(self) -> int:
        return -self.quantity if self.kind == "waste" else self.quantity


def truth(told: Sequence[Told]) -> int:
    """What lies there at last: the last count, and what moved after it."""
    level = 0
    in_time = sorted(told, key=lambda each: (each.hour, each.kind == "count"))
    for each in in_time:
        level = each.quantity if each.kind == "count" else level + each.change
    return level


kinds = st.sampled_from(["receive", "waste", "count"])
stories = st.lists(st.builds(Told, kinds, st.integers(1, 20), st.integers(0, 5)), max_size=12)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stories)
def test_the_level_does_not_depend_on_the_order_in_which_things_are_told(
    in_shop, store, manager, told
):
    in_shop.stock_policy = Tenant.StockPolicy.ALLOW
    product = ProductFactory(tenant=in_shop)
    for each in told:
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

    assert (level.quantity if level else 0) == truth(told)
    assert list(stock_differences(in_shop)) == []


def test_a_count_that_is_told_late_and_found_what_lay_there_changes_no_other(room, apples, shop):
    room.moved("count", apples, "10", occurred_at=at(0))

    late = room.moved("count", apples, "10", occurred_at=at(-1))

    assert (late["quantity"], late["counted"]) == ("0", "10")
    assert len(room.found(type="count", store=str(room.store.pk))) == 2
    assert room.level(apples) == 10
    ensure_books_balance(shop)

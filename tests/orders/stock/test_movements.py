"""What people do to the shelves by hand: corrected, thrown away, sent to another store."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tenants.models import Tenant
from tests.support.gateway import TIMED_OUT
from tests.support.till import card, ensure_books_balance, line, new_id, shelf

KINDS = ("receive", "adjust", "count", "waste", "transfer_out")


# --- corrections and waste -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "quantity", "change"),
    [("receive", "4", 4), ("adjust", "3", 3), ("adjust", "-10", -10), ("waste", "4", -4)],
)
def test_the_level_changes_by_what_happened(room, product, shop, kind, quantity, change):
    shown = room.moved(kind, product, quantity, reason="Broken")

    assert (shown["type"], shown["quantity"], shown["reason"]) == (kind, str(change), "Broken")
    assert (shown["counted"], shown["transfer"]) == (None, None)
    assert room.level(product) == 10 + change
    ensure_books_balance(shop)


def test_what_is_weighed_is_corrected_to_the_gram(room, goods):
    product = goods(stock="1", sold_by="weight")

    room.moved("adjust", product, "-0.001")
    room.moved("waste", product, "0.125")

    assert room.level(product) == Decimal("0.874")


WRONG = [
    ("adjust", "1", {"reason": None}, {"reason": "required"}),
    ("adjust", "-1", {"reason": " "}, {"reason": "required"}),
    ("adjust", "0", {}, {"quantity": "zero"}),
    ("waste", "0", {}, {"quantity": "zero"}),
    ("waste", "-1", {}, {"quantity": "invalid"}),
    ("waste", "1.5", {}, {"quantity": "not_whole"}),
    ("count", "-1", {}, {"quantity": "invalid"}),
    ("count", "0.5", {}, {"quantity": "not_whole"}),
    ("count", "1000000", {}, {"quantity": "max_digits"}),
    ("transfer_out", "-1", {}, {"quantity": "invalid"}),
    ("transfer_out", "1", {"to_store": None}, {"to_store": "required"}),
    ("transfer_out", "1", {"to_store": "same"}, {"to_store": "same_store"}),
    ("transfer_out", "1", {"to_store": "foreign"}, {"to_store": "does_not_exist"}),
    ("transfer_in", "1", {}, {"type": "invalid_choice"}),
    ("transfer_in", "1", {"to_store": "second"}, {"type": "invalid_choice"}),
    ("sale", "1", {}, {"type": "invalid_choice"}),
    ("return", "1", {}, {"type": "invalid_choice"}),
    ("waste", "1", {"to_store": "second"}, {"to_store": "no_transfer"}),
    ("waste", "0", {"to_store": "second"}, {"quantity": "zero", "to_store": "no_transfer"}),
    ("receive", "1", {"counted": "1"}, {"counted": "unknown_field"}),
    ("receive", "1", {"transfer": new_id()}, {"transfer": "unknown_field"}),
]


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_have_happened_is_refused(room, product, foreign, problem, case):
    kind, quantity, more, errors = case
    before = room.books()
    stores = {"same": room.store, "second": room.second, "foreign": foreign.store}
    named = {name: str(stores[v].pk) if v in stores else v for name, v in more.items()}

    response = room.move(kind, product, quantity, **named)

    problem(response, 400, "invalid", errors)
    assert room.books() == before


def test_what_is_still_to_come_is_refused(room, product, problem):
    before = room.books()
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()

    response = room.move("receive", product, occurred_at=tomorrow)

    problem(response, 400, "invalid", {"occurred_at": "in_the_future"})
    assert room.books() == before


def test_a_clock_that_is_a_little_fast_means_now(room, product):
    soon = (timezone.now() + timedelta(minutes=2)).isoformat()

    shown = room.moved("receive", product, occurred_at=soon)

    assert datetime.fromisoformat(shown["occurred_at"]) <= timezone.now()


@pytest.mark.parametrize("kind", KINDS)
def test_of_what_is_not_counted_nothing_moves(room, goods, problem, kind):
    service, before = goods(track_stock=False), room.books()

    problem(room.move(kind, service), 400, "invalid", {"product": "not_tracked"})

    assert room.books() == before


# --- what is not there ---------------------------------------------------------------------------

TAKING = {"adjust": "-{}", "waste": "{}", "transfer_out": "{}"}
takes = pytest.mark.parametrize("kind", TAKING)


@takes
def test_what_is_not_there_cannot_go(room, product, shop, problem, kind):
    before = room.books()

    response = room.move(kind, product, TAKING[kind].format(11))

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short == {
        "product": str(product.pk),
        "sku": "APPLE",
        "name": "Apple",
        "wanted": "11",
        "available": "10",
    }
    assert room.books() == before

    room.moved(kind, product, TAKING[kind].format(10))
    assert room.level(product) == 0
    ensure_books_balance(shop)


@takes
def test_what_somebody_is_paying_for_cannot_go(room, till, product, gateway, problem, kind):
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "8"), payments=[card("20.00")])
    before = room.books()

    response = room.move(kind, product, TAKING[kind].format(3))

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert (short["wanted"], short["available"]) == ("3", "2")
    assert room.books() == before
    room.moved(kind, product, TAKING[kind].format(2))
    assert shelf(product, room.store) == (8, 8)


@takes
def test_where_the_shop_allows_it_goods_go_that_are_not_there(room, goods, shop, shop_in, kind):
    shop_in(stock_policy=Tenant.StockPolicy.ALLOW)
    known, never = goods(stock="1"), goods(stock=None)
    for product in (known, never):
        room.moved(kind, product, TAKING[kind].format(3))

    assert (room.level(known), room.level(never)) == (-2, -3)
    ensure_books_balance(shop)


def test_below_zero_a_level_can_be_corrected_upwards(room, goods, shop_in, problem):
    """The shop allowed it once: what is left of that must not stand in the way."""
    shop_in(stock_policy=Tenant.StockPolicy.ALLOW)
    product = goods(stock="1")
    room.moved("waste", product, "5")
    shop_in(stock_policy=Tenant.StockPolicy.BLOCK)

    room.moved("adjust", product, "3")
    response = room.move("waste", product, "1")

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short["available"] == "0"
    assert room.level(product) == -1


# --- from store to store -------------------------------------------------------------------------


def test_a_transfer_writes_both_sides(room, product, shop):
    shown = room.moved("transfer_out", product, "4", reason="Sold out there")

    assert shown["transfer"] == shown["id"]
    assert (room.level(product), room.level(product, room.second)) == (6, 4)
    sides = {each["type"]: each for each in room.found(transfer=shown["transfer"])}
    assert sides.keys() == {"transfer_out", "transfer_in"}
    out, into = sides["transfer_out"], sides["transfer_in"]
    assert out == shown
    assert (out["store"], out["quantity"]) == (str(room.store.pk), "-4")
    assert (into["store"], into["quantity"]) == (str(room.second.pk), "4")
    for same in ("product", "transfer", "reason", "occurred_at", "by"):
        assert out[same] == into[same]
    ensure_books_balance(shop)

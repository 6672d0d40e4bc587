"""Manual stock movements: corrections, waste, transfers."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tenants.models import Tenant
from tests.support.gateway import TIMED_OUT
from tests.support.till import card, ensure_books_balance, get_stock_level, line, new_id

KINDS = ("receive", "adjust", "count", "waste", "transfer_out")


# --- corrections and waste -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "quantity", "change"),
    [("receive", "4", 4), ("adjust", "3", 3), ("adjust", "-10", -10), ("waste", "4", -4)],
)
def test_movement_changes_the_level(stockroom, product, shop, kind, quantity, change):
    shown = stockroom.moved(kind, product, quantity, reason="Broken")

    assert (shown["type"], shown["quantity"], shown["reason"]) == (kind, str(change), "Broken")
    assert (shown["counted"], shown["transfer"]) == (None, None)
    assert stockroom.level(product) == 10 + change
    ensure_books_balance(shop)


def test_weighed_product_is_corrected_to_the_gram(stockroom, make_product):
    product = make_product(stock="1", sold_by="weight")

    stockroom.moved("adjust", product, "-0.001")
    stockroom.moved("waste", product, "0.125")

    assert stockroom.level(product) == Decimal("0.874")


INVALID_MOVEMENTS = [
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


@pytest.mark.parametrize("case", INVALID_MOVEMENTS)
def test_invalid_movement_is_refused(stockroom, product, foreign, problem, case):
    kind, quantity, more, errors = case
    before = stockroom.books()
    stores = {"same": stockroom.store, "second": stockroom.second, "foreign": foreign.store}
    named = {name: str(stores[v].pk) if v in stores else v for name, v in more.items()}

    response = stockroom.move(kind, product, quantity, **named)

    problem(response, 400, "invalid", errors)
    assert stockroom.books() == before


def test_movement_in_the_future_is_refused(stockroom, product, problem):
    before = stockroom.books()
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()

    response = stockroom.move("receive", product, occurred_at=tomorrow)

    problem(response, 400, "invalid", {"occurred_at": "in_the_future"})
    assert stockroom.books() == before


def test_time_up_to_some_minutes_ahead_counts_as_now(stockroom, product):
    soon = (timezone.now() + timedelta(minutes=2)).isoformat()

    shown = stockroom.moved("receive", product, occurred_at=soon)

    assert datetime.fromisoformat(shown["occurred_at"]) <= timezone.now()


@pytest.mark.parametrize("kind", KINDS)
def test_movement_of_an_untracked_product_is_refused(stockroom, make_product, problem, kind):
    service, before = make_product(track_stock=False), stockroom.books()

    problem(stockroom.move(kind, service), 400, "invalid", {"product": "not_tracked"})

    assert stockroom.books() == before


# --- insufficient stock --------------------------------------------------------------------------

QUANTITY_FORMATS = {"adjust": "-{}", "waste": "{}", "transfer_out": "{}"}
for_each_decreasing_kind = pytest.mark.parametrize("kind", QUANTITY_FORMATS)


@for_each_decreasing_kind
def test_movement_beyond_the_stock_is_refused(stockroom, product, shop, problem, kind):
    before = stockroom.books()

    response = stockroom.move(kind, product, QUANTITY_FORMATS[kind].format(11))

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short == {
        "product": str(product.pk),
        "sku": "APPLE",
        "name": "Apple",
        "wanted": "11",
        "available": "10",
    }
    assert stockroom.books() == before

    stockroom.moved(kind, product, QUANTITY_FORMATS[kind].format(10))
    assert stockroom.level(product) == 0
    ensure_books_balance(shop)


@for_each_decreasing_kind
def test_movement_of_reserved_stock_is_refused(stockroom, till, product, gateway, problem, kind):
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "8"), payments=[card("20.00")])
    before = stockroom.books()

    response = stockroom.move(kind, product, QUANTITY_FORMATS[kind].format(3))

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert (short["wanted"], short["available"]) == ("3", "2")
    assert stockroom.books() == before
    stockroom.moved(kind, product, QUANTITY_FORMATS[kind].format(2))
    assert get_stock_level(product, stockroom.store) == (8, 8)


@for_each_decreasing_kind
def test_movement_beyond_the_stock_is_allowed_by_policy(
    stockroom, make_product, shop, configure_shop, kind
):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    known, never = make_product(stock="1"), make_product(stock=None)
    for product in (known, never):
        stockroom.moved(kind, product, QUANTITY_FORMATS[kind].format(3))

    assert (stockroom.level(known), stockroom.level(never)) == (-2, -3)
    ensure_books_balance(shop)


def test_negative_level_can_be_corrected_upwards(stockroom, make_product, configure_shop, problem):
    """The level became negative while the policy allowed it."""
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = make_product(stock="1")
    stockroom.moved("waste", product, "5")
    configure_shop(stock_policy=Tenant.StockPolicy.BLOCK)

    stockroom.moved("adjust", product, "3")
    response = stockroom.move("waste", product, "1")

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short["available"] == "0"
    assert stockroom.level(product) == -1


# --- transfers -----------------------------------------------------------------------------------


def test_transfer_creates_a_movement_in_each_store(stockroom, product, shop):
    shown = stockroom.moved("transfer_out", product, "4", reason="Sold out there")

    assert shown["transfer"] == shown["id"]
    assert (stockroom.level(product), stockroom.level(product, stockroom.second)) == (6, 4)
    sides = {each["type"]: each for each in stockroom.found(transfer=shown["transfer"])}
    assert sides.keys() == {"transfer_out", "transfer_in"}
    out, into = sides["transfer_out"], sides["transfer_in"]
    assert out == shown
    assert (out["store"], out["quantity"]) == (str(stockroom.store.pk), "-4")
    assert (into["store"], into["quantity"]) == (str(stockroom.second.pk), "4")
    for same in ("product", "transfer", "reason", "occurred_at", "by"):
        assert out[same] == into[same]
    ensure_books_balance(shop)

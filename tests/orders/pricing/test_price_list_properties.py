"""Properties of the choice of a price from price lists."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import ListPrice, choose_price

MIDNIGHT = datetime(2026, 12, 1)  # noqa: DTZ001  # local times of a store have no zone
BASE = Decimal("99.00")
for_many_prices = settings(deadline=None, max_examples=200)
# Few values of each, so that ties and limits occur.
times = st.integers(0, 4).map(lambda hours: MIDNIGHT + timedelta(hours=hours))
quantities = st.integers(0, 8).map(lambda halves: Decimal(halves) / 2)
stores = st.sets(st.sampled_from("ab"), max_size=2).map(frozenset)
prices = st.builds(
    ListPrice,
    amount=st.integers(0, 50).map(Decimal),
    priority=st.integers(0, 3),
    min_quantity=quantities,
    valid_from=st.none() | times,
    valid_to=st.none() | times,
    stores=stores,
    customer_group=st.sampled_from([None, "x", "y"]),
)
catalogs = st.lists(prices, max_size=8, unique_by=lambda each: (each.priority, each.min_quantity))
groups = st.sampled_from([None, "x", "z"])
sold = st.tuples(quantities, st.sampled_from("ab"), times, groups)


@for_many_prices
@given(catalogs, sold)
def test_price_is_that_of_no_better_candidate(catalog, sale):
    chosen = choose_price(BASE, catalog, *sale)

    candidates = [each for each in catalog if each.applies(*sale)]
    winners = [
        each
        for each in candidates
        if not any(
            (other.priority, other.min_quantity) > (each.priority, each.min_quantity)
            for other in candidates
        )
    ]
    assert [chosen] == ([each.amount for each in winners] or [BASE])


@pytest.mark.slow
@for_many_prices
@given(catalogs.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))), sold)
def test_order_of_the_prices_does_not_matter(catalogs, sale):
    first, second = catalogs

    assert choose_price(BASE, first, *sale) == choose_price(BASE, second, *sale)


@pytest.mark.slow
@for_many_prices
@given(catalogs, sold)
def test_prices_that_do_not_apply_change_nothing(catalog, sale):
    applicable = [each for each in catalog if each.applies(*sale)]

    assert choose_price(BASE, catalog, *sale) == choose_price(BASE, applicable, *sale)


@pytest.mark.slow
@for_many_prices
@given(catalogs, sold)
def test_returned_goods_have_the_price_of_as_many(catalog, sale):
    quantity, *where = sale

    assert choose_price(BASE, catalog, -quantity, *where) == choose_price(BASE, catalog, *sale)


@for_many_prices
@given(prices, sold, times)
def test_price_applies_in_one_period_only(price, sale, other):
    """Of two times at which it applies, it applies at every time between them."""
    quantity, store, at, group = sale
    first, last = sorted((at, other))

    if all(price.applies(quantity, store, each, group) for each in (first, last)):
        middle = first + (last - first) / 2
        assert price.applies(quantity, store, middle, group)

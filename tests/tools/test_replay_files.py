"""What a replay reads from its files, and what a till sends for it."""

import shutil
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError

from tests.tools.replay_baskets.files import ensure_complete, read_articles, read_baskets
from tests.tools.replay_baskets.sale import (
    TILLS_PER_STORE,
    handed_over,
    order_id,
    pays_by_card,
    sale_of,
    till_of,
)

DATA = Path(__file__).parents[1] / "data"
REGISTER = UUID(int=1)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the files, to be spoiled."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_baskets_are_read_to_the_cent():
    baskets = read_baskets(DATA)

    assert len(baskets) == 60
    assert sum(len(basket.lines) for basket in baskets) == 220
    assert {basket.store for basket in baskets} == {"343", "367", "406"}
    assert sum(basket.paid for basket in baskets) == Decimal("909.77")
    assert [basket.id for basket in baskets[:7]] == [basket.id for basket in read_baskets(DATA, 7)]


def test_products_are_named_with_their_package():
    articles = {article.sku: article for article in read_articles(DATA)}

    assert len(articles) == 195
    assert all(article.name and article.price > 0 for article in articles.values())
    assert any(article.name.endswith(" OZ") for article in articles.values())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (",coupon,", ",voucher,", "has no column coupon"),
        (",0.00,", ",nothing,", "row 2: this is not a row"),
        (",343,", "\n", "row 2: this is not a row"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(folder, old, new, complaint):
    spoil(folder / "baskets.csv", old, new)

    with pytest.raises(CommandError, match=complaint):
        read_baskets(folder)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"products\.csv cannot be read"):
        read_articles(tmp_path)


def test_a_basket_in_two_pieces_is_refused():
    first, second, *_ = read_baskets(DATA)

    with pytest.raises(CommandError, match="must stand together"):
        ensure_complete(read_articles(DATA), [first, second, first])


def test_a_product_that_nobody_lists_is_refused():
    baskets = read_baskets(DATA)
    sku = baskets[0].lines[0].sku
    articles = [article for article in read_articles(DATA) if article.sku != sku]

    with pytest.raises(CommandError, match=f"does not have: {sku}"):
        ensure_complete(articles, baskets)


# --- what a till sends ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "notes"),
    [
        ("0.01", "5"),
        ("5.00", "5"),
        ("5.01", "10"),
        ("20.00", "20"),
        ("21.00", "30"),
        ("40.01", "60"),
        ("80.00", "80"),
        ("80.01", "100"),
        ("368.27", "400"),
    ],
)
def test_customers_hand_over_notes(amount, notes):
    assert handed_over(Decimal(amount)) == Decimal(notes)


def test_a_sale_is_the_same_whenever_it_is_asked_for():
    baskets = read_baskets(DATA)

    sales = [sale_of("replay", basket, REGISTER) for basket in baskets]

    assert sales == [sale_of("replay", basket, REGISTER) for basket in read_baskets(DATA)]
    ids = [part["id"] for sale in sales for part in (sale, *sale["lines"], *sale["payments"])]
    assert len(set(ids)) == len(ids)


def test_another_shop_sells_the_same_baskets_under_other_ids():
    basket = read_baskets(DATA)[0]

    assert order_id("replay", basket) != order_id("rehearsal", basket)


def test_the_price_is_that_of_the_day_and_only_real_discounts_are_named():
    baskets = read_baskets(DATA)
    lines = [line for basket in baskets for line in basket.lines]

    sent = [line for basket in baskets for line in sale_of("replay", basket, REGISTER)["lines"]]

    assert [Decimal(line["unit_price"]) for line in sent] == [line.unit_price for line in lines]
    given = [
        {each["reason"]: Decimal(each["value"]) for each in line["discounts"]} for line in sent
    ]
    assert given == [
        {
            reason: amount
            for reason, amount in {"Loyalty card": line.discount, "Coupon": line.coupon}.items()
            if amount
        }
        for line in lines
    ]
    assert any("Coupon" in each for each in given)


def test_what_costs_nothing_is_not_paid():
    (free,) = (basket for basket in read_baskets(DATA) if not basket.paid)

    assert sale_of("replay", free, REGISTER)["payments"] == []


def test_some_pay_by_card_but_never_an_amount_that_the_simulated_gateway_treats_specially():
    baskets = read_baskets(DATA)
    special = [
        basket for basket in baskets if f"{basket.paid:.2f}"[-2:] in {"91", "92", "93", "94"}
    ]

    # Under many names of shops, so that each basket is by card under some of them.
    cards = [[pays_by_card(f"shop-{n}", basket) for basket in baskets] for n in range(30)]

    assert special
    assert all(0 < sum(one_shop) < len(baskets) / 2 for one_shop in cards)
    assert not any(pays_by_card(f"shop-{n}", basket) for n in range(30) for basket in special)


def test_the_baskets_are_spread_over_all_tills():
    tills = [till_of("replay", basket) for basket in read_baskets(DATA)]

    assert set(tills) == set(range(1, TILLS_PER_STORE + 1))

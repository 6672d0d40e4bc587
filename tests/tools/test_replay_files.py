"""Reading the files of a replay, and the requests that are built from them."""

import shutil
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError

from tests.tools.replay_baskets.files import ensure_complete, read_articles, read_baskets
from tests.tools.replay_baskets.sale import (
    TILLS_PER_STORE,
    build_sale,
    compute_tendered,
    get_till_number,
    order_id,
    pays_by_card,
)

DATA = Path(__file__).parents[1] / "data"
REGISTER = UUID(int=1)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Copy the files for a test that changes them."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def replace_text(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_baskets_are_read_exactly():
    baskets = read_baskets(DATA)

    assert len(baskets) == 60
    assert sum(len(basket.lines) for basket in baskets) == 220
    assert {basket.store for basket in baskets} == {"343", "367", "406"}
    assert sum(basket.paid for basket in baskets) == Decimal("909.77")
    assert [basket.id for basket in baskets[:7]] == [basket.id for basket in read_baskets(DATA, 7)]


def test_product_names_contain_the_package_size():
    articles = {article.sku: article for article in read_articles(DATA)}

    assert len(articles) == 195
    assert all(article.name and article.price > 0 for article in articles.values())
    assert any(article.name.endswith(" OZ") for article in articles.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",coupon,", ",voucher,", "has no column coupon"),
        (",0.00,", ",nothing,", "row 2: this is not a row"),
        (",343,", "\n", "row 2: this is not a row"),
    ],
)
def test_invalid_file_is_refused_with_its_name_and_row(folder, old, new, message):
    replace_text(folder / "baskets.csv", old, new)

    with pytest.raises(CommandError, match=message):
        read_baskets(folder)


def test_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"products\.csv cannot be read"):
        read_articles(tmp_path)


def test_basket_in_two_places_is_refused():
    first, second, *_ = read_baskets(DATA)

    with pytest.raises(CommandError, match="must stand together"):
        ensure_complete(read_articles(DATA), [first, second, first])


def test_unknown_product_is_refused():
    baskets = read_baskets(DATA)
    sku = baskets[0].lines[0].sku
    articles = [article for article in read_articles(DATA) if article.sku != sku]

    with pytest.raises(CommandError, match=f"does not have: {sku}"):
        ensure_complete(articles, baskets)


# --- requests of a till ------------------------------------------------------------------------


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
def test_tendered_cash_is_in_notes(amount, notes):
    assert compute_tendered(Decimal(amount)) == Decimal(notes)


def test_sale_request_is_the_same_in_every_run():
    baskets = read_baskets(DATA)

    sales = [build_sale("replay", basket, REGISTER) for basket in baskets]

    assert sales == [build_sale("replay", basket, REGISTER) for basket in read_baskets(DATA)]
    ids = [part["id"] for sale in sales for part in (sale, *sale["lines"], *sale["payments"])]
    assert len(set(ids)) == len(ids)


def test_other_shop_uses_other_ids():
    basket = read_baskets(DATA)[0]

    assert order_id("replay", basket) != order_id("rehearsal", basket)


def test_sale_uses_the_price_and_discounts_of_the_file():
    baskets = read_baskets(DATA)
    lines = [line for basket in baskets for line in basket.lines]

    sent = [line for basket in baskets for line in build_sale("replay", basket, REGISTER)["lines"]]

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


def test_free_basket_has_no_payment():
    (free,) = (basket for basket in read_baskets(DATA) if not basket.paid)

    assert build_sale("replay", free, REGISTER)["payments"] == []


def test_card_payments_avoid_special_amounts_of_the_simulated_gateway():
    baskets = read_baskets(DATA)
    special = [
        basket for basket in baskets if f"{basket.paid:.2f}"[-2:] in {"91", "92", "93", "94"}
    ]

    # With many shop names, so that each basket is paid by card in some of them.
    cards = [[pays_by_card(f"shop-{n}", basket) for basket in baskets] for n in range(30)]

    assert special
    assert all(0 < sum(one_shop) < len(baskets) / 2 for one_shop in cards)
    assert not any(pays_by_card(f"shop-{n}", basket) for n in range(30) for basket in special)


def test_baskets_are_distributed_over_all_tills():
    tills = [get_till_number("replay", basket) for basket in read_baskets(DATA)]

    assert set(tills) == set(range(1, TILLS_PER_STORE + 1))

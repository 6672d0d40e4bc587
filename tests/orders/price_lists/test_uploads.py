"""Uploads of offline sales: judged by the prices that applied when they were made."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tests.support.offline import (
    ago,
    build_offline_line,
    build_offline_sale,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.till import cash, get_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def until_an_hour_ago(make_product, add_price, shop):
    """Return a product for 2.50, and for 2.00 until an hour ago."""
    product = make_product("2.50", stock="500")
    now = timezone.now().astimezone(ZoneInfo(shop.timezone)).replace(tzinfo=None, microsecond=0)
    add_price(product, "2.00", valid_to=now - timedelta(hours=1))
    return product


def build_sale(number, product, price, **more):
    sold = build_offline_line(product, price)
    return build_offline_sale(number, sold, payments=[cash(price)], **more)


def test_wrong_clock_is_judged_by_the_present_prices(till, make_product, add_price):
    """A device whose battery was empty sells at the prices that it has loaded today."""
    product = make_product("2.50", stock="500")
    add_price(product, "1.00", valid_from=datetime(2026, 1, 1))  # noqa: DTZ001

    sale = build_sale(1, product, "1.00", sold_at="2000-01-01T00:00:00Z")

    assert set(upload_one_booked(till, sale)["flags"]) == {"clock_skew"}


def test_price_of_then_is_the_applicable_one(till, until_an_hour_ago):
    product, before = until_an_hour_ago, ago(hours=2)

    right, outdated, base, ahead = upload_all_booked(
        till,
        build_sale(1, product, "2.00", sold_at=before),
        build_sale(2, product, "2.00"),
        build_sale(3, product, "2.50"),
        build_sale(4, product, "2.50", sold_at=before),
    )

    booked = (right, outdated, base, ahead)
    prices = [get_line(each)["list_price"] for each in booked]
    assert prices == ["2.00", "2.50", "2.50", "2.00"]
    differs = ["price_differs" in each["flags"] for each in booked]
    assert differs == [False, True, False, True]
    # A price above the list price needs an approval as one below it.
    over_limit = ["over_limit" in each["flags"] for each in booked]
    assert over_limit == differs


def test_quantity_break_applies_to_uploads(till, make_product, add_price):
    product = make_product("2.50", stock="500")
    add_price(product, "2.00", min_quantity=6)
    sold = build_offline_line(product, "2.00", quantity="6")

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("12.00")]))

    assert (order["flags"], get_line(order)["list_price"]) == ([], "2.00")


def test_unknown_product_has_the_charged_price(till, price_list):
    sold = {"sku": "GONE", "quantity": "1", "unit_price": "2.50"}

    order = upload_one_booked(till, build_offline_sale(1, sold))

    assert (order["flags"], get_line(order)["list_price"]) == (["unknown_product"], "2.50")

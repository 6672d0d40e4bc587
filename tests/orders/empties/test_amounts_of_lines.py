"""Sums of lines without their signs: returned goods do not hide amounts that are too large."""

from decimal import Decimal

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.support.offline import build_offline_line, build_offline_sale, results
from tests.support.till import cash_rest, line, new_id, percent

pytestmark = pytest.mark.django_db
PRICE = "99999999.00"


@pytest.fixture
def goods(make_product):
    """Goods and returnable goods, of which many lines add up to zero."""
    return (
        make_product(PRICE, sku="LARGE", track_stock=False),
        make_product(PRICE, sku="RETURNED", returnable=True),
    )


def build_lines(goods, quantity="990", pairs=12):
    sold, returned = goods
    pair = (line(sold, quantity), line(returned, f"-{quantity}"))
    return [*pair * pairs]


@pytest.mark.parametrize("more", [{}, {"discounts": [percent("100")], "payments": [cash_rest()]}])
def test_lines_that_cancel_out_are_too_large_for_a_sale(managers_till, goods, unchanged, more):
    lines = build_lines(goods)

    unchanged(lambda: managers_till.sell(*lines, **more), 400, "amount_too_large")
    unchanged(
        lambda: managers_till.post("orders/calculate/", {"lines": lines}), 400, "amount_too_large"
    )


def test_lines_that_cancel_out_are_too_large_for_an_open_order(managers_till, goods, unchanged):
    sold, returned = goods
    order = managers_till.sold(line(sold, "300"), line(returned, "-100"))
    body = {"id": new_id(), **line(returned, "-990")}

    unchanged(
        lambda: managers_till.post(f"orders/{order['id']}/lines/", body), 400, "amount_too_large"
    )


def test_lines_that_cancel_out_are_too_large_for_an_upload(managers_till, shop, goods):
    sold, returned = goods
    pair = (
        build_offline_line(sold, PRICE, "990"),
        build_offline_line(returned, PRICE, "-990"),
    )
    item = build_offline_sale(1, *pair * 12, payments=[], total="0.00")

    (result,) = results(managers_till, item)

    assert (result["status"], result["code"]) == ("rejected", "amount_too_large")
    with tenant_scope(shop):
        assert not Order.objects.exists()


def test_smaller_lines_are_sold(managers_till, goods):
    order = managers_till.sold(*build_lines(goods, "200", 1))

    assert Decimal(order["total"]) == 0
    assert managers_till.get("orders/").status_code == 200

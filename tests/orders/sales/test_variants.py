"""Sales of variants; their parent is not sold."""

import pytest

from orders.models import Order
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, StockLevelFactory
from tests.support.api import Person
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.parallel import run_concurrently
from tests.support.till import (
    cash_rest,
    ensure_books_balance,
    get_line,
    get_stock_level,
    line,
)
from tests.support.variants import create_variant

pytestmark = pytest.mark.django_db


@pytest.fixture
def shirt(make_product):
    return make_product("19.90", stock=None, sku="SHIRT", name="T-shirt")


@pytest.fixture
def medium(shirt, store):
    variant = create_variant(shirt, Size="M", Color="Red")
    BarcodeFactory(product=variant, code="4006381333931")
    StockLevelFactory(product=variant, store=store, quantity="10")
    return variant


def test_variant_is_scanned_sold_and_stocked_as_any_product(till, medium, store):
    scanned = {"barcode": "4006381333931", "quantity": "2"}

    order = till.sold(scanned, payments=[cash_rest()])

    sold = get_line(order)
    assert (sold["product"], sold["name"]) == (str(medium.pk), "T-shirt, M, Red")
    assert (order["status"], order["total"]) == ("completed", "39.80")
    assert get_stock_level(medium, store)[0] == 8
    receipt = till.get(f"orders/{order['id']}/receipt/?format=text").content.decode()
    assert "T-shirt, M, Red" in receipt


@pytest.mark.parametrize("how", ["product", "sku", "barcode"])
def test_parent_is_not_sold(till, shop, shirt, medium, problem, how):
    BarcodeFactory(product=shirt, code="4012345678901")
    named = {"product": str(shirt.pk), "sku": "SHIRT", "barcode": "4012345678901"}[how]
    given = {how: named, "quantity": "1"}

    for body in ({}, {"payments": [cash_rest()]}):
        problem(till.sell(given, **body), 400, "invalid", {"lines[0]": "has_variants"})
    priced = till.post("orders/calculate/", {"lines": [given]})
    problem(priced, 400, "invalid", {"lines[0]": "has_variants"})
    with tenant_scope(shop):
        assert not Order.objects.exists()


def test_parent_is_not_added_to_an_open_order(till, shirt, medium, problem):
    order = till.sold(line(medium))

    refused = till.post(f"orders/{order['id']}/lines/", line(shirt))

    problem(refused, 400, "invalid", {"product": "has_variants"})
    assert len(till.shown(order)["lines"]) == 1


def test_line_stays_when_its_product_becomes_a_parent(till, shirt, configure_shop):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    order = till.sold(line(shirt))
    create_variant(shirt, Size="M")

    paid = till.pay(order, cash_rest())

    assert (paid.status_code, till.shown(order)["status"]) == (201, "completed")


def test_uploaded_sale_of_a_parent_is_flagged_and_takes_no_stock(till, shop, shirt, medium, store):
    charged = build_offline_line(shirt, "19.90")

    order = upload_one_booked(
        till, build_offline_sale(1, charged, payments=[cash_rest(amount="19.90")])
    )

    assert order["flags"] == ["not_on_sale"]
    assert get_stock_level(shirt, store)[0] == 0
    ensure_books_balance(shop)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_product_becomes_a_parent_while_it_is_sold(
    transactional_db, till, manager, make_product, configure_shop, store
):
    """Each sale is before or after it: booked with its stock, or refused."""
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    for number in range(6):
        sold = make_product("5.00", stock="0", sku=f"P-{number}")
        create = {"sku": f"V-{number}", "parent": str(sold.pk), "options": {"Size": "M"}}

        def sell(sold=sold):
            return till.sell(line(sold), payments=[cash_rest()])

        def add_variant(create=create):
            return Person(manager).post("products/", create)

        *sales, made = run_concurrently([sell, sell, add_variant])

        booked = sum(sale.status_code == 201 for sale in sales)
        refused = [sale.json()["errors"][0]["code"] for sale in sales if sale.status_code == 400]
        assert booked + len(refused) == 2
        assert set(refused) <= {"has_variants"}
        if made.status_code == 400:
            assert made.json()["errors"][0]["code"] == "has_stock"
            assert booked == 2
        else:
            assert made.status_code == 201, made.content
            assert sell().json()["errors"][0]["code"] == "has_variants"
        assert get_stock_level(sold, store)[0] == -booked

"""New orders before Django in shops with price lists: equal to the view, also in a race."""

from datetime import datetime
from decimal import Decimal

import pytest

from orders.models import OrderLine, Price, PriceList
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.factories.tenants import StoreFactory
from tests.support.fast_sales import SALES, build_shop, cash, order
from tests.support.till import line
from tests.support.twin_shops import TwinShops

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
PAST, FUTURE = datetime(2020, 1, 1), datetime(2099, 1, 1)  # noqa: DTZ001


def add_prices(shop):
    """Add prices with quantity breaks and periods, in a list for all stores and in others."""
    elsewhere = StoreFactory(tenant=shop.tenant, name="Elsewhere")
    usual, here, there, off = (
        PriceListFactory(tenant=shop.tenant, name=f"List {priority}", priority=priority, **more)
        for priority, more in (
            (10, {}),
            (20, {"stores": [str(shop.store.pk)]}),
            (30, {"stores": [str(elsewhere.pk)]}),
            (40, {"is_active": False}),
        )
    )
    for product, price_list, amount, more in (
        (shop.plain, usual, "2.40", {}),
        (shop.plain, usual, "2.30", {"min_quantity": Decimal(2)}),
        (shop.plain, here, "2.10", {"min_quantity": Decimal(3)}),
        (shop.plain, there, "0.01", {}),
        (shop.plain, off, "0.02", {}),
        (shop.names, here, "0.90", {"valid_to": PAST}),
        (shop.names, here, "0.95", {"valid_from": PAST, "valid_to": FUTURE}),
        (shop.names, here, "0.97", {"valid_from": FUTURE}),
        (shop.weight, usual, "12.00", {"is_active": False}),
        (shop.untaxed, here, "0.20", {"min_quantity": Decimal(6)}),
        (shop.open, here, "30.00", {}),
    ):
        PriceFactory(product=product, price_list=price_list, amount=Decimal(amount), **more)


@pytest.fixture
def both() -> TwinShops:
    shops = TwinShops(build_shop)
    for shop in (shops.fast, shops.plain):
        add_prices(shop)
    return shops


# Their payments or prices are those of the catalog.
EXACT = {"several payments", "payments without ids", "change", "typed list price"}


@pytest.mark.parametrize("kind", sorted(set(SALES) - EXACT))
def test_sale_of_each_kind_equals_the_view(both, kind):
    answer = both.post(SALES[kind])

    assert answer.status == "201 Created", answer.body


def test_sale_has_the_prices_of_the_lists(both):
    both.post(
        lambda shop: order(
            shop,
            line(shop.plain),
            line(shop.plain, "2"),
            line(shop.plain, "3"),
            line(shop.names),
            line(shop.weight),
            payments=[cash()],
        )
    )

    with tenant_scope(both.fast.tenant):
        lines = OrderLine.objects.order_by("position")
        prices = [
            str(price.quantize(Decimal("0.01")))
            for price in lines.values_list("list_price", flat=True)
        ]
    assert prices == ["2.40", "2.30", "2.10", "0.95", "13.90"]


def test_first_list_applies_to_the_next_sale_of_a_kept_session():
    """The message that confirms the session reads whether the shop has price lists."""
    both = TwinShops(build_shop)
    both.post(lambda shop: order(shop, line(shop.plain), payments=[cash("2.50")]))
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            price_list = PriceList.objects.create(name="New", priority=1)
            Price.objects.create(product=shop.plain, price_list=price_list, amount=Decimal("2.40"))
            Tenant.objects.filter(pk=shop.tenant.pk).update(has_price_lists=True)

    both.post(lambda shop: order(shop, line(shop.plain), payments=[cash("2.40")]))

    with tenant_scope(both.fast.tenant):
        prices = OrderLine.objects.order_by("pk").values_list("list_price", flat=True)
        assert list(prices) == [Decimal("2.50"), Decimal("2.40")]


@pytest.mark.parametrize("has_lists", [False, True])
def test_price_lists_cost_one_message_a_sale_and_none_without_them(has_lists, messages):
    both = TwinShops(build_shop)
    if has_lists:
        for shop in (both.fast, both.plain):
            add_prices(shop)
    both.post(SALES["nothing is paid"])
    messages.clear()

    both.post(SALES["nothing is paid"])

    assert len(messages) == 2 + has_lists

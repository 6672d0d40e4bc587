"""Fixtures of price lists."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orders.models import Price, PriceList, Product
from tenants.models import Tenant
from tests.factories.price_list import PriceFactory, PriceListFactory


@pytest.fixture
def price_list(shop: Tenant) -> PriceList:
    made: PriceList = PriceListFactory(tenant=shop, name="Wholesale", priority=10)
    return made


@pytest.fixture
def add_price(price_list: PriceList) -> Callable[..., Price]:
    """`add_price(product, "1.80", min_quantity=6)`: a price in the list, or in another one."""

    def add(product: Product, amount: str, **more: Any) -> Price:
        more = {"price_list": price_list} | more
        if "min_quantity" in more:
            more["min_quantity"] = Decimal(more["min_quantity"])
        price: Price = PriceFactory(product=product, amount=Decimal(amount), **more)
        return price

    return add

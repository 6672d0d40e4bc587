"""Factories of stock counts and their lines."""

from decimal import Decimal

import factory
from django.utils import timezone

from orders.models import StockCount, StockCountLine
from tests.factories.accounts import UserFactory
from tests.factories.orders import ProductFactory
from tests.factories.tenants import OwnedFactory, StoreFactory


class StockCountFactory(OwnedFactory):
    class Meta:
        model = StockCount

    name = factory.Sequence("Shelf {}".format)
    store = factory.SubFactory(StoreFactory, tenant=factory.SelfAttribute("..tenant"))
    started_by = factory.SubFactory(UserFactory, tenant=factory.SelfAttribute("..tenant"))


class StockCountLineFactory(OwnedFactory):
    class Meta:
        model = StockCountLine

    stock_count = factory.SubFactory(StockCountFactory, tenant=factory.SelfAttribute("..tenant"))
    product = factory.SubFactory(ProductFactory, tenant=factory.SelfAttribute("..tenant"))
    expected = Decimal(2)
    counted = Decimal(1)
    counted_by = factory.SelfAttribute("stock_count.started_by")
    counted_at = factory.LazyFunction(timezone.now)

"""Factories of price lists and their prices."""

from decimal import Decimal

import factory

from orders.models import Price, PriceList
from tenants.scope import across_tenants
from tests.factories.orders import ProductFactory
from tests.factories.tenants import OwnedFactory


class PriceListFactory(OwnedFactory):
    """Create a price list, and mark its shop as one that has price lists."""

    class Meta:
        model = PriceList

    name = factory.Sequence("List {}".format)
    priority = factory.Sequence(lambda number: number % 10_000)

    @factory.post_generation
    def mark_shop(self, create: bool, extracted: object, **kwargs: object) -> None:
        if create:
            self.tenant.has_price_lists = True
            with across_tenants():
                self.tenant.save(update_fields=["has_price_lists"])


class PriceFactory(OwnedFactory):
    class Meta:
        model = Price

    product = factory.SubFactory(ProductFactory)
    tenant = factory.SelfAttribute("product.tenant")
    price_list = factory.SubFactory(PriceListFactory, tenant=factory.SelfAttribute("..tenant"))
    amount = Decimal("2.00")

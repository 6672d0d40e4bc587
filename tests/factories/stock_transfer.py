"""Factories of stock transfers and their lines."""

from decimal import Decimal

import factory
from django.utils import timezone

from orders.models import StockTransfer, StockTransferLine
from tests.factories.accounts import UserFactory
from tests.factories.orders import ProductFactory
from tests.factories.tenants import OwnedFactory, StoreFactory


class StockTransferFactory(OwnedFactory):
    """A transfer in transit with one product."""

    class Meta:
        model = StockTransfer

    from_store = factory.SubFactory(StoreFactory, tenant=factory.SelfAttribute("..tenant"))
    to_store = factory.SubFactory(StoreFactory, tenant=factory.SelfAttribute("..tenant"))
    created_by = factory.SubFactory(UserFactory, tenant=factory.SelfAttribute("..tenant"))
    status = StockTransfer.Status.SENT
    sent_by = factory.SelfAttribute("created_by")
    sent_at = factory.LazyFunction(timezone.now)
    line_count = 1


class StockTransferLineFactory(OwnedFactory):
    class Meta:
        model = StockTransferLine

    transfer = factory.SubFactory(StockTransferFactory, tenant=factory.SelfAttribute("..tenant"))
    product = factory.SubFactory(ProductFactory, tenant=factory.SelfAttribute("..tenant"))
    sent = Decimal(2)

"""Factory of barcode rules."""

import factory

from orders.models import BarcodeRule
from tests.factories.tenants import OwnedFactory


class BarcodeRuleFactory(OwnedFactory):
    class Meta:
        model = BarcodeRule

    pattern = factory.Sequence(lambda number: f"2{number % 10_000:04}IIIVVVVC")
    kind = BarcodeRule.Kind.WEIGHT

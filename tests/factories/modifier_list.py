"""Factories of modifier lists and modifiers."""

from decimal import Decimal

import factory

from orders.models import Modifier, ModifierList
from tests.factories.tenants import OwnedFactory


class ModifierListFactory(OwnedFactory):
    class Meta:
        model = ModifierList

    name = factory.Sequence("ModifierList {}".format)


class ModifierFactory(OwnedFactory):
    class Meta:
        model = Modifier

    modifier_list = factory.SubFactory(
        ModifierListFactory, tenant=factory.SelfAttribute("..tenant")
    )
    position = factory.Sequence(lambda number: number % 1000)
    name = factory.Sequence("Modifier {}".format)
    price = Decimal("0.50")

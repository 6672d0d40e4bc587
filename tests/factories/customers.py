"""Factories of customers and their groups."""

import factory

from orders.models import Customer, CustomerGroup
from tests.factories.tenants import OwnedFactory


class CustomerGroupFactory(OwnedFactory):
    class Meta:
        model = CustomerGroup

    name = factory.Sequence("Group {}".format)


class CustomerFactory(OwnedFactory):
    class Meta:
        model = Customer

    name = factory.Sequence("Customer {}".format)

"""People and their log-ins."""

from datetime import datetime
from typing import Any

import factory
from django.conf import settings
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from tests.factories.tenants import OwnedFactory, TenantFactory

# Long enough for every role, and nowhere near any name that the factories make.
PASSWORD = "seven green bottles"


class UserFactory(factory.django.DjangoModelFactory):
    """A cashier, unless told `manager=True`, `admin=True` or `role=...`."""

    class Meta:
        model = User

    class Params:
        manager = factory.Trait(role=Role.MANAGER)
        admin = factory.Trait(role=Role.ADMIN)

    tenant: Any = factory.SubFactory(TenantFactory)
    username = factory.Sequence("person{}".format)
    display_name = factory.Sequence("Person {}".format)
    email = factory.Sequence("person{}@till.example".format)
    role: Any = Role.CASHIER
    password = factory.django.Password(PASSWORD)


class PlatformUserFactory(UserFactory):
    """Somebody who runs the installation, as `createsuperuser` makes them."""

    tenant = None
    role = ""
    is_superuser = True
    username = factory.Sequence("root{}".format)


class AuthSessionFactory(OwnedFactory):
    """A log-in of this moment."""

    class Meta:
        model = AuthSession

    user = factory.SubFactory(UserFactory)
    tenant = factory.SelfAttribute("user.tenant")
    last_used_at = factory.LazyFunction(timezone.now)
    rotated_at = factory.SelfAttribute("last_used_at")

    @factory.lazy_attribute
    def expires_at(self) -> datetime:
        return self.last_used_at + settings.SESSION_LIFETIME

    @factory.lazy_attribute
    def idle_expires_at(self) -> datetime:
        return self.last_used_at + settings.SESSION_IDLE_LIFETIME

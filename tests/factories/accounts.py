"""Factories of users, sessions, terminals and approvals."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import factory
from django.conf import settings
from django.utils import timezone

from accounts.models import Approval, AuthSession, Role, Terminal, User, build_object_key
from accounts.services.approvals import PENDING_LIFETIME
from tests.factories.tenants import OwnedFactory, RegisterFactory, TenantFactory

# Long enough for every role, and not similar to any name of the factories.
PASSWORD = "seven green bottles"


class UserFactory(factory.django.DjangoModelFactory):
    """Create a cashier, or another role with `manager=True`, `admin=True` or `role=...`."""

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
    """Create a platform user, like `createsuperuser`."""

    tenant = None
    role = ""
    is_superuser = True
    username = factory.Sequence("root{}".format)


class AuthSessionFactory(OwnedFactory):
    """Create a session that starts now."""

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


class TerminalFactory(OwnedFactory):
    """Create a terminal paired with a register; its token is unknown."""

    class Meta:
        model = Terminal

    tenant = factory.SelfAttribute("register.tenant")
    register = factory.SubFactory(RegisterFactory)
    token_hash = factory.Sequence("{:064x}".format)
    paired_by = factory.SubFactory(
        UserFactory, admin=True, tenant=factory.SelfAttribute("..tenant")
    )


class ApprovalFactory(OwnedFactory):
    """Create a pending approval of a 5.00 discount on an order that does not exist yet."""

    class Meta:
        model = Approval

    requested_by = factory.SubFactory(UserFactory)
    tenant = factory.SelfAttribute("requested_by.tenant")
    action = Approval.Action.DISCOUNT
    amount = Decimal("5.00")
    method = factory.LazyAttribute(lambda row: "original" if row.action == "refund" else "")
    expires_at = factory.LazyFunction(lambda: timezone.now() + PENDING_LIFETIME)

    @factory.lazy_attribute
    def object(self) -> dict[str, str]:
        return {"order": str(uuid.uuid4())}

    @factory.lazy_attribute
    def object_key(self) -> str:
        return build_object_key({name: uuid.UUID(text) for name, text in self.object.items()})

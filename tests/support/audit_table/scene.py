"""A shop in which every event can happen, and the expected event."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Terminal, User
from tenants.models import Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Api, Person
from tests.support.gateway import ScriptedGateway
from tests.support.till import Body, Till
from tests.support.valid_posts import ShopSetup

# The actor name that a shop sees for changes by the platform.
PLATFORM = "Platform"
LONG = timedelta(minutes=5)


@dataclass(frozen=True)
class ExpectedEvent:
    """An expected event; `name` is the name of an actor who is not a user.

    `shop` is False for events without a shop.
    """

    actor: User | None
    target: Any
    facts: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    shop: bool = True

    def as_row(self, shop: Tenant) -> dict[str, Any]:
        """Return the expected columns."""
        return {
            "tenant_id": shop.pk if self.shop else None,
            "actor": self.actor.pk if self.actor else None,
            "actor_name": str(self.actor) if self.actor else self.name,
            "target_type": type(self.target).__name__.lower() if self.target else "",
            "target": self.target.pk if self.target else None,
            "target_name": str(getattr(self.target, "audit_name", self.target or "")),
            "facts": self.facts,
        }


@dataclass
class Scene(ShopSetup):
    """An admin (`till`), a manager and a cashier at the same register."""

    shop: Tenant
    manager_client: Till
    cashier_client: Till
    platform_browser: Client
    gateway: ScriptedGateway
    settings: Any

    @property
    def admin(self) -> User:
        return self.till.user

    @property
    def root(self) -> User:
        """Return the platform user."""
        return self.the_only(User, tenant=None)

    @property
    def manager(self) -> User:
        return self.manager_client.user

    def done(self, method: str, path: str, body: Any = None, by: Any = None, **headers: str) -> Any:
        """Send a request that must succeed; return its response body."""
        if method == "POST":
            headers.setdefault("Idempotency_Key", str(uuid.uuid4()))
        if method == "PATCH":
            headers.setdefault("If_Match", "*")
        response = (by or self.till).send(method, path, body, **headers)
        assert response.status_code in {200, 201, 202, 204}, response.content
        return response.json() if response.content else None

    def post(self, path: str, body: Any = None, by: Any = None, **headers: str) -> Any:
        return self.done("POST", path, body, by, **headers)

    def refused(self, response: Any, status: int, code: str) -> Body:
        answer: Body = response.json()
        assert (response.status_code, answer["code"]) == (status, code), response.content
        return answer

    def row(self, model: Any, pk: Any) -> Any:
        with across_tenants():
            return model._default_manager.get(pk=pk)

    def the_only(self, model: Any, **which: Any) -> Any:
        with across_tenants():
            return model._default_manager.get(**which)

    def paired(self) -> Terminal:
        """Pair a terminal with the register."""
        self.post(f"registers/{self.till.register.pk}/pair/")
        return self.the_only(Terminal, unpaired_at=None)

    def at_terminal(self, user: User) -> Till:
        """Return a client logged in with a password at the paired register."""
        register = self.till.register
        terminal = self.paired()
        session = AuthSessionFactory(
            user=user, terminal=terminal, register=register, store=register.store
        )
        return Till(user, register, session)

    def in_shop(self) -> Any:
        return tenant_scope(self.shop)

    def later(self) -> Any:
        """Move the clock to after every pending look-up."""
        return time_machine.travel(timezone.now() + LONG, tick=False)


Row = Callable[[Scene], ExpectedEvent | list[ExpectedEvent]]
ROWS: dict[str, Row] = {}


def row(*events: str) -> Callable[[Row], Row]:
    """Register the row of one or more events."""

    def register(function: Row) -> Row:
        for event in events:
            assert event not in ROWS, f"{event} has two rows"
            ROWS[event] = function
        return function

    return register


def anonymous() -> Api:
    return Api()


__all__ = ["PLATFORM", "ROWS", "ExpectedEvent", "Person", "Row", "Scene", "anonymous", "row"]

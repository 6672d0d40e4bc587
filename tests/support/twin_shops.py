"""Two shops prepared alike: what is done to one before Django is done to the other by the view.

Ids, times and hashes differ between the shops; everything else that they have stored must not.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.test import override_settings

from orders.models import ChainEntry
from tenants.api.fast_entry import hits
from tenants.models import Tenant, TenantOwned
from tenants.scope import tenant_scope
from tests.support.both_ways import Answer, call

ORDERS = "/api/v1/orders/"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|\+00:00)")
HASH = re.compile(r"[0-9a-f]{64}")
# Differ between two shops prepared alike.
CHOSEN = frozenset({"fingerprint", "password", "body_hash"})
OWNED = [
    model for model in apps.get_models() if issubclass(model, TenantOwned) and not model._meta.proxy
]


class Shop:
    """A shop with what its requests need; ids are normalized in the order of their creation."""

    def __init__(self, tenant: Tenant, access: str, **parts: Any) -> None:
        self.tenant = tenant
        self.access = access
        self.parts = parts

    def __getattr__(self, name: str) -> Any:
        return self.parts[name]

    def post(self, body: Any, path: str = ORDERS, **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return call("POST", path, content, authorization=f"Bearer {self.access}", **headers)


class TwinShops:
    """`both.post(build)` sends `build(shop)` to one shop before Django, to the other by view."""

    def __init__(self, build: Callable[[], Shop]) -> None:
        self.fast, self.plain = build(), build()

    def post(self, build: Callable[[Shop], Any], *, fast: bool = True, **headers: str) -> Answer:
        before = hits.total()
        answer = self.fast.post(build(self.fast), **headers)
        assert hits.total() - before == int(fast), f"{answer.status} {answer.body.decode()}"
        with override_settings(FAST_PATHS=False):
            expected = self.plain.post(build(self.plain), **headers)
        assert normalize_answer(answer) == normalize_answer(expected)
        self.ensure_same_rows()
        return answer

    def ensure_same_rows(self) -> None:
        fast, plain = list_rows(self.fast.tenant), list_rows(self.plain.tenant)
        assert normalize(fast) == normalize(plain)


def normalize_answer(answer: Answer) -> Any:
    return normalize([answer.status, answer.headers, answer.body.decode()])


def normalize(content: Any) -> str:
    """Return the text of the content, with ids numbered as they come and without times."""
    numbers: dict[str, str] = {}
    text = json.dumps(content, default=str, indent=1)
    text = UUID.sub(lambda each: numbers.setdefault(each[0], f"id-{len(numbers)}"), text)
    return HASH.sub("hash", TIME.sub("time", text))


def list_rows(tenant: Tenant) -> dict[str, Any]:
    """Return all rows of a shop in the order of their creation."""
    with tenant_scope(tenant):
        check_chain()
        return {
            model._meta.label: [
                {name: value for name, value in row.items() if name not in CHOSEN}
                for row in model._default_manager.order_by("created_at", "pk").values()
            ]
            for model in OWNED
        } | {"tenant": Tenant.objects.filter(pk=tenant.pk).values("has_orders", "currency").get()}


def check_chain() -> None:
    for entry in ChainEntry.objects.all():
        text = entry.previous_hash + entry.content
        assert entry.hash == hashlib.sha256(text.encode()).hexdigest()

"""Compare orders created before Django and by the view, in two shops with equal data.

Ids, times and hashes differ between the shops; all other stored values must be equal.
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
# How long to wait, which depends on when the request was answered.
SECONDS = re.compile(r"(Retry-After\W+|retry_after\W+|again in )\d+")
# Values that differ between two shops with equal data.
VARYING = frozenset({"fingerprint", "password", "body_hash"})
OWNED = [
    model for model in apps.get_models() if issubclass(model, TenantOwned) and not model._meta.proxy
]


class Shop:
    """A shop with the rows that its requests need, and a client."""

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
    """Send a request to one shop before Django and to the other by the view."""

    def __init__(self, build: Callable[[], Shop]) -> None:
        self.fast, self.plain = build(), build()

    def post(self, build: Callable[[Shop], Any], *, fast: bool = True, **headers: str) -> Answer:
        """Assert equal answers and rows; `fast` says whether the first is made before Django."""
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
    """Return the content as JSON, with numbered ids and without times, waits and hashes."""
    numbers: dict[str, str] = {}
    text = json.dumps(content, default=str, indent=1)
    text = UUID.sub(lambda each: numbers.setdefault(each[0], f"id-{len(numbers)}"), text)
    text = SECONDS.sub(r"\1seconds", text)
    return HASH.sub("hash", TIME.sub("time", text))


def list_rows(tenant: Tenant) -> dict[str, Any]:
    """Return all rows of a shop in the order of their creation."""
    with tenant_scope(tenant):
        check_chain()
        return {
            model._meta.label: [
                {name: value for name, value in row.items() if name not in VARYING}
                for row in model._default_manager.order_by("created_at", "pk").values()
            ]
            for model in OWNED
        } | {"tenant": Tenant.objects.filter(pk=tenant.pk).values("has_orders", "currency").get()}


def check_chain() -> None:
    for entry in ChainEntry.objects.all():
        text = entry.previous_hash + entry.content
        assert entry.hash == hashlib.sha256(text.encode()).hexdigest()

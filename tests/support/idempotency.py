"""Requests with idempotency keys."""

from typing import Any

from orders.models import Order
from tenants.models import IdempotencyKey, Tenant
from tenants.scope import tenant_scope
from tests.support.till import Body

KEY = "a-key"


def count(shop: Tenant, model: Any = Order) -> int:
    with tenant_scope(shop):
        found: int = model.objects.count()
    return found


def list_key_statuses(shop: Tenant) -> list[int | None]:
    with tenant_scope(shop):
        return [key.status for key in IdempotencyKey.objects.all()]


def without_ids(body: Body) -> Body:
    """Return the body without ids, so that the key identifies the request."""
    body = {name: value for name, value in body.items() if name != "id"}
    if "payments" in body:
        body["payments"] = [without_ids(each) for each in body["payments"]]
    return body


def assert_replayed(response: Any, first: Any) -> None:
    """Assert that the response equals the first one byte by byte."""
    assert (response.status_code, response.content) == (first.status_code, first.content)
    assert (response["Idempotent-Replayed"], response["ETag"]) == ("true", first["ETag"])

"""Call any route with a body that passes validation."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.db import transaction

from tests.support.api import Api
from tests.support.discovery import routes

BY_NAME = {route.name: route for route in routes()}
# Bodies that are validated before the row is loaded.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "customer-erase"): {"name": "Ann"},
    ("post", "order-receipt-fiscal"): {"lines": ["Signed"]},
    ("post", "refund-receipt-fiscal"): {"lines": ["Signed"]},
    ("post", "order-receipt-email"): {"email": "ada@customer.example"},
    ("post", "refund-receipt-email"): {"email": "ada@customer.example"},
    ("put", "user-role"): {"role": "cashier"},
    ("put", "user-pin"): {"pin": "482916"},
    ("post", "order-payments"): {"id": str(uuid.uuid4()), "method": "cash", "amount": "1.00"},
    ("post", "order-lines"): {"sku": "APPLE", "quantity": "1"},
    ("post", "order-discounts"): {"id": str(uuid.uuid4()), "type": "percent", "value": "5"},
    ("post", "order-void"): {"reason": "Left"},
    ("post", "order-refunds"): {"id": str(uuid.uuid4()), "reason": "Broken"},
    ("patch", "stock-level-detail"): {"reorder_point": "1"},
    ("post", "stock-count-lines"): {"lines": [{"code": "APPLE", "quantity": "1"}]},
    ("post", "stock-count-close"): {"uncounted": "keep"},
    ("post", "stock-transfer-lines"): {"lines": [{"code": "APPLE", "quantity": "1"}]},
    ("post", "stock-transfer-check"): {"lines": [{"code": "APPLE", "quantity": "1"}]},
    ("post", "stock-transfer-receive"): {"unchecked": "as_sent"},
    ("post", "shift-cash-movements"): {
        "id": str(uuid.uuid4()),
        "type": "no_sale",
        "reason": "Change",
    },
}
# Ids of parts of an order or a webhook in paths.
PARTS = {part: uuid.uuid4() for part in ("line", "discount", "delivery", "movement")}


def call(
    client: Api,
    method: str,
    name: str,
    pk: uuid.UUID | None,
    body: dict[str, Any] | None = None,
    **more: str,
) -> Any:
    path = BY_NAME[name].path.replace("<uuid:pk>", str(pk)).replace("<path:key>", str(pk))
    path = path.replace("<str:code>", str(pk))
    for part, id in PARTS.items():
        path = path.replace(f"<uuid:{part}>", str(id))
    body = body or BODIES.get((method, name))
    headers = client.defaults | ({"If-Match": "*"} if method in {"patch", "put"} else {}) | more
    content = json.dumps(body or {})
    return client.client.generic(
        method.upper(), f"/{path}", content, "application/json", headers=headers
    )


@contextmanager
def isolated_case(who: str) -> Iterator[None]:
    """Roll back what one case does, and name the case in failures.

    One test runs many cases, because creating the shop takes longer than a request.
    """
    cache.clear()
    atomic = transaction.atomic()
    atomic._from_testcase = True  # allow durable transactions inside
    try:
        with atomic:
            yield
            transaction.set_rollback(True)
    except BaseException as error:
        error.add_note(f"Case: {who}")
        raise

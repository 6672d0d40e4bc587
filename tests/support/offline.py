"""Offline sales and their upload."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from orders.models import Product
from tests.support.till import Body, Till, cash, new_id


def ago(**time: float) -> str:
    return (timezone.now() - timedelta(**time)).isoformat()


def build_offline_line(
    product: Product, price: str = "2.50", quantity: str = "1", **more: Any
) -> Body:
    return {"product": str(product.pk), "quantity": quantity, "unit_price": price, **more}


def build_offline_sale(sequence: int, *lines: Body, **more: Any) -> Body:
    """Build a sale of one minute ago, by default paid with 2.50 in cash."""
    return {
        "id": new_id(),
        "device_sequence": sequence,
        "sold_at": ago(minutes=1),
        "lines": list(lines),
        "payments": [cash("2.50")],
        **more,
    }


def upload(till: Till, *batch: Any, **more: Any) -> Any:
    headers = {"Idempotency_Key": more.pop("key")} if "key" in more else {}
    body = {"register": str(till.register.pk), "batch": list(batch), **more}
    return till.post("sync/orders/", body, **headers)


def results(till: Till, *batch: Any, **more: Any) -> list[Body]:
    response = upload(till, *batch, **more)
    assert response.status_code == 200, response.content
    answer: list[Body] = response.json()["results"]
    return answer


def upload_all_booked(till: Till, *batch: Body, **more: Any) -> list[Body]:
    """Upload sales that must all be booked, and return the orders."""
    answers = results(till, *batch, **more)
    assert [each["status"] for each in answers] == ["created"] * len(batch), answers
    return [each["order"] for each in answers]


def upload_one_booked(till: Till, item: Body, **more: Any) -> Body:
    (order,) = upload_all_booked(till, item, **more)
    return order

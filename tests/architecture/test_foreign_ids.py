"""An id that another shop uses is treated like an unused one, on both databases."""

import re

import pytest
from django.core.cache import cache
from django.db import transaction

from tenants.scope import across_tenants, tenant_scope
from tests.support.discovery import owned_models
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.till import Till, cash, line, new_id
from tests.support.valid_posts import POSTS, ShopSetup

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Times, hashes of the hash chain and codes of store credit, full or masked.
VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{64}|(?:\*{4}|[A-Z0-9]{4}-[A-Z0-9]{4}-)[A-Z0-9]{4}"
)
# Ids that a client chooses, and their places in the request.
IDS = {
    "order-list": ("id", "lines.0.id", "payments.0.id"),
    "order-lines": ("id",),
    "order-payments": ("id",),
    "order-discounts": ("id",),
    "order-refunds": ("id",),
    "movement-list": ("id",),
    "movement-batch": ("movements.0.id",),
    "shift-list": ("id",),
    "shift-cash-movements": ("id",),
    "store-credit-list": ("id",),
    "sync-orders": ("batch.0.id", "batch.0.lines.0.id", "batch.0.payments.0.id"),
}
PLACES_OF_IDS = [(name, place) for name, places in IDS.items() for place in places]


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


@pytest.fixture
def till(cashier, register):
    return Till(cashier, register)


@pytest.fixture
def their_ids(foreign):
    """Return the id of one row of each model of the other shop."""
    with across_tenants():
        found = {
            model.__name__: model.objects.filter(tenant=foreign.tenant).values_list("pk").first()
            for model in owned_models()
        }
    ids = {name: str(row[0]) for name, row in found.items() if row}
    assert {"Order", "OrderLine", "Payment", "Refund", "StockMovement", "Shift"} <= ids.keys()
    assert {"CashMovement", "StoreCredit", "Product"} <= ids.keys()
    return ids


def set_value(body, place, value):
    *path, last = (int(part) if part.isdigit() else part for part in place.split("."))
    for part in path:
        body = body[part]
    body[last] = value


def mask_response(answer):
    text = VOLATILE.sub("VOLATILE", UUID.sub("ID", answer.content.decode()))
    return answer.status_code, answer.get("ETag"), answer["Content-Type"], text


@pytest.mark.parametrize(("name", "place"), PLACES_OF_IDS)
def test_id_of_another_shop_can_be_used(name, place, world, their_ids, foreign, shop):
    post = POSTS[name](world)
    if name == "order-list":
        post.body.setdefault("id", new_id())

    def send_with_id(id):
        before = transaction.savepoint()
        cache.clear()
        set_value(post.body, place, id)
        answer = world.till.post(post.path(name), post.body)
        again = world.till.post(post.path(name), post.body)
        transaction.savepoint_rollback(before)
        assert id in answer.content.decode() or name == "order-discounts"
        return mask_response(answer), mask_response(again)

    fresh = send_with_id(new_id())
    answers = {model: send_with_id(id) for model, id in their_ids.items()}

    assert fresh[0][0] in {200, 201}, fresh
    assert {model: answer for model, answer in answers.items() if answer != fresh} == {}


def test_rows_of_two_shops_with_the_same_id_are_independent(till, product, foreign, shop):
    """Reading, changing, paying and deleting in one shop changes no row of the other."""
    theirs = snapshot_tenant(foreign.tenant)
    body = till.order(line(product, "2", id=str(foreign.line.pk))) | {"id": str(foreign.order.pk)}

    order = till.post("orders/", body).json()
    path = f"orders/{order['id']}/"
    edited = till.patch(f"{path}lines/{foreign.line.pk}/", {"quantity": "3"}, If_Match="*")
    added = till.post(f"{path}lines/", line(product) | {"id": new_id()}).json()
    removed = till.delete(f"{path}lines/{added['lines'][1]['id']}/", If_Match="*")
    paid = till.pay(order, cash("7.50") | {"id": str(foreign.payment.pk)})
    refunded = till.post(
        f"{path}refunds/", {"id": str(foreign.refund.pk), "reason": "Broken", "amount": "1.00"}
    )

    assert [each.status_code for each in (edited, removed, paid)] == [200, 200, 201]
    assert paid.json()["status"] == "completed"
    assert refunded.status_code in {201, 403}
    shown = till.shown(order)
    assert [each["id"] for each in shown["lines"]] == [str(foreign.line.pk)]
    assert [each["id"] for each in shown["payments"]] == [str(foreign.payment.pk)]
    assert "LEAKMARK" not in str(shown)
    assert snapshot_tenant(foreign.tenant) == theirs


def snapshot_tenant(tenant):
    with tenant_scope(tenant):
        return {
            model.__name__: list(model.objects.order_by("pk").values()) for model in owned_models()
        }


def test_offline_upload_can_use_ids_of_another_shop(till, product, foreign):
    item = build_offline_sale(
        1, build_offline_line(product, id=str(foreign.line.pk)), id=str(foreign.order.pk)
    )
    item["payments"][0]["id"] = str(foreign.payment.pk)

    for status in ("created", "duplicate"):
        answer = till.post(
            "sync/orders/", {"register": str(till.register.pk), "batch": [item]}
        ).json()
        assert [each["status"] for each in answer["results"]] == [status]

"""An id that another shop uses is answered as one that nobody uses, on both databases."""

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
# Of the clock, of the chain, and codes of store credit, whole or but for their end.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{64}|(?:\*{4}|[A-Z0-9]{4}-[A-Z0-9]{4}-)[A-Z0-9]{4}"
)
# What a client may name by an id of its own, and where in the request.
IDS = {
    "order-list": ("id", "lines.0.id", "payments.0.id"),
    "order-lines": ("id",),
    "order-payments": ("id",),
    "order-discounts": ("id",),
    "order-refunds": ("id",),
    "movement-list": ("id",),
    "shift-list": ("id",),
    "shift-cash-movements": ("id",),
    "store-credit-list": ("id",),
    "sync-orders": ("batch.0.id", "batch.0.lines.0.id", "batch.0.payments.0.id"),
}
EVERY = [(name, place) for name, places in IDS.items() for place in places]


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


@pytest.fixture
def till(cashier, register):
    return Till(cashier, register)


@pytest.fixture
def their_ids(foreign):
    """Of one row of everything that the other shop has, whatever it is called."""
    with across_tenants():
        found = {
            model.__name__: model.objects.filter(tenant=foreign.tenant).values_list("pk").first()
            for model in owned_models()
        }
    ids = {name: str(row[0]) for name, row in found.items() if row}
    assert {"Order", "OrderLine", "Payment", "Refund", "StockMovement", "Shift"} <= ids.keys()
    assert {"CashMovement", "StoreCredit", "Product"} <= ids.keys()
    return ids


def put(body, place, value):
    *path, last = (int(part) if part.isdigit() else part for part in place.split("."))
    for part in path:
        body = body[part]
    body[last] = value


def masked(answer):
    text = MOMENT.sub("MOMENT", UUID.sub("ID", answer.content.decode()))
    return answer.status_code, answer.get("ETag"), answer["Content-Type"], text


@pytest.mark.parametrize(("name", "place"), EVERY)
def test_an_id_of_another_shop_is_as_free_as_any(name, place, world, their_ids, foreign, shop):
    post = POSTS[name](world)
    if name == "order-list":
        post.body.setdefault("id", new_id())

    def sent(id):
        before = transaction.savepoint()
        cache.clear()
        put(post.body, place, id)
        answer = world.till.post(post.path(name), post.body)
        again = world.till.post(post.path(name), post.body)
        transaction.savepoint_rollback(before)
        assert id in answer.content.decode() or name == "order-discounts"
        return masked(answer), masked(again)

    fresh = sent(new_id())
    answers = {model: sent(id) for model, id in their_ids.items()}

    assert fresh[0][0] in {200, 201}, fresh
    assert {model: answer for model, answer in answers.items() if answer != fresh} == {}


def test_rows_of_two_shops_with_one_id_stay_apart(till, product, foreign, shop):
    """Read, changed, paid and deleted in one shop: what the other has is as it was."""
    theirs = everything_of(foreign.tenant)
    body = till.order(line(product, "2", id=str(foreign.line.pk))) | {"id": str(foreign.order.pk)}

    order = till.post("orders/", body).json()
    path = f"orders/{order['id']}/"
    edited = till.patch(f"{path}lines/{foreign.line.pk}/", {"quantity": "3"}, If_Match="*")
    added = till.post(f"{path}lines/", line(product) | {"id": new_id()}).json()
    removed = till.delete(f"{path}lines/{added['lines'][1]['id']}/", If_Match="*")
    paid = till.pay(order, cash("7.50") | {"id": str(foreign.payment.pk)})
    back = till.post(
        f"{path}refunds/", {"id": str(foreign.refund.pk), "reason": "Broken", "amount": "1.00"}
    )

    assert [each.status_code for each in (edited, removed, paid)] == [200, 200, 201]
    assert paid.json()["status"] == "completed"
    assert back.status_code in {201, 403}
    shown = till.shown(order)
    assert [each["id"] for each in shown["lines"]] == [str(foreign.line.pk)]
    assert [each["id"] for each in shown["payments"]] == [str(foreign.payment.pk)]
    assert "CANARY" not in str(shown)
    assert everything_of(foreign.tenant) == theirs


def everything_of(tenant):
    with tenant_scope(tenant):
        return {
            model.__name__: list(model.objects.order_by("pk").values()) for model in owned_models()
        }


def test_an_upload_names_rows_as_it_likes_too(till, product, foreign):
    item = build_offline_sale(
        1, build_offline_line(product, id=str(foreign.line.pk)), id=str(foreign.order.pk)
    )
    item["payments"][0]["id"] = str(foreign.payment.pk)

    for status in ("created", "duplicate"):
        answer = till.post(
            "sync/orders/", {"register": str(till.register.pk), "batch": [item]}
        ).json()
        assert [each["status"] for each in answer["results"]] == [status]

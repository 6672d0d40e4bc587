"""Every write of every route is announced, compared with the changed tables."""

from collections.abc import Callable

import pytest

from accounts.views.auth import UnauthenticatedView
from tenants.events.outbox import get_resource_type
from tenants.events.topics import RESOURCE_TYPES, TOPICS
from tenants.models import Tenant
from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.discovery import owned_models, routes
from tests.support.outbox_assertions import (
    ANNOUNCED_MODELS,
    PART_MODELS,
    UNANNOUNCED_MODELS,
    assert_changes_announced,
)
from tests.support.route_calls import isolated_case
from tests.support.till import Till
from tests.support.valid_posts import POSTS, Post, ShopSetup
from tests.support.valid_writes import WRITES

pytestmark = pytest.mark.once

CALLS: dict[tuple[str, str], Callable[[ShopSetup], Post]] = {
    **{("post", name): post for name, post in POSTS.items()},
    **WRITES,
}
# Routes without a user: sign-up, tested below, and log-ins.
UNAUTHENTICATED = {
    ("post", route.name)
    for route in routes()
    if "post" in route.methods and issubclass(route.view, UnauthenticatedView)
}
# Writes that are not announced, by reason.
UNANNOUNCED = {
    "log-ins and log-outs": {
        ("post", "logout"),
        ("post", "logout-all"),
        ("post", "reauth"),
        ("delete", "session-detail"),
        ("delete", "user-sessions"),
    },
    "devices, and leave that is given within minutes": {
        ("post", "register-pair"),
        ("post", "register-pairing-codes"),
        ("post", "register-unpair"),
        ("post", "approval-list"),
        ("post", "approval-approve"),
        ("post", "approval-deny"),
    },
    "keys of other programs, whose users are not listed": {
        ("post", "service-key-list"),
        ("delete", "service-key-detail"),
    },
    "subscribers": {
        ("post", "webhook-list"),
        ("post", "webhook-rotate"),
        ("post", "webhook-test"),
        ("post", "webhook-redeliver"),
        ("patch", "webhook-detail"),
        ("delete", "webhook-detail"),
    },
    "reckoned, or mailed, and nothing is another than before": {
        ("post", "order-calculate"),
        ("post", "order-receipt-email"),
        ("post", "refund-receipt-email"),
        ("post", "order-receipt-fiscal"),
    },
    "looked up by its code, never kept as a copy": {
        ("post", "store-credit-list"),
        ("post", "store-credit-block"),
        ("post", "store-credit-unblock"),
    },
}


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


def send(world: ShopSetup, method: str, name: str, post: Post) -> None:
    headers = {"If_Match": "*"} if method in {"patch", "put"} else {}
    if method == "post":
        headers["Idempotency_Key"] = "a-key"
    path = post.path(name)
    response = world.till.send(method.upper(), path, post.body, post.content_type, **headers)
    assert response.status_code in {200, 201, 202, 204}, response.content


def test_calls_cover_every_write_and_every_table_is_classified():
    writes = {(method, route.name) for route in routes() for method in route.methods} - {
        ("get", route.name) for route in routes()
    }

    assert writes == set(CALLS) | UNAUTHENTICATED
    owned = {*ANNOUNCED_MODELS, *PART_MODELS, *UNANNOUNCED_MODELS}
    assert owned == {*owned_models(), *ANNOUNCED_MODELS}
    assert not UNANNOUNCED_MODELS.keys() & {*ANNOUNCED_MODELS, *PART_MODELS}
    assert {get_resource_type(model) for model in ANNOUNCED_MODELS} | {"payment"} == set(
        RESOURCE_TYPES
    )


@pytest.mark.slow
def test_every_write_is_announced_with_the_stored_row(world):
    unannounced = set()
    for method, name in sorted(CALLS):
        with isolated_case(f"{method} {name}"):
            post = CALLS[method, name](world)
            with assert_changes_announced() as topics:
                send(world, method, name, post)
            assert topics <= set(TOPICS)
            if not topics:
                unannounced.add((method, name))

    assert unannounced == set().union(*UNANNOUNCED.values())


def test_signup_is_announced_and_logins_are_not(admin, settings):
    settings.SIGNUP_ENABLED = True
    name = {"tenant": admin.tenant.slug, "username": admin.username, "password": PASSWORD}
    first = {"username": "ann", "email": "ann@shop.example", "password": "eleven blue bottles"}
    new = {"slug": "blue", "name": "Blue", "currency": "EUR"}

    with assert_changes_announced() as topics:
        tokens = Api().post("auth/token/", name).json()
        refreshed = Api().post("auth/token/refresh/", {"refresh": tokens["refresh"]})
    with assert_changes_announced(but=[Tenant]) as of_new:
        opened = Api().post("auth/signup/", {"tenant": new, "admin": first})

    assert (refreshed.status_code, opened.status_code) == (200, 201), opened.content
    assert topics == set()
    assert of_new == {"store.created", "register.created", "user.created"}

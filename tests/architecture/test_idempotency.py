"""Every authenticated POST honors an Idempotency-Key; each has an entry in `POSTS`."""

import re
from typing import Any

import pytest
from rest_framework.serializers import ListSerializer

from accounts.models import AuthSession
from accounts.views.auth import UnauthenticatedView
from tenants import idempotency
from tenants.api.idempotent_views import SECRETS, IdempotentView
from tenants.api.serializers import StrictSerializer
from tenants.models import IdempotencyKey
from tenants.scope import across_tenants
from tests.architecture.test_permissions import DEVICES, TABLE
from tests.architecture.test_schema import document, ensure_documented, path_in_document
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.discovery import routes, serializer_classes, snapshot_owned_rows
from tests.support.problems import assert_problem
from tests.support.till import Till
from tests.support.valid_posts import POSTS, Post, ShopSetup

KEY = "a-key"
POSTED = {route.name: route.view for route in routes() if "post" in route.methods}
# Their callers have no user yet that could own a key.
OPEN = {name for name, view in POSTED.items() if issubclass(view, UnauthenticatedView)}
# The key of a sign-up belongs to the new shop (tests/accounts/users/test_signup.py).
WITHOUT_KEY = OPEN - {"signup"}
SECRET = re.compile(r"password|secret|token|access|refresh|pairing_code")
NO_SECRETS = {"must_change_password", "token_type", "refresh_reuse", "access_token_seconds"}
every_post = pytest.mark.parametrize("name", sorted(POSTS))


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


def is_one_transaction(name: str) -> bool:
    """Return whether the action of this POST is one transaction."""
    route = next(route for route in routes() if route.name == name)
    several = getattr(route.view, "multi_transaction_actions", None)
    return several is not None and route.methods["post"] not in several


def is_found_by_id(name: str) -> bool:
    """Return whether a repeated request is recognized by the id of its object."""
    route = next(route for route in routes() if route.name == name)
    return route.methods["post"] in getattr(route.view, "actions_found_by_id", ())


def send(world: ShopSetup, name: str, post: Post, **headers: str) -> Any:
    return world.till.send("POST", post.path(name), post.body, post.content_type, **headers)


def restore_session(world: ShopSetup) -> None:
    """Undo a log-out, because the second request needs the session."""
    with across_tenants():
        AuthSession.objects.filter(pk=world.till.session.pk).update(
            revoked_at=None, revoke_reason=""
        )


def test_posts_cover_every_authenticated_post():
    assert set(POSTED) - OPEN == set(POSTS)
    known = {name for name in OPEN if TABLE["post", name] == DEVICES}
    assert {name for name in OPEN if "anonymous" not in TABLE["post", name]} == known


@pytest.mark.parametrize("name", sorted(set(POSTED) - OPEN))
def test_post_views_use_the_idempotent_view(name):
    view = POSTED[name]

    assert issubclass(view, IdempotentView)
    for method in (
        "run_once",
        "build_key",
        "run_in_one_transaction",
        "run_in_several_transactions",
    ):
        assert getattr(view, method) is getattr(IdempotentView, method)


def fail_if_saved_by_the_view(claim: IdempotencyKey) -> None:
    raise AssertionError(f"no service stored the answer of {claim}")


@every_post
def test_repeated_post_acts_once_and_replays_the_answer(name, world, monkeypatch):
    """Services store the key in their transaction; stored later by the view, it could be lost."""
    post = POSTS[name](world)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answered_key", fail_if_saved_by_the_view)
        first = send(world, name, post, Idempotency_Key=KEY)
    restore_session(world)
    second = send(world, name, post, Idempotency_Key=KEY)

    assert first.status_code in {200, 201, 202, 204}, first.content
    assert "Idempotent-Replayed" not in first
    assert (second.status_code, second["Idempotent-Replayed"]) == (first.status_code, "true")
    assert second.get("ETag") == first.get("ETag")
    assert second.get("Content-Type") == first.get("Content-Type")
    assert second.content == first.content or second.json() == blank_secrets(first.json())
    for answer in (first, second):
        ensure_replay_documented(answer, name)
    with across_tenants():
        assert IdempotencyKey.objects.filter(key=KEY).count() == 1


def ensure_replay_documented(answer: Any, name: str) -> None:
    """Also for replays, in which secrets are null."""
    # Its results omit fields without a value.
    if name != "sync-orders":
        ensure_documented(answer, "post", name)


class Killed(BaseException):
    """Simulate the end of the process; no handler catches it."""


def kill(*args: Any) -> None:
    raise Killed


SEVERAL = sorted(name for name in POSTS if not is_one_transaction(name))


@pytest.mark.parametrize("name", SEVERAL)
def test_key_replays_the_answer_lost_in_a_crash_of_several_transactions(name, world, monkeypatch):
    """All transactions were committed except the stored answer, and are not repeated."""
    post = POSTS[name](world)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(Killed):
            send(world, name, post, Idempotency_Key=KEY)
    restore_session(world)
    done = snapshot_owned_rows()

    second = send(world, name, post, Idempotency_Key=KEY)

    assert second.status_code in {200, 201, 202, 204}, second.content
    assert second["Idempotent-Replayed"] == "true"
    assert snapshot_owned_rows() == done
    ensure_replay_documented(second, name)
    if not is_found_by_id(name):
        with across_tenants():
            kept = IdempotencyKey.objects.get(key=KEY)
        assert kept.status == second.status_code


def blank_secrets(answer: dict[str, Any]) -> dict[str, Any]:
    secrets = SECRETS & answer.keys()
    assert secrets
    return answer | dict.fromkeys(secrets)


@every_post
def test_key_reused_for_another_request_is_rejected(name, world):
    post = POSTS[name](world)
    send(world, name, post, Idempotency_Key=KEY)
    restore_session(world)

    path = f"{post.path(name)}?dry_run=1"
    other = world.till.send("POST", path, post.body, post.content_type, Idempotency_Key=KEY)

    assert_problem(other, 422, "idempotency_key_reused")


@every_post
def test_invalid_key_is_rejected(name, world):
    post = POSTS[name](world)

    assert_problem(
        send(world, name, post, Idempotency_Key="two words"), 400, "idempotency_key_invalid"
    )


def test_secret_fields_of_responses_are_known():
    """Check all fields with the name of a secret, at any depth."""
    named = {
        (name, depth)
        for serializer in serializer_classes()
        # Except inputs, and lists, whose rows are checked separately.
        if not issubclass(serializer, StrictSerializer | ListSerializer)
        for name, depth in list_output_fields(serializer())
        if SECRET.search(name) and name not in NO_SECRETS
    }

    assert {name for name, _ in named} <= SECRETS
    assert {name for name, depth in named if depth} == set()


def list_output_fields(serializer: Any, depth: int = 0) -> Any:
    """Yield the output fields with their depth."""
    for name, field in getattr(serializer, "fields", {}).items():
        if not field.write_only:
            yield name, depth
            yield from list_output_fields(getattr(field, "child", field), depth + 1)


# --- OpenAPI document --------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(POSTED))
def test_document_describes_the_key_wherever_it_is_honored(name):
    operation = document()["paths"][path_in_document(name)]["post"]
    parameters = [each.get("$ref", "") for each in operation.get("parameters", [])]

    assert ("#/components/parameters/IdempotencyKey" in parameters) == (name not in WITHOUT_KEY)
    assert ("422" in operation["responses"]) == (name not in WITHOUT_KEY)
    for status, answer in operation["responses"].items():
        is_documented = name not in WITHOUT_KEY and status.startswith("2")
        assert ("Idempotent-Replayed" in answer.get("headers", {})) == is_documented


def test_idempotency_key_detail_is_documented(world):
    IdempotencyKeyFactory(tenant=world.store.tenant, user=world.till.user.pk, key=KEY)

    ensure_documented(world.till.get(f"idempotency/{KEY}/"), "get", "idempotency-key")


def get_secrets(answer: Any) -> dict[str, Any]:
    return {name: answer[name] for name in SECRETS if isinstance(answer, dict) and name in answer}


@every_post
def test_stored_and_replayed_answers_contain_no_secrets(name, world):
    post = POSTS[name](world)
    response = send(world, name, post, Idempotency_Key=KEY)
    first = get_secrets(response.json() if response.content else None)
    if not any(first.values()):
        assert name not in ANSWER_SECRETS
        return
    with across_tenants():
        kept = list(IdempotencyKey.objects.filter(key=KEY).values_list("body", flat=True))
    restore_session(world)
    again = send(world, name, post, Idempotency_Key=KEY)

    assert name in ANSWER_SECRETS
    assert not [secret for secret in first.values() if secret and str(secret) in "".join(kept)]
    assert (again.status_code, again["Idempotent-Replayed"]) == (response.status_code, "true")
    assert get_secrets(again.json()) == dict.fromkeys(first)


# Routes whose answer contains a secret that is shown once.
ANSWER_SECRETS = {
    "reauth",
    "service-key-list",
    "register-pair",
    "register-pairing-codes",
    "store-credit-list",
    "user-list",
    "user-reset-password",
    "webhook-list",
    "webhook-rotate",
}

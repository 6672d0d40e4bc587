"""Every POST of somebody logged in honours an Idempotency-Key; each has a line in `posts`."""

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
from tests.support.discovery import list_kept_models, routes, serializer_classes
from tests.support.problems import assert_problem
from tests.support.till import Till
from tests.support.valid_posts import POSTS, Post, ShopSetup

KEY = "a-key"
POSTED = {route.name: route.view for route in routes() if "post" in route.methods}
# Their callers have no person yet to whom a key could belong.
OPEN = {name for name, view in POSTED.items() if issubclass(view, UnauthenticatedView)}
# A sign-up's key is the shop's that it opens (tests/accounts/users/test_signup.py).
WITHOUT_KEY = OPEN - {"signup"}
SECRET = re.compile(r"password|secret|token|access|refresh")
NO_SECRETS = {"must_change_password", "token_type", "refresh_reuse", "access_token_seconds"}
every_post = pytest.mark.parametrize("name", sorted(POSTS))


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


def is_one_transaction(name: str) -> bool:
    """Views of one action have no such choice: they are of several."""
    route = next(route for route in routes() if route.name == name)
    several = getattr(route.view, "multi_transaction_actions", None)
    return several is not None and route.methods["post"] not in several


def by_its_id(name: str) -> bool:
    """What was done is found by its id; its answer is kept with the first request alone."""
    route = next(route for route in routes() if route.name == name)
    return route.methods["post"] in getattr(route.view, "actions_found_by_id", ())


def send(world: ShopSetup, name: str, post: Post, **headers: str) -> Any:
    return world.till.send("POST", post.path(name), post.body, post.content_type, **headers)


def revive(world: ShopSetup) -> None:
    """Logging out ends the session that the second request needs."""
    with across_tenants():
        AuthSession.objects.filter(pk=world.till.session.pk).update(
            revoked_at=None, revoke_reason=""
        )


def test_there_is_a_request_for_every_post_and_no_other():
    assert set(POSTED) - OPEN == set(POSTS)
    known = {name for name in OPEN if TABLE["post", name] == DEVICES}
    assert {name for name in OPEN if "anonymous" not in TABLE["post", name]} == known


@pytest.mark.parametrize("name", sorted(set(POSTED) - OPEN))
def test_no_view_does_it_in_another_way(name):
    view = POSTED[name]

    assert issubclass(view, IdempotentView)
    for method in (
        "run_once",
        "build_key",
        "run_in_one_transaction",
        "run_in_several_transactions",
    ):
        assert getattr(view, method) is getattr(IdempotentView, method)


def no_deed_wrote(claim: IdempotencyKey) -> None:
    raise AssertionError(f"no deed wrote the key of {claim}")


@every_post
def test_every_post_is_done_once(name, world, monkeypatch):
    """The deeds write the key themselves: kept by the view afterwards, it might be lost."""
    post = POSTS[name](world)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answered_key", no_deed_wrote)
        first = send(world, name, post, Idempotency_Key=KEY)
    revive(world)
    second = send(world, name, post, Idempotency_Key=KEY)

    assert first.status_code in {200, 201, 202, 204}, first.content
    assert "Idempotent-Replayed" not in first
    assert (second.status_code, second["Idempotent-Replayed"]) == (first.status_code, "true")
    assert second.get("ETag") == first.get("ETag")
    assert second.get("Content-Type") == first.get("Content-Type")
    assert second.content == first.content or second.json() == blanked(first.json())
    for answer in (first, second):
        ensure_as_documented(answer, name)
    with across_tenants():
        assert IdempotencyKey.objects.filter(key=KEY).count() == 1


def ensure_as_documented(answer: Any, name: str) -> None:
    """Given again, too: secrets are null, and the document says so."""
    # Each of its results leaves out what it does not have.
    if name != "sync-orders":
        ensure_documented(answer, "post", name)


class Killed(BaseException):
    """The process ends here, as nothing catches it."""


def kill(*args: Any) -> None:
    raise Killed


SEVERAL = sorted(name for name in POSTS if not is_one_transaction(name))


@pytest.mark.parametrize("name", SEVERAL)
def test_an_answer_that_a_crash_lost_is_given_to_the_same_key(name, world, monkeypatch):
    """Everything of several transactions was done but the answer, and is not done again."""
    post = POSTS[name](world)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(Killed):
            send(world, name, post, Idempotency_Key=KEY)
    revive(world)
    done = list_kept_models()

    second = send(world, name, post, Idempotency_Key=KEY)

    assert second.status_code in {200, 201, 202, 204}, second.content
    assert second["Idempotent-Replayed"] == "true"
    assert list_kept_models() == done
    ensure_as_documented(second, name)
    if not by_its_id(name):
        with across_tenants():
            kept = IdempotencyKey.objects.get(key=KEY)
        assert kept.status == second.status_code


def blanked(answer: dict[str, Any]) -> dict[str, Any]:
    secrets = SECRETS & answer.keys()
    assert secrets
    return answer | dict.fromkeys(secrets)


@every_post
def test_every_post_refuses_its_key_for_something_else(name, world):
    post = POSTS[name](world)
    send(world, name, post, Idempotency_Key=KEY)
    revive(world)

    path = f"{post.path(name)}?dry_run=1"
    other = world.till.send("POST", path, post.body, post.content_type, Idempotency_Key=KEY)

    assert_problem(other, 422, "idempotency_key_reused")


@every_post
def test_every_post_refuses_what_is_no_key(name, world):
    post = POSTS[name](world)

    assert_problem(
        send(world, name, post, Idempotency_Key="two words"), 400, "idempotency_key_invalid"
    )


def test_no_secret_is_kept_with_an_answer():
    """Whatever is named like a secret, at the top of an answer or inside it."""
    named = {
        (name, depth)
        for serializer in serializer_classes()
        # What comes in, and lists, whose rows are looked at by themselves.
        if not issubclass(serializer, StrictSerializer | ListSerializer)
        for name, depth in written(serializer())
        if SECRET.search(name) and name not in NO_SECRETS
    }

    assert {name for name, _ in named} <= SECRETS
    assert {name for name, depth in named if depth} == set()


def written(serializer: Any, depth: int = 0) -> Any:
    """The fields that go out, each with how deep it lies."""
    for name, field in getattr(serializer, "fields", {}).items():
        if not field.write_only:
            yield name, depth
            yield from written(getattr(field, "child", field), depth + 1)


# --- the document -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(POSTED))
def test_the_document_tells_of_the_key_wherever_it_is_honored(name):
    operation = document()["paths"][path_in_document(name)]["post"]
    parameters = [each.get("$ref", "") for each in operation.get("parameters", [])]

    assert ("#/components/parameters/IdempotencyKey" in parameters) == (name not in WITHOUT_KEY)
    assert ("422" in operation["responses"]) == (name not in WITHOUT_KEY)
    for status, answer in operation["responses"].items():
        is_told = name not in WITHOUT_KEY and status.startswith("2")
        assert ("Idempotent-Replayed" in answer.get("headers", {})) == is_told


def test_what_became_of_a_request_is_documented(world):
    IdempotencyKeyFactory(tenant=world.store.tenant, user=world.till.user.pk, key=KEY)

    ensure_documented(world.till.get(f"idempotency/{KEY}/"), "get", "idempotency-key")


def secrets_of(answer: Any) -> dict[str, Any]:
    return {name: answer[name] for name in SECRETS if isinstance(answer, dict) and name in answer}


@every_post
def test_no_secret_is_kept_with_a_key_or_given_again(name, world):
    post = POSTS[name](world)
    response = send(world, name, post, Idempotency_Key=KEY)
    first = secrets_of(response.json() if response.content else None)
    if not any(first.values()):
        assert name not in ANSWER_SECRETS
        return
    with across_tenants():
        kept = list(IdempotencyKey.objects.filter(key=KEY).values_list("body", flat=True))
    revive(world)
    again = send(world, name, post, Idempotency_Key=KEY)

    assert name in ANSWER_SECRETS
    assert not [secret for secret in first.values() if secret and str(secret) in "".join(kept)]
    assert (again.status_code, again["Idempotent-Replayed"]) == (response.status_code, "true")
    assert secrets_of(again.json()) == dict.fromkeys(first)


# Whose answer holds something that is shown once.
ANSWER_SECRETS = {
    "reauth",
    "register-pair",
    "store-credit-list",
    "user-list",
    "user-reset-password",
    "webhook-list",
    "webhook-rotate",
}

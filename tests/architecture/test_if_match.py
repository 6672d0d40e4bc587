"""The document says of If-Match what the calls do, and of no other header more than is true."""

import json

import pytest

from tenants.models import IdempotencyKey
from tenants.scope import across_tenants
from tests.architecture.test_schema import document, path_in_document
from tests.support.api import Person
from tests.support.discovery import list_kept_models, routes
from tests.support.problems import assert_problem
from tests.support.route_calls import BODIES, PARTS, call
from tests.support.till import Till
from tests.support.valid_posts import POSTS, Post, ShopSetup

PARAMETER = {"$ref": "#/components/parameters/IfMatch"}
BY_NAME = {route.name: route for route in routes()}
ACTIONS = sorted(name for name in POSTS if "<uuid:pk>" in BY_NAME[name].path)


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


def is_told(name, method):
    operation = document()["paths"][path_in_document(name)][method]
    told = PARAMETER in operation.get("parameters", [])
    assert ("412" in operation["responses"]) == told
    return told


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_starts_from_the_version_that_it_is_told(name, world):
    """Also those of several transactions. Nothing is done from another one."""
    post: Post = POSTS[name](world)
    before = list_kept_models()

    def send(version):
        return world.till.send(
            "POST",
            post.path(name),
            post.body or {},
            post.content_type,
            If_Match=version,
            Idempotency_Key="k",
        )

    assert is_told(name, "post")
    assert_problem(send("no version"), 400, "invalid", {"If-Match": "invalid"})
    stale = assert_problem(send('"999"'), 412, "version_conflict")
    assert list_kept_models() == before
    with across_tenants():
        assert not IdempotencyKey.objects.filter(key="k").exists()
    current = f'"{stale["current"]}"'
    done = send(current)
    assert done.status_code < 300, done.content
    again = send(current)
    assert (again.status_code, again["Idempotent-Replayed"]) == (done.status_code, "true")


CHANGES = sorted(
    (name, method)
    for name, route in BY_NAME.items()
    for method in ("put", "delete")
    if method in route.methods and "<uuid:pk>" in route.path
)
# Logins have no version that anybody is shown.
WITHOUT_VERSION = {("session-detail", "delete")}


def test_what_is_put_or_deleted_starts_from_the_version_that_it_is_told(rows, admin):
    office = Person(admin)
    before = list_kept_models()
    for name, method in CHANGES:
        told = (name, method) not in WITHOUT_VERSION
        assert is_told(name, method) == told, name
        if told:
            row = next(rows[key] for key in sorted(rows, reverse=True) if name.startswith(key))
            assert_problem(
                call(office, method, name, row, **{"If-Match": '"999"'}), 412, "version_conflict"
            )
    assert list_kept_models() == before


EDITS = sorted(
    (name, method)
    for name, route in BY_NAME.items()
    for method in ("patch", "put")
    if method in route.methods and name != "password"
)


def test_whatever_is_patched_or_put_needs_a_version(rows, admin):
    """But for one's own password, which is no part of what has a version."""
    office = Person(admin, **{"Content-Type": "application/json"})
    before = list_kept_models()
    assert not is_told("password", "put")
    for name, method in EDITS:
        assert is_told(name, method), name
        operation = document()["paths"][path_in_document(name)][method]
        assert "428" in operation["responses"], name
        found = [rows[key] for key in sorted(rows, reverse=True) if name.startswith(key)]
        path = BY_NAME[name].path.replace("<uuid:pk>", str(found[0] if found else ""))
        for part, id in PARTS.items():
            path = path.replace(f"<uuid:{part}>", str(id))
        body = json.dumps(BODIES.get((method, name), {}))
        answer = office.client.generic(method, f"/{path}", body, headers=office.defaults)
        assert_problem(answer, 428, "if_match_required")
    assert list_kept_models() == before


def test_whatever_is_shown_alone_has_its_version_as_tag():
    tag = {"$ref": "#/components/headers/ETag"}
    shown = [
        answer
        for operations in document()["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
        if answer.get("headers", {}).get("ETag")
    ]

    assert len(shown) > 30
    assert all(answer["headers"]["ETag"] == tag for answer in shown)

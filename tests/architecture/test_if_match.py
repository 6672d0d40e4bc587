"""The OpenAPI document describes If-Match and ETag as the routes implement them."""

import json

import pytest

from tenants.models import IdempotencyKey
from tenants.scope import across_tenants
from tests.architecture.test_schema import document, path_in_document
from tests.support.api import Person
from tests.support.discovery import routes, snapshot_owned_rows
from tests.support.problems import assert_problem
from tests.support.route_calls import BODIES, PARTS, call
from tests.support.till import Till
from tests.support.valid_posts import POSTS, Post, ShopSetup

PARAMETERS = {
    "#/components/parameters/IfMatch": False,
    "#/components/parameters/RequiredIfMatch": True,
}
BY_NAME = {route.name: route for route in routes()}
ACTIONS = sorted(name for name in POSTS if "<uuid:pk>" in BY_NAME[name].path)


@pytest.fixture
def world(admin, cashier, register, store, product):
    return ShopSetup(Till(admin, register), cashier, product, store)


def is_documented(name, method):
    operation = document()["paths"][path_in_document(name)][method]
    found = [
        PARAMETERS[each["$ref"]]
        for each in operation.get("parameters", [])
        if each.get("$ref") in PARAMETERS
    ]
    assert ("412" in operation["responses"]) == bool(found)
    assert ("428" in operation["responses"]) == (found == [True])
    return bool(found)


def test_if_match_is_required_where_the_parameter_says_so():
    parameters = document()["components"]["parameters"]

    for reference, is_required in PARAMETERS.items():
        assert parameters[reference.rpartition("/")[2]]["required"] == is_required


@pytest.mark.parametrize("name", ACTIONS)
def test_action_checks_the_version_in_if_match(name, world):
    """Also for actions of several transactions; an outdated version changes nothing."""
    post: Post = POSTS[name](world)
    before = snapshot_owned_rows()

    def send(version):
        return world.till.send(
            "POST",
            post.path(name),
            post.body or {},
            post.content_type,
            If_Match=version,
            Idempotency_Key="k",
        )

    assert is_documented(name, "post")
    assert_problem(send("no version"), 400, "invalid", {"If-Match": "invalid"})
    stale = assert_problem(send('"999"'), 412, "version_conflict")
    assert snapshot_owned_rows() == before
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
# Sessions show no version.
WITHOUT_VERSION = {("session-detail", "delete")}


def test_put_and_delete_check_the_version_in_if_match(rows, admin):
    client = Person(admin)
    before = snapshot_owned_rows()
    for name, method in CHANGES:
        documented = (name, method) not in WITHOUT_VERSION
        assert is_documented(name, method) == documented, name
        if documented:
            row = next(rows[key] for key in sorted(rows, reverse=True) if name.startswith(key))
            assert_problem(
                call(client, method, name, row, **{"If-Match": '"999"'}), 412, "version_conflict"
            )
    assert snapshot_owned_rows() == before


EDITS = sorted(
    (name, method)
    for name, route in BY_NAME.items()
    for method in ("patch", "put")
    if method in route.methods and name != "password"
)


def test_patch_and_put_need_a_version(rows, admin):
    """Except the own password, which is not part of a versioned representation."""
    client = Person(admin, **{"Content-Type": "application/json"})
    before = snapshot_owned_rows()
    assert not is_documented("password", "put")
    for name, method in EDITS:
        assert is_documented(name, method), name
        operation = document()["paths"][path_in_document(name)][method]
        assert "428" in operation["responses"], name
        found = [rows[key] for key in sorted(rows, reverse=True) if name.startswith(key)]
        path = BY_NAME[name].path.replace("<uuid:pk>", str(found[0] if found else ""))
        for part, id in PARTS.items():
            path = path.replace(f"<uuid:{part}>", str(id))
        body = json.dumps(BODIES.get((method, name), {}))
        answer = client.client.generic(method, f"/{path}", body, headers=client.defaults)
        assert_problem(answer, 428, "if_match_required")
    assert snapshot_owned_rows() == before


ETAGS = ("ETag", "ListETag", "SnapshotETag")


def test_responses_describe_their_etag():
    tags = [{"$ref": f"#/components/headers/{name}"} for name in ETAGS]
    shown = [
        answer
        for operations in document()["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
        if answer.get("headers", {}).get("ETag")
    ]

    assert len(shown) > 30
    assert all(answer["headers"]["ETag"] in tags for answer in shown)

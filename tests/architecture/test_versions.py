"""The document says of If-Match what the calls do, and of no other header more than is true."""

import pytest

from tests.architecture.posts import POSTS, Post, World
from tests.architecture.test_schema import document, path_in_document
from tests.architecture.walks import routes
from tests.orders.till import Till
from tests.shapes import refusal

PARAMETER = {"$ref": "#/components/parameters/IfMatch"}
BY_NAME = {route.name: route for route in routes()}
ACTIONS = sorted(name for name in POSTS if "<uuid:pk>" in BY_NAME[name].path)


@pytest.fixture
def world(admin, cashier, register, store, product):
    return World(Till(admin, register), cashier, product, store)


def is_told(name, method):
    operation = document()["paths"][path_in_document(name)][method]
    told = PARAMETER in operation.get("parameters", [])
    assert ("412" in operation["responses"]) == told
    return told


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_looks_at_if_match_where_the_document_says_so(name, world):
    post: Post = POSTS[name](world)

    answer = world.till.send(
        "POST",
        post.path(name),
        post.body or {},
        post.content_type,
        If_Match="no version",
        Idempotency_Key="k",
    )

    if is_told(name, "post"):
        refusal(answer, 400, "invalid", {"If-Match": "invalid"})
    else:
        assert answer.status_code < 300, answer.content


def test_every_change_but_of_oneself_needs_a_version():
    changes = {name for name, route in BY_NAME.items() if "patch" in route.methods}

    assert {name for name in changes if not is_told(name, "patch")} == {"me"}
    for name in changes - {"me"}:
        assert "428" in document()["paths"][path_in_document(name)]["patch"]["responses"]


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

"""Stores and registers: missing permissions, invalid input and other shops."""

import uuid

import pytest

from tests.factories.tenants import StoreFactory
from tests.support.stores import each_kind, snapshot_stores

pytestmark = pytest.mark.once


@each_kind
@pytest.mark.parametrize("who", ["cashier", "manager"])
def test_only_admins_write_stores_and_registers(
    kind, who, places, bodies, client_of, problem, request
):
    api, before = client_of(request.getfixturevalue(who)), snapshot_stores()

    problem(api.post(f"{kind}/", bodies[kind]), 403, "permission_denied")
    response = api.patch(f"{kind}/{places[kind].pk}/", {"name": "X"}, If_Match="*")
    problem(response, 403, "permission_denied")
    assert snapshot_stores() == before


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        ("stores/", {}, {"name": "required"}),
        ("stores/", {"name": "  "}, {"name": "blank"}),
        ("stores/", {"name": "a\nb"}, {"name": "control_character"}),
        ("stores/", {"name": "x" * 101}, {"name": "max_length"}),
        ("stores/", {"name": "X", "address": "x" * 501}, {"address": "max_length"}),
        ("stores/", {"name": "X", "timezone": "Mars"}, {"timezone": "unknown_timezone"}),
        ("stores/", {"name": "X", "day_starts_at": "24:00"}, {"day_starts_at": "invalid"}),
        ("stores/", {"name": "X", "day_starts_at": "4:00"}, {"day_starts_at": "invalid"}),
        ("stores/", {"name": "X", "day_starts_at": "04:00:30"}, {"day_starts_at": "invalid"}),
        ("stores/", {"name": "X", "day_starts_at": 4}, {"day_starts_at": "invalid"}),
        ("stores/", {"name": "X", "day_starts_at": None}, {"day_starts_at": "null"}),
        ("stores/", {"name": "X", "tenant": "x"}, {"tenant": "unknown_field"}),
        ("stores/", {"name": "X", "id": "x"}, {"id": "unknown_field"}),
        ("stores/", {"name": "X", "version": 5}, {"version": "unknown_field"}),
        ("registers/", {"name": "X"}, {"store": "required"}),
        ("registers/", {"name": "X", "store": None}, {"store": "null"}),
        ("registers/", {"name": "X", "store": True}, {"store": "invalid"}),
        ("registers/", {"name": "X", "store": 10**30}, {"store": "invalid"}),
        ("registers/", {"name": "X", "store": {"id": 1}}, {"store": "invalid"}),
        ("registers/", {"name": "X", "store": str(uuid.UUID(int=5))}, {"store": "does_not_exist"}),
        (
            "registers/",
            {"name": "X", "number": 7},
            {"store": "required", "number": "unknown_field"},
        ),
    ],
    ids=str,
)
def test_invalid_store_or_register_is_rejected(path, body, errors, admin_client, store, problem):
    before = snapshot_stores()

    problem(admin_client.post(path, body), 400, "invalid", errors)
    assert snapshot_stores() == before


def test_register_cannot_change_store_or_number(admin_client, register, shop, problem):
    other = StoreFactory(tenant=shop)
    before = snapshot_stores()
    path = f"registers/{register.pk}/"

    for change in ({"store": str(other.pk)}, {"number": 9}, {"tenant": str(shop.pk)}):
        name = next(iter(change))
        refused = admin_client.patch(path, change, If_Match="*")
        problem(refused, 400, "invalid", {name: "unknown_field"})
    assert snapshot_stores() == before


# --- other shops ------------------------------------------------------------------------------


def strip_response(response) -> dict:
    body = {name: value for name, value in response.json().items() if name != "request_id"}
    return {"status": response.status_code, **body}


@each_kind
def test_store_or_register_of_another_shop_is_answered_like_an_unknown_one(
    kind, admin_client, foreign
):
    theirs = {"stores": foreign.store, "registers": foreign.register}[kind].pk
    unknown = uuid.uuid4()
    before = snapshot_stores()

    def answers(pk):
        return [
            strip_response(admin_client.get(f"{kind}/{pk}/")),
            strip_response(admin_client.patch(f"{kind}/{pk}/", {"name": "Taken"}, If_Match="*")),
        ]

    assert answers(theirs) == answers(unknown)
    assert {answer["status"] for answer in answers(theirs)} == {404}
    assert snapshot_stores() == before


def test_register_cannot_be_created_in_a_store_of_another_shop(admin_client, foreign, problem):
    before = snapshot_stores()

    def answer(pk):
        return strip_response(admin_client.post("registers/", {"name": "X", "store": str(pk)}))

    assert answer(foreign.store.pk) == answer(uuid.uuid4())
    assert answer(foreign.store.pk)["status"] == 400
    assert snapshot_stores() == before

"""`GET idempotency/{key}/`: look up the result of a request whose answer was lost."""

import json
from urllib.parse import quote

import pytest

from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.api import Person
from tests.support.query_plans import analyze, explain_list, multiply_rows

NEW = {"name": "New"}


def look_up(client, key):
    return client.get(f"idempotency/{quote(key, safe='')}/")


def create_key(user, **more):
    """Create the key of a request of this user."""
    return IdempotencyKeyFactory(tenant=user.tenant, user=user.pk, key="k", **more)


@pytest.mark.parametrize("key", ["k", "a/b", "50%", "a?b#c", "k/", '"q"'])
def test_answer_is_found_by_its_key(admin_client, key):
    first = admin_client.post("stores/", NEW, Idempotency_Key=key)

    (found,) = look_up(admin_client, key).json()["results"]

    assert found.pop("created_at").endswith("Z")
    assert found == {
        "method": "POST",
        "path": "/api/v1/stores/",
        "status": 201,
        "response": first.json(),
    }


def test_key_used_for_several_paths_lists_all(admin_client):
    for path in ("stores/", "categories/"):
        admin_client.post(path, NEW, Idempotency_Key="k")

    found = look_up(admin_client, "k").json()["results"]

    assert [each["path"] for each in found] == ["/api/v1/stores/", "/api/v1/categories/"]


def test_request_without_an_answer_has_no_status(admin_client, admin):
    """The payload that the service stored is not shown as a response."""
    create_key(admin, status=None, body='{"created": 1}')

    (found,) = look_up(admin_client, "k").json()["results"]

    assert (found["status"], found["response"]) == (None, None)


def test_answer_without_a_body_has_no_response(admin_client, admin):
    create_key(admin, status=204, body="")

    (found,) = look_up(admin_client, "k").json()["results"]

    assert (found["status"], found["response"]) == (204, None)


def test_unknown_or_rejected_key_gets_404(admin_client, problem):
    admin_client.post("stores/", {"name": ""}, Idempotency_Key="refused")

    problem(look_up(admin_client, "never"), 404, "not_found")
    problem(look_up(admin_client, "refused"), 404, "not_found")


def test_key_of_another_user_or_shop_gets_404(admin_client, shop, foreign_admin, problem):
    admin_client.post("stores/", NEW, Idempotency_Key="k")
    colleague = Person(UserFactory(tenant=shop, admin=True))

    for other in (colleague, Person(foreign_admin)):
        refused = problem(look_up(other, "k"), 404, "not_found")
        unknown = look_up(other, "unknown").json()
        assert refused | {"request_id": ""} == unknown | {"request_id": ""}


def test_replayed_answer_contains_no_secrets(admin_client, shop):
    person = {"username": "newcomer", "role": "cashier"}
    first = admin_client.post("users/", person, Idempotency_Key="k")

    second = admin_client.post("users/", person, Idempotency_Key="k")
    (found,) = look_up(admin_client, "k").json()["results"]

    secret = first.json()["temporary_password"]
    assert secret
    assert second["Idempotent-Replayed"] == "true"
    assert second.json() == first.json() | {"temporary_password": None} == found["response"]
    assert second["ETag"] == first["ETag"]
    with tenant_scope(shop):
        row = IdempotencyKey.objects.values().get()
    assert secret not in json.dumps(row, default=str)


def test_lookup_takes_one_statement(admin_client, admin, statements):
    for number in range(20):
        create_key(admin, path=f"/{number}/")

    with statements(2):
        assert len(look_up(admin_client, "k").json()["results"]) == 20


@pytest.mark.one_server
@pytest.mark.postgres
def test_lookup_uses_the_unique_index(admin_client, admin):
    row = create_key(admin)
    multiply_rows(row, key="'k' || n")
    analyze(IdempotencyKey)

    nodes = explain_list(admin_client, "idempotency/k7/", {}, "tenants_idempotencykey")

    assert {node.get("Index Name") for node in nodes} - {None} == {"idempotency_key_is_unique"}
    assert not any(node["Node Type"] == "Seq Scan" for node in nodes)

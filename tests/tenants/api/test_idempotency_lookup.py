"""`GET idempotency/{key}/`: what became of a request whose answer was lost."""

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


def kept(user, **more):
    """A key as a request of this person left it."""
    return IdempotencyKeyFactory(tenant=user.tenant, user=user.pk, key="k", **more)


@pytest.mark.parametrize("key", ["k", "a/b", "50%", "a?b#c", "k/", '"q"'])
def test_an_answer_is_found_by_the_key_of_its_request(admin_client, key):
    first = admin_client.post("stores/", NEW, Idempotency_Key=key)

    (found,) = look_up(admin_client, key).json()["results"]

    assert found.pop("created_at").endswith("Z")
    assert found == {
        "method": "POST",
        "path": "/api/v1/stores/",
        "status": 201,
        "response": first.json(),
    }


def test_a_key_that_was_used_for_several_paths_names_them_all(admin_client):
    for path in ("stores/", "categories/"):
        admin_client.post(path, NEW, Idempotency_Key="k")

    found = look_up(admin_client, "k").json()["results"]

    assert [each["path"] for each in found] == ["/api/v1/stores/", "/api/v1/categories/"]


def test_a_request_without_an_answer_is_under_way(admin_client, admin):
    """What its deed has left is none."""
    kept(admin, status=None, body='{"created": 1}')

    (found,) = look_up(admin_client, "k").json()["results"]

    assert (found["status"], found["response"]) == (None, None)


def test_an_answer_without_a_body_has_none(admin_client, admin):
    kept(admin, status=204, body="")

    (found,) = look_up(admin_client, "k").json()["results"]

    assert (found["status"], found["response"]) == (204, None)


def test_nobody_knows_a_key_that_nobody_sent_or_that_was_refused(admin_client, problem):
    admin_client.post("stores/", {"name": ""}, Idempotency_Key="refused")

    problem(look_up(admin_client, "never"), 404, "not_found")
    problem(look_up(admin_client, "refused"), 404, "not_found")


def test_a_key_tells_nobody_else_anything(admin_client, shop, foreign_admin, problem):
    admin_client.post("stores/", NEW, Idempotency_Key="k")
    colleague = Person(UserFactory(tenant=shop, admin=True))

    for other in (colleague, Person(foreign_admin)):
        refused = problem(look_up(other, "k"), 404, "not_found")
        nobodys = look_up(other, "nobodys").json()
        assert refused | {"request_id": ""} == nobodys | {"request_id": ""}


def test_secrets_are_not_to_be_had_again(admin_client, shop):
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


def test_it_takes_one_statement_beside_finding_who_asks(admin_client, admin, statements):
    for number in range(20):
        kept(admin, path=f"/{number}/")

    with statements(2):
        assert len(look_up(admin_client, "k").json()["results"]) == 20


@pytest.mark.postgres
def test_a_key_is_found_among_many(admin_client, admin):
    row = kept(admin)
    multiply_rows(row, key="'k' || n")
    analyze(IdempotencyKey)

    nodes = explain_list(admin_client, "idempotency/k7/", {}, "tenants_idempotencykey")

    assert {node.get("Index Name") for node in nodes} - {None} == {"idempotency_key_is_unique"}
    assert not any(node["Node Type"] == "Seq Scan" for node in nodes)

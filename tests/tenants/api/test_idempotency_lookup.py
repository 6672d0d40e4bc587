"""`GET idempotency/{key}/`: what became of a request whose answer was lost."""

import json
from urllib.parse import quote

import pytest

from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.api import Person
from tests.support.query_plans import analyze, multiply, plan_of

NEW = {"name": "New"}


def look_up(client, key):
    return client.get(f"idempotency/{quote(key, safe='')}/")


def kept(user, **more):
    """A key as a request of this person left it."""
    return IdempotencyKeyFactory(tenant=user.tenant, user=user.pk, key="k", **more)


@pytest.mark.parametrize("key", ["k", "a/b", "50%", "a?b#c", "k/", '"q"'])
def test_an_answer_is_found_by_the_key_of_its_request(office, key):
    first = office.post("stores/", NEW, Idempotency_Key=key)

    (found,) = look_up(office, key).json()["results"]

    assert found.pop("created_at").endswith("Z")
    assert found == {
        "method": "POST",
        "path": "/api/v1/stores/",
        "status": 201,
        "response": first.json(),
    }


def test_a_key_that_was_used_for_several_paths_names_them_all(office):
    for path in ("stores/", "categories/"):
        office.post(path, NEW, Idempotency_Key="k")

    found = look_up(office, "k").json()["results"]

    assert [each["path"] for each in found] == ["/api/v1/stores/", "/api/v1/categories/"]


def test_a_request_without_an_answer_is_under_way(office, admin):
    """What its deed has left is none."""
    kept(admin, status=None, body='{"created": 1}')

    (found,) = look_up(office, "k").json()["results"]

    assert (found["status"], found["response"]) == (None, None)


def test_an_answer_without_a_body_has_none(office, admin):
    kept(admin, status=204, body="")

    (found,) = look_up(office, "k").json()["results"]

    assert (found["status"], found["response"]) == (204, None)


def test_nobody_knows_a_key_that_nobody_sent_or_that_was_refused(office, problem):
    office.post("stores/", {"name": ""}, Idempotency_Key="refused")

    problem(look_up(office, "never"), 404, "not_found")
    problem(look_up(office, "refused"), 404, "not_found")


def test_a_key_tells_nobody_else_anything(office, shop, stranger, problem):
    office.post("stores/", NEW, Idempotency_Key="k")
    colleague = Person(UserFactory(tenant=shop, admin=True))

    for other in (colleague, Person(stranger)):
        refused = problem(look_up(other, "k"), 404, "not_found")
        nobodys = look_up(other, "nobodys").json()
        assert refused | {"request_id": ""} == nobodys | {"request_id": ""}


def test_secrets_are_not_to_be_had_again(office, shop):
    person = {"username": "newcomer", "role": "cashier"}
    first = office.post("users/", person, Idempotency_Key="k")

    second = office.post("users/", person, Idempotency_Key="k")
    (found,) = look_up(office, "k").json()["results"]

    secret = first.json()["temporary_password"]
    assert secret
    assert second["Idempotent-Replayed"] == "true"
    assert second.json() == first.json() | {"temporary_password": None} == found["response"]
    assert second["ETag"] == first["ETag"]
    with tenant_scope(shop):
        row = IdempotencyKey.objects.values().get()
    assert secret not in json.dumps(row, default=str)


def test_it_takes_one_statement_beside_finding_who_asks(office, admin, statements):
    for number in range(20):
        kept(admin, path=f"/{number}/")

    with statements(2):
        assert len(look_up(office, "k").json()["results"]) == 20


@pytest.mark.postgres
def test_a_key_is_found_among_many(office, admin):
    row = kept(admin)
    multiply(row, key="'k' || n")
    analyze(IdempotencyKey)

    nodes = plan_of(office, "idempotency/k7/", {}, "tenants_idempotencykey")

    assert {node.get("Index Name") for node in nodes} - {None} == {"idempotency_key_is_unique"}
    assert not any(node["Node Type"] == "Seq Scan" for node in nodes)

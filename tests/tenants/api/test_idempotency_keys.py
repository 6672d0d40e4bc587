"""A request with an idempotency key acts once, and repeated requests get the first answer."""

import pytest
from django.db import OperationalError

from tenants import idempotency
from tenants.exceptions import RequestInProgress
from tenants.models import IdempotencyKey, Store
from tenants.scope import across_tenants, atomic_with_retry, tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.api import Person

NEW = {"name": "New"}
KEY = "a-key"


def list_store_names(shop):
    with tenant_scope(shop):
        return sorted(Store.objects.values_list("name", flat=True))


def list_keys():
    with across_tenants():
        return list(IdempotencyKey.objects.all())


def assert_replayed(response, first):
    """Assert that the response equals the first answer byte by byte."""
    assert (response.status_code, response.content) == (first.status_code, first.content)
    assert response["Idempotent-Replayed"] == "true"
    for name in ("Content-Type", "ETag"):
        assert response.get(name) == first.get(name)


def test_repeated_request_gets_the_first_answer(admin_client, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    changed = first.json()["id"]
    admin_client.patch(f"stores/{changed}/", {"name": "Renamed"}, If_Match="*")

    second, third = (admin_client.post("stores/", NEW, Idempotency_Key=KEY) for _ in range(2))

    assert (first.status_code, first["ETag"]) == (201, '"1"')
    assert "Idempotent-Replayed" not in first
    assert_replayed(second, first)
    assert_replayed(third, first)
    assert list_store_names(shop) == ["Renamed"]


def test_request_without_a_key_stores_no_key(admin_client, shop):
    admin_client.post("stores/", NEW)

    assert (list_store_names(shop), list_keys()) == (["New"], [])


@pytest.mark.parametrize("other", [{"name": "Other"}, '{"name":"New"}', {}, ""])
def test_key_reused_with_another_body_is_rejected(admin_client, shop, problem, other):
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)

    problem(admin_client.post("stores/", other, Idempotency_Key=KEY), 422, "idempotency_key_reused")

    assert list_store_names(shop) == ["New"]


def test_query_string_is_part_of_the_request(admin_client, shop, problem):
    admin_client.post("stores/?trial=1", NEW, Idempotency_Key=KEY)

    problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 422, "idempotency_key_reused")

    assert list_store_names(shop) == ["New"]


def test_keys_are_per_user(admin_client, shop):
    colleague = Person(UserFactory(tenant=shop, admin=True))
    bodies = [NEW, {"name": "Newer"}]

    answers = [
        who.post("stores/", body, Idempotency_Key=KEY)
        for who, body in zip([admin_client, colleague], bodies, strict=True)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert list_store_names(shop) == ["New", "Newer"]


def test_keys_are_per_shop(admin_client, shop, foreign_admin):
    ours = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    theirs = Person(foreign_admin).post("stores/", NEW, Idempotency_Key=KEY)

    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert ours.json()["id"] != theirs.json()["id"]
    assert list_store_names(shop) == ["New"]


def test_keys_are_per_path(admin_client, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    second = admin_client.post("categories/", NEW, Idempotency_Key=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert list_store_names(shop) == ["New"]


def test_key_is_valid_in_another_session_of_the_user(admin_client, admin, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)

    assert_replayed(Person(admin).post("stores/", NEW, Idempotency_Key=KEY), first)

    assert list_store_names(shop) == ["New"]


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e"', "a/b?c=%2F&d", "../.."])
def test_key_of_visible_ascii_is_accepted(admin_client, shop, key):
    first = admin_client.post("stores/", NEW, Idempotency_Key=key)

    assert_replayed(admin_client.post("stores/", NEW, Idempotency_Key=key), first)

    assert list_store_names(shop) == ["New"]


@pytest.mark.parametrize(
    "key",
    ["", " ", "a b", "a\r\nX: 1", "a\n", "a\x7f", "a\0", "schlüssel", "x" * 256, "x" * 10240],
)
def test_invalid_key_is_rejected(admin_client, shop, problem, key):
    problem(admin_client.post("stores/", NEW, Idempotency_Key=key), 400, "idempotency_key_invalid")

    assert (list_store_names(shop), list_keys()) == ([], [])


def test_rejected_request_does_not_use_the_key(admin_client, store, shop, problem):
    taken = {"name": store.name}
    refused = admin_client.post("stores/", taken, Idempotency_Key=KEY)
    problem(refused, 409, "already_exists", {"name": "unique"})
    assert list_keys() == []
    admin_client.patch(f"stores/{store.pk}/", {"name": "Elsewhere"}, If_Match="*")

    first = admin_client.post("stores/", taken, Idempotency_Key=KEY)

    assert first.status_code == 201
    assert_replayed(admin_client.post("stores/", taken, Idempotency_Key=KEY), first)
    assert list_store_names(shop) == ["Elsewhere", "Main"]


def test_invalid_body_does_not_use_the_key(admin_client, shop, problem):
    problem(
        admin_client.post("stores/", {"name": ""}, Idempotency_Key=KEY),
        400,
        "invalid",
        {"name": "blank"},
    )

    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201
    assert list_store_names(shop) == ["New"]


def test_action_is_rolled_back_if_the_key_cannot_be_stored(
    admin_client, shop, monkeypatch, problem
):
    def broken(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyKey, "save", broken)
        problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 503, "unavailable")

    assert (list_store_names(shop), list_keys()) == ([], [])
    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201


def test_user_who_lost_the_permission_gets_no_replay(admin_client, admin, shop, problem):
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    admin.role = "cashier"
    with tenant_scope(shop):
        admin.save_changes("role")

    problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 403, "permission_denied")


def test_key_is_ignored_without_a_login_and_for_other_methods(anonymous, admin_client, store):
    for _ in range(2):
        response = anonymous.post("auth/token/verify/", {"token": "x"}, Idempotency_Key="\n")
        assert response.status_code == 401
    assert admin_client.get("stores/", Idempotency_Key="\n").status_code == 200
    path, change = f"stores/{store.pk}/", {"name": "B"}
    assert admin_client.patch(path, change, If_Match="*", Idempotency_Key="\n").status_code == 200
    assert list_keys() == []


def test_body_is_stored_as_a_keyed_hash(admin_client, settings):
    """Bodies can contain passwords, which a plain hash would allow to guess."""
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    (first,) = list_keys()

    settings.SECRET_KEY = "another-secret-key-that-protects-nothing-at-all"
    admin_client.post("stores/", NEW, Idempotency_Key="b-key")

    assert first.body_hash not in {key.body_hash for key in list_keys() if key != first}


def test_resource_id_depends_on_every_part_of_the_key(shop, admin, cashier, other_shop):
    """If the derivation changed, earlier objects would no longer be found."""
    fields = {"tenant": shop, "user": admin.pk, "method": "POST", "path": "/a/", "key": "k"}
    others = [{"tenant": other_shop}, {"user": cashier.pk}, {"path": "/b/"}, {"key": "l"}]

    ids = {IdempotencyKey(**(fields | other)).resource_id for other in [{}, {}, *others]}

    assert len(ids) == 1 + len(others)
    assert {each.version for each in ids} == {8}


def test_services_outside_of_a_request_store_no_key(in_shop):
    idempotency.save_key()

    assert (idempotency.key_rows(), list_keys()) == ([], [])


@pytest.fixture
def claim(admin, in_shop):
    return IdempotencyKey(user=admin.pk, method="POST", path="/a/", key=KEY, body_hash="0")


def test_services_of_one_request_store_its_key_once(claim):
    with idempotency.use_key(claim):
        idempotency.save_key()
        idempotency.save_key()

    assert list_keys() == [claim]


def test_service_with_a_taken_key_is_rolled_back(claim, in_shop):
    rival = IdempotencyKeyFactory(tenant=in_shop, user=claim.user, path="/a/", key=KEY, status=None)

    @atomic_with_retry
    def open_store():
        Store.objects.create(name="New")
        idempotency.save_key()

    with idempotency.use_key(claim), pytest.raises(RequestInProgress):
        open_store()

    assert (list_store_names(in_shop), list_keys()) == ([], [rival])


def test_answer_is_stored_once_and_only_for_a_stored_key(claim):
    claim.status, claim.body = 201, "{}"
    assert not idempotency.save_answer(claim)
    claim.status, claim.body = None, ""
    with idempotency.use_key(claim):
        idempotency.save_key()

    claim.status, claim.body = 201, "{}"
    assert idempotency.save_answer(claim)
    claim.status = 200
    assert not idempotency.save_answer(claim)

    (row,) = list_keys()
    assert (row.status, row.body) == (201, "{}")


def test_key_without_an_answer_allows_the_request_again(admin_client, shop):
    """An older version stored such keys for actions of several transactions."""
    made = admin_client.post("stores/", NEW, Idempotency_Key=KEY).json()
    admin_client.patch(f"stores/{made['id']}/", {"name": "Renamed"}, If_Match="*")
    with across_tenants():
        IdempotencyKey.objects.update(status=None)

    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201

    assert list_store_names(shop) == ["New", "Renamed"]
    assert [key.status for key in list_keys()] == [None]

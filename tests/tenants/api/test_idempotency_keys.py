"""One request under a key acts once, and whoever asks again gets the first answer again."""

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


def stores(shop):
    with tenant_scope(shop):
        return sorted(Store.objects.values_list("name", flat=True))


def keys():
    with across_tenants():
        return list(IdempotencyKey.objects.all())


def again(response, first):
    """It is the first answer to the byte."""
    assert (response.status_code, response.content) == (first.status_code, first.content)
    assert response["Idempotent-Replayed"] == "true"
    for name in ("Content-Type", "ETag"):
        assert response.get(name) == first.get(name)


def test_the_same_request_again_gets_the_first_answer_again(admin_client, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    changed = first.json()["id"]
    admin_client.patch(f"stores/{changed}/", {"name": "Renamed"}, If_Match="*")

    second, third = (admin_client.post("stores/", NEW, Idempotency_Key=KEY) for _ in range(2))

    assert (first.status_code, first["ETag"]) == (201, '"1"')
    assert "Idempotent-Replayed" not in first
    again(second, first)
    again(third, first)
    assert stores(shop) == ["Renamed"]


def test_without_a_key_nothing_is_kept(admin_client, shop):
    admin_client.post("stores/", NEW)

    assert (stores(shop), keys()) == (["New"], [])


@pytest.mark.parametrize("other", [{"name": "Other"}, '{"name":"New"}', {}, ""])
def test_a_key_is_not_used_for_another_body(admin_client, shop, problem, other):
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)

    problem(admin_client.post("stores/", other, Idempotency_Key=KEY), 422, "idempotency_key_reused")

    assert stores(shop) == ["New"]


def test_what_an_address_asks_beside_its_path_is_part_of_the_request(admin_client, shop, problem):
    admin_client.post("stores/?trial=1", NEW, Idempotency_Key=KEY)

    problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 422, "idempotency_key_reused")

    assert stores(shop) == ["New"]


def test_each_person_has_keys_of_their_own(admin_client, shop):
    colleague = Person(UserFactory(tenant=shop, admin=True))
    bodies = [NEW, {"name": "Newer"}]

    answers = [
        who.post("stores/", body, Idempotency_Key=KEY)
        for who, body in zip([admin_client, colleague], bodies, strict=True)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert stores(shop) == ["New", "Newer"]


def test_each_shop_has_keys_of_its_own(admin_client, shop, foreign_admin):
    ours = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    theirs = Person(foreign_admin).post("stores/", NEW, Idempotency_Key=KEY)

    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert ours.json()["id"] != theirs.json()["id"]
    assert stores(shop) == ["New"]


def test_each_path_has_keys_of_its_own(admin_client, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    second = admin_client.post("categories/", NEW, Idempotency_Key=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert stores(shop) == ["New"]


def test_a_key_outlives_the_session_it_was_first_sent_from(admin_client, admin, shop):
    first = admin_client.post("stores/", NEW, Idempotency_Key=KEY)

    again(Person(admin).post("stores/", NEW, Idempotency_Key=KEY), first)

    assert stores(shop) == ["New"]


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e"', "a/b?c=%2F&d", "../.."])
def test_a_key_is_visible_ascii(admin_client, shop, key):
    first = admin_client.post("stores/", NEW, Idempotency_Key=key)

    again(admin_client.post("stores/", NEW, Idempotency_Key=key), first)

    assert stores(shop) == ["New"]


@pytest.mark.parametrize(
    "key",
    ["", " ", "a b", "a\r\nX: 1", "a\n", "a\x7f", "a\0", "schlüssel", "x" * 256, "x" * 10240],
)
def test_anything_else_is_no_key(admin_client, shop, problem, key):
    problem(admin_client.post("stores/", NEW, Idempotency_Key=key), 400, "idempotency_key_invalid")

    assert (stores(shop), keys()) == ([], [])


def test_a_refusal_is_not_kept_and_the_same_key_may_try_again(admin_client, store, shop, problem):
    taken = {"name": store.name}
    refused = admin_client.post("stores/", taken, Idempotency_Key=KEY)
    problem(refused, 409, "already_exists", {"name": "unique"})
    assert keys() == []
    admin_client.patch(f"stores/{store.pk}/", {"name": "Elsewhere"}, If_Match="*")

    first = admin_client.post("stores/", taken, Idempotency_Key=KEY)

    assert first.status_code == 201
    again(admin_client.post("stores/", taken, Idempotency_Key=KEY), first)
    assert stores(shop) == ["Elsewhere", "Main"]


def test_a_refused_body_does_not_take_the_key(admin_client, shop, problem):
    problem(
        admin_client.post("stores/", {"name": ""}, Idempotency_Key=KEY),
        400,
        "invalid",
        {"name": "blank"},
    )

    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201
    assert stores(shop) == ["New"]


def test_an_effect_whose_key_cannot_be_written_is_none(admin_client, shop, monkeypatch, problem):
    def broken(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyKey, "save", broken)
        problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 503, "unavailable")

    assert (stores(shop), keys()) == ([], [])
    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201


def test_whoever_may_not_ask_any_more_gets_no_old_answer(admin_client, admin, shop, problem):
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    admin.role = "cashier"
    with tenant_scope(shop):
        admin.save_changes("role")

    problem(admin_client.post("stores/", NEW, Idempotency_Key=KEY), 403, "permission_denied")


def test_a_key_means_nothing_to_calls_of_strangers_and_to_other_methods(
    anonymous, admin_client, store
):
    for _ in range(2):
        response = anonymous.post("auth/token/verify/", {"token": "x"}, Idempotency_Key="\n")
        assert response.status_code == 401
    assert admin_client.get("stores/", Idempotency_Key="\n").status_code == 200
    path, change = f"stores/{store.pk}/", {"name": "B"}
    assert admin_client.patch(path, change, If_Match="*", Idempotency_Key="\n").status_code == 200
    assert keys() == []


def test_what_was_asked_is_kept_as_nobody_can_guess_at_it(admin_client, settings):
    """Bodies hold passwords: a plain hash of them could be tried out by whoever has the table."""
    admin_client.post("stores/", NEW, Idempotency_Key=KEY)
    (first,) = keys()

    settings.SECRET_KEY = "another-secret-key-that-protects-nothing-at-all"
    admin_client.post("stores/", NEW, Idempotency_Key="b-key")

    assert first.body_hash not in {key.body_hash for key in keys() if key != first}


def test_an_id_that_follows_from_a_key_is_one_of_its_own(shop, admin, cashier, other_shop):
    """Changed, it would no longer find what was made before."""
    fields = {"tenant": shop, "user": admin.pk, "method": "POST", "path": "/a/", "key": "k"}
    others = [{"tenant": other_shop}, {"user": cashier.pk}, {"path": "/b/"}, {"key": "l"}]

    ids = {IdempotencyKey(**(fields | other)).resource_id for other in [{}, {}, *others]}

    assert len(ids) == 1 + len(others)
    assert {each.version for each in ids} == {8}


def test_outside_of_a_request_deeds_write_no_key(in_shop):
    idempotency.save_key()

    assert (idempotency.key_rows(), keys()) == ([], [])


@pytest.fixture
def claim(admin, in_shop):
    return IdempotencyKey(user=admin.pk, method="POST", path="/a/", key=KEY, body_hash="0")


def test_the_deeds_of_one_request_write_its_key_once(claim):
    with idempotency.use_key(claim):
        idempotency.save_key()
        idempotency.save_key()

    assert keys() == [claim]


def test_a_deed_under_a_key_that_is_taken_is_not_done(claim, in_shop):
    rival = IdempotencyKeyFactory(tenant=in_shop, user=claim.user, path="/a/", key=KEY, status=None)

    @atomic_with_retry
    def open_store():
        Store.objects.create(name="New")
        idempotency.save_key()

    with idempotency.use_key(claim), pytest.raises(RequestInProgress):
        open_store()

    assert (stores(in_shop), keys()) == ([], [rival])


def test_only_what_a_deed_wrote_is_completed_and_only_once(claim):
    claim.status, claim.body = 201, "{}"
    assert not idempotency.save_answer(claim)
    claim.status, claim.body = None, ""
    with idempotency.use_key(claim):
        idempotency.save_key()

    claim.status, claim.body = 201, "{}"
    assert idempotency.save_answer(claim)
    claim.status = 200
    assert not idempotency.save_answer(claim)

    (row,) = keys()
    assert (row.status, row.body) == (201, "{}")


def test_a_key_without_an_answer_keeps_nobody_from_asking_again(admin_client, shop):
    """As one is that was left behind by a version whose action took several transactions."""
    made = admin_client.post("stores/", NEW, Idempotency_Key=KEY).json()
    admin_client.patch(f"stores/{made['id']}/", {"name": "Renamed"}, If_Match="*")
    with across_tenants():
        IdempotencyKey.objects.update(status=None)

    assert admin_client.post("stores/", NEW, Idempotency_Key=KEY).status_code == 201

    assert stores(shop) == ["New", "Renamed"]
    assert [key.status for key in keys()] == [None]

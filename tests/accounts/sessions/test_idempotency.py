"""Idempotency keys of requests that end or renew a session."""

from accounts.models import AuthSession
from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.api import Person

KEY = "a-key"


def list_live_sessions(user):
    with tenant_scope(user.tenant):
        return set(AuthSession.objects.live().filter(user=user))


def list_keys(user):
    with tenant_scope(user.tenant):
        return list(IdempotencyKey.objects.values_list("path", "status", "body"))


def test_logout_stores_its_idempotency_key(cashier):
    here = Person(cashier)

    assert here.post("auth/logout/", Idempotency_Key=KEY).status_code == 204

    assert list_live_sessions(cashier) == set()
    assert list_keys(cashier) == [("/api/v1/auth/logout/", 204, "")]


def test_key_of_another_session_is_rejected_at_logout(cashier, problem):
    """A replayed answer would leave the second device logged in."""
    for path in ("auth/logout/", "auth/logout-all/"):
        Person(cashier).post(path, Idempotency_Key=KEY)
        there = Person(cashier)

        problem(there.post(path, Idempotency_Key=KEY), 422, "idempotency_key_reused")
        assert list_live_sessions(cashier) == {there.session}

        assert there.post(path, Idempotency_Key="b-key").status_code == 204
        assert list_live_sessions(cashier) == set()


def test_replayed_reauthentication_contains_no_token(cashier):
    here = Person(cashier)

    first = here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)
    again = here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)

    assert first.json()["access"]
    assert again.json() == first.json() | {"access": None}
    ((_, status, body),) = list_keys(cashier)
    assert (status, first.json()["access"] in body) == (200, False)


def test_key_reused_with_another_password_is_rejected(cashier, problem):
    here = Person(cashier)
    here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)

    refused = here.post("auth/reauth/", {"password": "wrong"}, Idempotency_Key=KEY)

    problem(refused, 422, "idempotency_key_reused")


def test_wrong_passwords_with_keys_are_rate_limited(cashier, clock, problem):
    here = Person(cashier)

    def guess(number):
        body = {"password": f"guess {number}"}
        return here.post("auth/reauth/", body, Idempotency_Key=f"key-{number}")

    for number in range(5):
        problem(guess(number), 400, "invalid", {"password": "wrong_password"})

    assert guess(5).status_code == 429
    assert list_keys(cashier) == []

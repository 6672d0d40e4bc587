"""Keys of the calls that end a log-in or renew it: no key gets in the way of safety."""

from accounts.models import AuthSession
from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.api import Person

KEY = "a-key"


def live(user):
    with tenant_scope(user.tenant):
        return set(AuthSession.objects.live().filter(user=user))


def keys(user):
    with tenant_scope(user.tenant):
        return list(IdempotencyKey.objects.values_list("path", "status", "body"))


def test_logging_out_is_written_down_with_its_key(cashier):
    here = Person(cashier)

    assert here.post("auth/logout/", Idempotency_Key=KEY).status_code == 204

    assert live(cashier) == set()
    assert keys(cashier) == [("/api/v1/auth/logout/", 204, "")]


def test_a_key_of_another_session_does_not_feign_logging_out(cashier, problem):
    """A replay would say that it is done, and leave the second device logged in."""
    for path in ("auth/logout/", "auth/logout-all/"):
        Person(cashier).post(path, Idempotency_Key=KEY)
        there = Person(cashier)

        problem(there.post(path, Idempotency_Key=KEY), 422, "idempotency_key_reused")
        assert live(cashier) == {there.session}

        assert there.post(path, Idempotency_Key="b-key").status_code == 204
        assert live(cashier) == set()


def test_a_fresh_token_is_kept_nowhere(cashier):
    here = Person(cashier)

    first = here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)
    again = here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)

    assert first.json()["access"]
    assert again.json() == first.json() | {"access": None}
    ((_, status, body),) = keys(cashier)
    assert (status, first.json()["access"] in body) == (200, False)


def test_a_key_knows_no_password(cashier, problem):
    here = Person(cashier)
    here.post("auth/reauth/", {"password": PASSWORD}, Idempotency_Key=KEY)

    refused = here.post("auth/reauth/", {"password": "wrong"}, Idempotency_Key=KEY)

    problem(refused, 422, "idempotency_key_reused")


def test_guesses_under_keys_are_counted_like_others(cashier, clock, problem):
    here = Person(cashier)

    def guess(number):
        body = {"password": f"guess {number}"}
        return here.post("auth/reauth/", body, Idempotency_Key=f"key-{number}")

    for number in range(5):
        problem(guess(number), 400, "invalid", {"password": "wrong_password"})

    assert guess(5).status_code == 429
    assert keys(cashier) == []

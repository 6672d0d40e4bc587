"""Refresh tokens: each is used once, and reuse ends the session."""

from datetime import timedelta

import pytest

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession
from accounts.security.tokens import issue_refresh
from accounts.services.sessions import refresh
from tenants.scope import across_tenants
from tests.factories.accounts import UserFactory
from tests.support.api import Api
from tests.support.parallel import run_times
from tests.support.token_refresh import (
    MORNING,
    REFRESH,
    assert_refresh_refused,
    is_accepted,
    refresh_token,
    reload_session,
)

GRACE = timedelta(seconds=10)


@pytest.fixture
def till(clock, cashier, client_of):
    """Return a client of the cashier, logged in at eight in the morning."""
    return client_of(cashier)


def test_refresh_returns_new_tokens(till, anonymous, clock):
    clock.shift(60)

    response = anonymous.post(REFRESH, {"refresh": till.tokens.refresh})

    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() == {"access", "refresh", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert answer["refresh"] != till.tokens.refresh
    assert is_accepted(answer["access"])
    assert is_accepted(till.tokens.access)
    session = reload_session(till.session)
    assert session.previous_jti == till.session.current_jti
    assert session.last_used_at == session.rotated_at == MORNING + timedelta(seconds=60)


def test_repeated_refreshes_keep_one_session(till, anonymous, clock):
    token = till.tokens.refresh
    for _ in range(5):
        clock.shift(timedelta(hours=2))
        token = refresh_token(anonymous, token)["refresh"]

    with across_tenants():
        assert AuthSession.objects.count() == 1


def test_attack_063_reuse_within_the_grace_period_returns_the_same_refresh_token(
    till, anonymous, clock
):
    first = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(GRACE)

    second = refresh_token(anonymous, till.tokens.refresh)

    assert second["refresh"] == first["refresh"]
    assert is_accepted(second["access"])
    assert is_accepted(refresh_token(anonymous, second["refresh"])["access"])


def test_attack_063_reuse_after_the_grace_period_ends_the_session(till, anonymous, clock):
    child = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(GRACE + timedelta(microseconds=1))

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    session = reload_session(till.session)
    assert (session.revoked_at, session.revoke_reason) == (
        MORNING + GRACE + timedelta(microseconds=1),
        "refresh_reuse",
    )
    assert assert_refresh_refused(anonymous, child["refresh"])
    assert not is_accepted(child["access"])
    assert not is_accepted(till.tokens.access)


@pytest.mark.django_db(transaction=True)
def test_attack_066_end_of_a_stolen_session_is_committed(till, anonymous, clock):
    child = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert reload_session(till.session).revoke_reason == "refresh_reuse"
    assert not is_accepted(child["access"])


def test_reuse_of_an_older_token_ends_the_session_immediately(till, anonymous):
    child = refresh_token(anonymous, till.tokens.refresh)
    grandchild = refresh_token(anonymous, child["refresh"])

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert reload_session(till.session).revoke_reason == "refresh_reuse"
    assert assert_refresh_refused(anonymous, grandchild["refresh"])
    assert not is_accepted(grandchild["access"])


def test_reuse_keeps_other_sessions_of_the_user(till, anonymous, cashier, client_of, clock):
    other = client_of(cashier)
    refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert is_accepted(other.tokens.access)
    refresh_token(anonymous, other.tokens.refresh)


# --- tenants and input -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["green", "GREEN", "id"])
def test_header_with_the_tokens_own_tenant_is_accepted(name, till, anonymous, shop):
    header = str(shop.pk) if name == "id" else name
    response = anonymous.post(REFRESH, {"refresh": till.tokens.refresh}, X_Tenant_ID=header)

    assert response.status_code == 200


@pytest.mark.parametrize("name", ["leakmark-b-slug", "no-such-shop", ""])
def test_attack_069_refresh_for_another_shop_is_rejected_without_rotation(
    name, till, anonymous, problem, other_shop
):
    response = anonymous.post(REFRESH, {"refresh": till.tokens.refresh}, X_Tenant_ID=name)

    problem(response, 403, "tenant_mismatch")
    assert reload_session(till.session).current_jti == till.session.current_jti


def test_authorization_header_is_ignored(till, anonymous):
    response = Api("nonsense").post(REFRESH, {"refresh": till.tokens.refresh})

    assert response.status_code == 200


def test_access_token_cannot_refresh(till, anonymous):
    assert assert_refresh_refused(anonymous, till.tokens.access)
    assert reload_session(till.session).revoked_at is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"refresh": None}, "null"),
        ({"refresh": ""}, "blank"),
        ({"refresh": ["x"]}, "invalid"),
        ({"refresh": "x" * 2001}, "max_length"),
    ],
)
def test_missing_or_invalid_token_field_is_rejected(body, code, anonymous, problem):
    problem(anonymous.post(REFRESH, body), 400, "invalid", {"refresh": code})


@pytest.mark.parametrize("text", ["x", "a.b.c", "..", "\u00e9", "a b", "null"])
def test_text_that_is_not_a_token_is_rejected(text, anonymous):
    assert assert_refresh_refused(anonymous, text)


def test_database_stores_no_tokens(till, anonymous):
    """The refresh token is computed from the session, not stored."""
    answer = refresh_token(anonymous, till.tokens.refresh)

    session = reload_session(till.session)
    values = "|".join(str(getattr(session, field.attname)) for field in session._meta.fields)
    assert answer["refresh"] not in values
    assert answer["refresh"].split(".")[2] not in values
    assert issue_refresh(session) == answer["refresh"]


# --- simultaneous refreshes --------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_065_twenty_simultaneous_refreshes_rotate_once(cashier, client_of):
    till = client_of(cashier)

    answers = run_times(20, lambda: Api().post(REFRESH, {"refresh": till.tokens.refresh}))

    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refresh"] for answer in answers}
    session = reload_session(till.session)
    assert successors == {issue_refresh(session)}
    assert session.previous_jti == till.session.current_jti
    assert session.revoked_at is None
    assert all(is_accepted(answer.json()["access"]) for answer in answers)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_reuse_after_the_grace_period_ends_the_session(cashier, client_of):
    till = client_of(cashier)
    refresh(till.tokens.refresh)
    with across_tenants():
        AuthSession.objects.update(rotated_at=MORNING)

    outcomes = run_times(8, lambda: refresh(till.tokens.refresh))

    assert [type(outcome) for outcome in outcomes] == [TokenNotValid] * 8
    assert reload_session(till.session).revoke_reason == "refresh_reuse"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ten_users_refresh_simultaneously(shop, client_of):
    tills = [client_of(UserFactory(tenant=shop)) for _ in range(10)]
    tokens = iter([till.tokens.refresh for till in tills])

    answers = run_times(10, lambda: Api().post(REFRESH, {"refresh": next(tokens)}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh"] for answer in answers}) == 10

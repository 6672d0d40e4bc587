"""Staying logged in: each refresh token buys one pair, and a stolen one ends the session."""

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
    """The cashier's log-in of this morning."""
    return client_of(cashier)


def test_a_refresh_gives_the_next_pair(till, anonymous, clock):
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


def test_a_chain_of_refreshes_lasts_a_shift(till, anonymous, clock):
    token = till.tokens.refresh
    for _ in range(5):
        clock.shift(timedelta(hours=2))
        token = refresh_token(anonymous, token)["refresh"]

    with across_tenants():
        assert AuthSession.objects.count() == 1


def test_attack_063_who_lost_the_answer_gets_the_same_one_again_for_some_seconds(
    till, anonymous, clock
):
    first = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(GRACE)

    second = refresh_token(anonymous, till.tokens.refresh)

    assert second["refresh"] == first["refresh"]
    assert is_accepted(second["access"])
    assert is_accepted(refresh_token(anonymous, second["refresh"])["access"])


def test_attack_063_a_used_token_ends_the_session_once_the_grace_is_over(till, anonymous, clock):
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
def test_attack_066_the_end_of_a_stolen_session_is_committed_though_the_answer_is_a_refusal(
    till, anonymous, clock
):
    child = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert reload_session(till.session).revoke_reason == "refresh_reuse"
    assert not is_accepted(child["access"])


def test_a_token_from_before_the_last_ends_the_session_at_once(till, anonymous):
    child = refresh_token(anonymous, till.tokens.refresh)
    grandchild = refresh_token(anonymous, child["refresh"])

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert reload_session(till.session).revoke_reason == "refresh_reuse"
    assert assert_refresh_refused(anonymous, grandchild["refresh"])
    assert not is_accepted(grandchild["access"])


def test_other_sessions_of_the_same_person_go_on(till, anonymous, cashier, client_of, clock):
    other = client_of(cashier)
    refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert is_accepted(other.tokens.access)
    refresh_token(anonymous, other.tokens.refresh)


# --- whose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["green", "GREEN", "id"])
def test_the_header_may_name_the_tokens_own_shop(name, till, anonymous, shop):
    header = str(shop.pk) if name == "id" else name
    response = anonymous.post(REFRESH, {"refresh": till.tokens.refresh}, X_Tenant_ID=header)

    assert response.status_code == 200


@pytest.mark.parametrize("name", ["canary-b-slug", "no-such-shop", ""])
def test_attack_069_a_refresh_for_another_shop_is_refused_and_uses_nothing_up(
    name, till, anonymous, problem, other_shop
):
    response = anonymous.post(REFRESH, {"refresh": till.tokens.refresh}, X_Tenant_ID=name)

    problem(response, 403, "tenant_mismatch")
    assert reload_session(till.session).current_jti == till.session.current_jti


def test_a_bearer_token_beside_it_means_nothing(till, anonymous):
    response = Api("nonsense").post(REFRESH, {"refresh": till.tokens.refresh})

    assert response.status_code == 200


def test_an_access_token_refreshes_nothing(till, anonymous):
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
def test_no_token_is_a_fault_of_the_request(body, code, anonymous, problem):
    problem(anonymous.post(REFRESH, body), 400, "invalid", {"refresh": code})


@pytest.mark.parametrize("text", ["x", "a.b.c", "..", "\u00e9", "a b", "null"])
def test_what_is_no_token_is_no_log_in(text, anonymous):
    assert assert_refresh_refused(anonymous, text)


def test_no_token_lies_in_the_database(till, anonymous):
    """What is kept cannot be used: the next refresh token is made, not fetched."""
    answer = refresh_token(anonymous, till.tokens.refresh)

    session = reload_session(till.session)
    values = "|".join(str(getattr(session, field.attname)) for field in session._meta.fields)
    assert answer["refresh"] not in values
    assert answer["refresh"].split(".")[2] not in values
    assert issue_refresh(session) == answer["refresh"]


# --- at once ----------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_065_twenty_refreshes_with_one_token_are_one_rotation(cashier, client_of):
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
def test_a_thief_and_the_owner_at_once_end_the_session(cashier, client_of):
    till = client_of(cashier)
    refresh(till.tokens.refresh)
    with across_tenants():
        AuthSession.objects.update(rotated_at=MORNING)

    outcomes = run_times(8, lambda: refresh(till.tokens.refresh))

    assert [type(outcome) for outcome in outcomes] == [TokenNotValid] * 8
    assert reload_session(till.session).revoke_reason == "refresh_reuse"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ten_people_refresh_at_once(shop, client_of):
    tills = [client_of(UserFactory(tenant=shop)) for _ in range(10)]
    tokens = iter([till.tokens.refresh for till in tills])

    answers = run_times(10, lambda: Api().post(REFRESH, {"refresh": next(tokens)}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh"] for answer in answers}) == 10

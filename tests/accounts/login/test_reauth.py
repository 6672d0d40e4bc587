"""Reauthentication with the password in a running session."""

from datetime import timedelta

import jwt
import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.exceptions import InsufficientAuthentication, InvalidCredentials, TokenNotValid
from accounts.models import User
from accounts.models.session import MAX_AUTHENTICATION_AGE
from accounts.services.login import open_password_session, reauthenticate
from accounts.services.sessions import ClientInfo, log_out
from accounts.services.users import change_role, reset_password, set_activation
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.support.api import Api
from tests.support.forged_tokens import build_claims, sign_token
from tests.support.statements import TRANSACTIONAL
from tests.support.token_refresh import MORNING, refresh_token, reload_session
from tests.support.users import LOG_IN, build_credentials, count_sessions
from tests.support.users import reload_user as stored_user

REAUTH = "auth/reauth/"
LATER = timedelta(minutes=5)


def get_auth_time(token):
    return jwt.decode(token, options={"verify_signature": False})["auth_time"]


def timestamp(moment):
    return int(moment.timestamp())


@pytest.fixture
def till(clock, cashier, client_of):
    return client_of(cashier)


def test_correct_password_returns_a_new_token_of_the_same_session(till, clock):
    clock.shift(LATER)
    assert get_auth_time(refresh_token(Api(), till.tokens.refresh)["access"]) == timestamp(MORNING)

    response = till.post(REAUTH, {"password": PASSWORD})

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    assert answer.keys() == {"access", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert get_auth_time(answer["access"]) == timestamp(MORNING + LATER)
    assert reload_session(till.session).auth_time == MORNING + LATER
    assert Api(answer["access"]).get("auth/me/").status_code == 200
    assert count_sessions() == 1


def test_refresh_after_reauthentication_keeps_the_new_auth_time(till, clock):
    clock.shift(LATER)
    till.post(REAUTH, {"password": PASSWORD})

    pair = refresh_token(Api(), till.tokens.refresh)

    assert get_auth_time(pair["access"]) == timestamp(MORNING + LATER)


def test_refresh_does_not_change_the_auth_time(till, clock):
    clock.shift(LATER)
    refresh_token(Api(), till.tokens.refresh)

    assert reload_session(till.session).auth_time == MORNING


def test_login_sets_the_auth_time(clock, cashier):
    clock.shift(LATER)

    access = Api().post(LOG_IN, build_credentials()).json()["access"]

    assert get_auth_time(access) == timestamp(MORNING + LATER)


def test_password_change_sets_the_auth_time(till, clock):
    clock.shift(LATER)
    change = {"current_password": PASSWORD, "new_password": "eight green bottles"}

    access = till.put("auth/password/", change).json()["access"]

    assert get_auth_time(access) == timestamp(MORNING + LATER)
    assert reload_session(till.session).auth_time == MORNING + LATER


def test_auth_time_of_a_token_does_not_change_the_session(till):
    token = sign_token(build_claims(till, auth_time=timestamp(MORNING + LATER)))

    assert Api(token).get("auth/me/").status_code == 200
    assert reload_session(till.session).auth_time == MORNING


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", " " + PASSWORD])
def test_wrong_password_is_rejected_and_keeps_the_auth_time(password, till, clock, problem):
    clock.shift(LATER)

    response = till.post(REAUTH, {"password": password})

    problem(response, 400, "invalid", {"password": "wrong_password"})
    assert reload_session(till.session).auth_time == MORNING


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"password": "required"}),
        ({"password": None}, {"password": "null"}),
        ({"password": 5}, {"password": "invalid"}),
        ({"password": "x" * 129}, {"password": "max_length"}),
        ({"password": PASSWORD, "username": "adm"}, {"username": "unknown_field"}),
    ],
    ids=str,
)
def test_invalid_body_is_rejected(body, errors, till, problem):
    problem(till.post(REAUTH, body), 400, "invalid", errors)


def test_wrong_passwords_share_the_login_limit(till, anonymous, problem):
    for _ in range(5):
        till.post(REAUTH, {"password": "wrong"})

    problem(till.post(REAUTH, {"password": PASSWORD}), 429, "too_many_attempts")
    problem(anonymous.post(LOG_IN, build_credentials()), 429, "too_many_attempts")


def test_ended_session_cannot_reauthenticate(cashier, client_of):
    till = client_of(cashier)
    log_out(till.session)

    with pytest.raises(TokenNotValid):
        reauthenticate(till.session, password=PASSWORD, ip=None)


def test_reauthentication_takes_five_statements_and_the_counting(cashier, client_of):
    """Authenticate the request, check for a known address, store the time.

    Then unlock the PIN and record the event.
    """
    till = client_of(cashier)

    with CaptureQueriesContext(connection) as captured:
        assert till.post(REAUTH, {"password": PASSWORD}).status_code == 200

    tables = [query["sql"] for query in captured if "accounts_authsession" in query["sql"]]
    counting = [query["sql"] for query in captured if "accounts_throttle" in query["sql"]]
    others = [query["sql"] for query in captured if not TRANSACTIONAL.match(query["sql"])]
    assert len(tables) == 3
    assert len(others) == len(tables) + len(counting) + 2


# --- changes during a log-in -------------------------------------------------------------------


def reset_users_password(user, by):
    reset_password(user_id=user.pk, by=by)


def promote_user(user, by):
    change_role(user_id=user.pk, role="manager", by=by)


def deactivate_user(user, by):
    set_activation(user_id=user.pk, active=False, by=by)


@pytest.mark.parametrize(
    "event", [reset_users_password, promote_user, deactivate_user], ids=lambda e: e.__name__
)
def test_login_fails_if_all_sessions_are_ended_meanwhile(event, cashier, admin, shop):
    """Otherwise an old password could start a session that outlives it."""
    user = authenticate(username="c1", password=PASSWORD, tenant=shop)
    with tenant_scope(shop):
        event(stored_user(cashier), admin)

    with pytest.raises(InvalidCredentials):
        open_password_session(user, ClientInfo())

    assert count_sessions() == 0
    with across_tenants():
        assert User.objects.get(pk=cashier.pk).last_login is None


@pytest.mark.parametrize("by_password", [True, False])
def test_authentication_is_fresh_until_exactly_the_maximum_age(by_password, cashier):
    session = AuthSessionFactory(user=cashier)
    over = session.auth_time + MAX_AUTHENTICATION_AGE

    session.ensure_fresh(over - timedelta(microseconds=1), by_password=by_password)
    with pytest.raises(InsufficientAuthentication):
        session.ensure_fresh(over, by_password=by_password)

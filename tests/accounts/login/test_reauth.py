"""Showing again who one is."""

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
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions
from tests.support.users import reload_user as stored_user

REAUTH = "auth/reauth/"
LATER = timedelta(minutes=5)


def auth_time_in(token):
    return jwt.decode(token, options={"verify_signature": False})["auth_time"]


def at(moment):
    return int(moment.timestamp())


@pytest.fixture
def till(clock, cashier, client_of):
    return client_of(cashier)


def test_a_password_again_makes_a_fresh_token_of_the_same_session(till, clock):
    clock.shift(LATER)
    assert auth_time_in(refresh_token(Api(), till.tokens.refresh)["access"]) == at(MORNING)

    response = till.post(REAUTH, {"password": PASSWORD})

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    assert answer.keys() == {"access", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert auth_time_in(answer["access"]) == at(MORNING + LATER)
    assert reload_session(till.session).auth_time == MORNING + LATER
    assert Api(answer["access"]).get("auth/me/").status_code == 200
    assert snapshot_sessions() == 1


def test_the_refresh_token_is_still_good_and_knows_of_it(till, clock):
    clock.shift(LATER)
    till.post(REAUTH, {"password": PASSWORD})

    pair = refresh_token(Api(), till.tokens.refresh)

    assert auth_time_in(pair["access"]) == at(MORNING + LATER)


def test_a_refresh_shows_nothing(till, clock):
    clock.shift(LATER)
    refresh_token(Api(), till.tokens.refresh)

    assert reload_session(till.session).auth_time == MORNING


def test_a_log_in_shows_who_one_is(clock, cashier):
    clock.shift(LATER)

    access = Api().post(LOG_IN, build_credentials()).json()["access"]

    assert auth_time_in(access) == at(MORNING + LATER)


def test_so_does_a_new_password(till, clock):
    clock.shift(LATER)
    change = {"current_password": PASSWORD, "new_password": "eight green bottles"}

    access = till.put("auth/password/", change).json()["access"]

    assert auth_time_in(access) == at(MORNING + LATER)
    assert reload_session(till.session).auth_time == MORNING + LATER


def test_what_a_token_says_of_it_changes_nothing(till):
    token = sign_token(build_claims(till, auth_time=at(MORNING + LATER)))

    assert Api(token).get("auth/me/").status_code == 200
    assert reload_session(till.session).auth_time == MORNING


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", " " + PASSWORD])
def test_a_wrong_password_changes_nothing(password, till, clock, problem):
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
def test_it_takes_a_password_and_nothing_else(body, errors, till, problem):
    problem(till.post(REAUTH, body), 400, "invalid", errors)


def test_guesses_are_counted_and_those_at_the_log_in_with_them(till, anonymous, problem):
    for _ in range(5):
        till.post(REAUTH, {"password": "wrong"})

    problem(till.post(REAUTH, {"password": PASSWORD}), 429, "too_many_attempts")
    problem(anonymous.post(LOG_IN, build_credentials()), 429, "too_many_attempts")


def test_a_session_that_ends_meanwhile_is_not_revived(cashier, client_of):
    till = client_of(cashier)
    log_out(till.session)

    with pytest.raises(TokenNotValid):
        reauthenticate(till.session, password=PASSWORD, ip=None)


def test_besides_the_counting_it_is_one_look_and_one_change_more(cashier, client_of):
    """Whose request it is, whether the address is known to be theirs, and when this was.

    And then their PIN is open again, and it is written down.
    """
    till = client_of(cashier)

    with CaptureQueriesContext(connection) as captured:
        assert till.post(REAUTH, {"password": PASSWORD}).status_code == 200

    tables = [query["sql"] for query in captured if "accounts_authsession" in query["sql"]]
    counting = [query["sql"] for query in captured if "accounts_throttle" in query["sql"]]
    others = [query["sql"] for query in captured if not TRANSACTIONAL.match(query["sql"])]
    assert len(tables) == 3
    assert len(others) == len(tables) + len(counting) + 2


# --- a log-in that something overtakes --------------------------------------------------------


def new_password(user, by):
    reset_password(user=user, by=by)


def new_role(user, by):
    change_role(user=user, role="manager", by=by)


def dismissal(user, by):
    set_activation(user=user, active=False, by=by)


@pytest.mark.parametrize("event", [new_password, new_role, dismissal], ids=lambda e: e.__name__)
def test_what_ends_all_sessions_ends_one_that_is_just_beginning(event, cashier, admin, shop):
    """Else an old password would be good for one more session, which outlives it."""
    user = authenticate(username="c1", password=PASSWORD, tenant=shop)
    with tenant_scope(shop):
        event(stored_user(cashier), admin)

    with pytest.raises(InvalidCredentials):
        open_password_session(user, ClientInfo())

    assert snapshot_sessions() == 0
    with across_tenants():
        assert User.objects.get(pk=cashier.pk).last_login is None


@pytest.mark.parametrize("by_password", [True, False])
def test_what_was_shown_counts_for_exactly_so_long(by_password, cashier):
    session = AuthSessionFactory(user=cashier)
    over = session.auth_time + MAX_AUTHENTICATION_AGE

    session.ensure_fresh(over - timedelta(microseconds=1), by_password=by_password)
    with pytest.raises(InsufficientAuthentication):
        session.ensure_fresh(over, by_password=by_password)

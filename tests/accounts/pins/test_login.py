"""Log in with a PIN at a paired terminal."""

import pytest

from accounts.models import AuthSession, User
from tenants.scope import across_tenants
from tests.factories.accounts import UserFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Api
from tests.support.terminals import (
    PIN,
    PIN_USERS,
    WRONG_PIN,
    assign_to_store,
    give_pin,
    last_session,
    list_terminal_events,
)
from tests.support.token_refresh import MORNING
from tests.support.users import count_sessions, snapshot_users
from tests.support.users import reload_user as stored_user


@pytest.fixture(autouse=True)
def _give_cashier_a_pin(cashier):
    give_pin(cashier)


def test_correct_pin_starts_a_session_at_the_register(clock, pin_pad, cashier, register, shop):
    response = pin_pad.enter(cashier, User_Agent="Till 5")

    answer = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    lifetimes = {"expires_in", "idle_expires_in"}
    assert answer.keys() == {"access", "token_type", "user", "session"} | lifetimes
    assert (answer["expires_in"], answer["idle_expires_in"]) == (12 * 3600, 15 * 60)
    assert answer["token_type"] == "Bearer"
    assert answer["user"]["id"] == str(cashier.pk)
    session = last_session()
    assert answer["session"] == {
        "id": str(session.pk),
        "method": "pin",
        "register": str(register.pk),
        "store": str(register.store_id),
    }
    assert (session.user_id, session.tenant_id, session.terminal_id) == (
        cashier.pk,
        shop.pk,
        pin_pad.terminal.pk,
    )
    assert (session.auth_time, session.user_agent) == (MORNING, "Till 5")
    (row,) = Api(answer["access"]).get("auth/sessions/").json()["results"]
    assert answer["session"].items() <= row.items()
    (event,) = list_terminal_events("pin_log_in")
    assert (event.actor, event.session) == (cashier.pk, session.pk)
    assert stored_user(cashier).last_login == MORNING


def test_attack_045_pin_session_has_no_refresh_token(pin_pad, cashier, anonymous, problem):
    token = pin_pad.enter(cashier).json()["access"]

    problem(anonymous.post("auth/token/refresh/", {"refresh": token}), 401, "token_not_valid")

    assert last_session().current_jti is None
    assert Api(token).get("auth/me/").status_code == 200


# --- users who log in by PIN ---------------------------------------------------------------------


def test_pin_pad_lists_active_users_of_the_store_with_a_pin(pin_pad, shop, store, manager, cashier):
    elsewhere = StoreFactory(tenant=shop)
    kim = UserFactory(tenant=shop, username="kim", display_name="")
    here, there, both = (UserFactory(tenant=shop, display_name=n) for n in ("Here", "There", "Bo"))
    sacked = UserFactory(tenant=shop, is_active=False)
    new = UserFactory(tenant=shop, must_change_password=True)
    for person in (kim, here, there, both, sacked, new):
        give_pin(person)
    for person, place in ((here, store), (there, elsewhere), (both, store), (both, elsewhere)):
        assign_to_store(person, place)

    response = pin_pad.get(PIN_USERS)

    assert response["Cache-Control"] == "no-store"
    assert {row["display_name"] for row in response.json()["results"]} == {
        cashier.display_name,
        "kim",
        "Here",
        "Bo",
    }
    assert all(row.keys() == {"id", "display_name"} for row in response.json()["results"])


def test_pin_pad_list_is_paginated(pin_pad, shop, problem):
    for name in ("zoe", "ann"):
        give_pin(UserFactory(tenant=shop, username=name, display_name=name))

    first = pin_pad.get(PIN_USERS, {"page_size": 2, "ordering": "-username"}).json()
    rest = pin_pad.client.get(first["next"], headers=pin_pad.defaults).json()

    names = [row["display_name"] for page in (first, rest) for row in page["results"]]
    assert (names[0], names[-1], len(names)) == ("zoe", "ann", 3)
    problem(
        pin_pad.get(PIN_USERS, {"role": "admin"}), 400, "unknown_filter", {"role": "unknown_filter"}
    )


def test_pin_pad_of_a_suspended_shop_is_rejected(pin_pad, shop, problem):
    suspend(shop)

    problem(pin_pad.get(PIN_USERS), 401, "terminal_not_paired")


# --- failures have the same response -----------------------------------------------------------


def suspend(shop):
    shop.is_active = False
    shop.save()


def wrong_pin(user, shop):
    return user, WRONG_PIN


def without_a_pin(user, shop):
    return UserFactory(tenant=shop), PIN


def deactivated(user, shop):
    with across_tenants():
        User.objects.filter(pk=user.pk).update(is_active=False)
    return user, PIN


def with_a_temporary_password(user, shop):
    with across_tenants():
        User.objects.filter(pk=user.pk).update(must_change_password=True)
    return user, PIN


def of_another_store(user, shop):
    assign_to_store(user, StoreFactory(tenant=shop))
    return user, PIN


def of_a_suspended_shop(user, shop):
    suspend(shop)
    return user, PIN


def of_another_shop(user, shop):
    foreign_user = UserFactory()
    give_pin(foreign_user)
    return foreign_user, PIN


def unknown(user, shop):
    return UserFactory.build(), PIN


REASONS = [
    wrong_pin,
    without_a_pin,
    deactivated,
    with_a_temporary_password,
    of_another_store,
    of_a_suspended_shop,
    of_another_shop,
    unknown,
]


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.__name__)
def test_every_failure_has_the_same_response_and_costs_one_hash(
    reason, pin_pad, cashier, shop, hashes, problem
):
    with across_tenants():
        cashier.pin.set_digits(PIN)
        cashier.pin.save()
    user, pin = reason(cashier, shop)
    hashes.restart()

    response = pin_pad.enter(user, pin)

    refused = problem(response, 401, "invalid_credentials")
    assert refused["detail"] == "Invalid credentials or inactive account."
    assert refused.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert response["WWW-Authenticate"] == "Bearer"
    assert hashes.count == 1
    assert count_sessions() == 0
    (event,) = list_terminal_events("pin_failed")
    assert event.facts["user"] == str(user.pk)
    assert event.facts["terminal"] == str(pin_pad.terminal.pk)
    assert event.tenant_id == shop.pk
    assert pin not in str(event.facts)


def test_correct_pin_costs_one_hash(pin_pad, cashier, hashes):
    with across_tenants():
        cashier.pin.set_digits(PIN)
        cashier.pin.save()
    hashes.restart()

    assert pin_pad.enter(cashier).status_code == 200

    assert hashes.count == 1


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"user": "required", "pin": "required"}),
        ({"user": "c1", "pin": PIN}, {"user": "invalid"}),
        ({"user": None, "pin": PIN}, {"user": "null"}),
        ({"pin": PIN}, {"user": "required"}),
    ],
    ids=str,
)
def test_missing_or_invalid_user_and_pin_are_rejected(body, errors, pin_pad, problem):
    problem(pin_pad.post("auth/pin/", body), 400, "invalid", errors)


# --- statement counts --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 30])
def test_pin_pad_list_takes_two_statements_for_any_number_of_users(
    count, pin_pad, shop, store, statements
):
    for number in range(count):
        person = UserFactory(tenant=shop)
        give_pin(person)
        if number % 2:
            assign_to_store(person, store)

    with statements(2):
        assert len(pin_pad.get(PIN_USERS).json()["results"]) == count + 1


def test_pin_login_takes_sixteen_statements(pin_pad, cashier, statements):
    """Terminal, user, count, reset the count; then lock user and register, the terminal
    again, the former session, the new session, the user's PIN and the audit event."""
    with statements(1 + 1 + 3 + 3 + 2 + 1 + 2 + 1 + 1 + 1):
        assert pin_pad.enter(cashier).status_code == 200


def test_refused_pin_login_takes_six_statements(pin_pad, cashier, statements):
    with statements(1 + 1 + 3 + 1):
        assert pin_pad.enter(cashier, WRONG_PIN).status_code == 401


def test_refused_pin_changes_no_user_and_starts_no_session(pin_pad, cashier):
    before = snapshot_users()

    pin_pad.enter(cashier, WRONG_PIN)

    assert snapshot_users() == before
    with across_tenants():
        assert not AuthSession.objects.exists()

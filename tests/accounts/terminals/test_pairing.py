"""Pairing a device with a register, and what becomes of it."""

from datetime import timedelta

import pytest

from accounts.exceptions import InsufficientAuthentication
from accounts.models import Terminal
from accounts.models.terminal import digest
from accounts.services.terminals import pair_terminal, unpair_terminal
from tenants.exceptions import NotPermitted
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api
from tests.support.terminals import (
    PAD_USERS,
    PinPad,
    close_place,
    give_pin,
    list_end_reasons,
    list_terminal_event_names,
)
from tests.support.users import LOG_IN, build_credentials

pytestmark = pytest.mark.once


def pair(register):
    return f"registers/{register.pk}/pair/"


def unpair(register):
    return f"registers/{register.pk}/unpair/"


def terminals():
    with across_tenants():
        return list(Terminal.objects.order_by("created_at", "pk"))


@pytest.mark.parametrize("who", ["manager", "admin"])
def test_a_manager_pairs_a_device_and_its_token_is_shown_once(who, register, client_of, request):
    boss = request.getfixturevalue(who)

    response = client_of(boss).post(pair(register))

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert response.json().keys() == {"terminal_token", "last_device_sequence"}
    token = response.json()["terminal_token"]
    (terminal,) = terminals()
    assert (terminal.register_id, terminal.paired_by_id) == (register.pk, boss.pk)
    assert terminal.token_hash == digest(token.partition(".")[2])
    assert token not in terminal.token_hash
    assert Api(X_Terminal_Token=token).get(PAD_USERS).status_code == 200
    (event,) = list_terminal_event_names("terminal_paired")
    assert (event.actor, event.target) == (boss.pk, register.pk)
    assert token not in str(event.facts)


def test_two_tokens_have_nothing_in_common(register, manager):
    first, second = (
        PinPad(register, manager),
        PinPad(RegisterFactory(store=register.store, tenant=register.tenant), manager),
    )

    assert len(first.token.partition(".")[2]) == 43
    assert first.token.partition(".")[2] != second.token.partition(".")[2]
    assert first.terminal.token_hash != second.terminal.token_hash


def test_paired_anew_the_device_from_before_is_none_any_more(
    register, manager, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    till = pin_pad.till_of(cashier)

    token = client_of(manager).post(pair(register)).json()["terminal_token"]

    problem(pin_pad.get(PAD_USERS), 401, "terminal_not_paired")
    problem(pin_pad.enter(cashier), 401, "terminal_not_paired")
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert Api(X_Terminal_Token=token).get(PAD_USERS).status_code == 200
    assert list_end_reasons() == ["unpaired"]
    former, present = terminals()
    assert former.unpaired_at is not None
    assert present.unpaired_at is None
    assert len(list_terminal_event_names("terminal_unpaired", "terminal_paired")) == 2


def test_unpaired_a_register_has_no_device_and_its_sessions_end(
    register, manager, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    by_pin = pin_pad.till_of(cashier)
    by_password = Api(pin_pad.post(LOG_IN, build_credentials()).json()["access"])

    response = client_of(manager).post(unpair(register))

    assert (response.status_code, response.content) == (204, b"")
    problem(pin_pad.get(PAD_USERS), 401, "terminal_not_paired")
    for till in (by_pin, by_password):
        problem(till.get("auth/me/"), 401, "token_not_valid")
    assert list_end_reasons()[-1] == "unpaired"
    (event,) = list_terminal_event_names("terminal_unpaired")
    assert (event.actor, event.target) == (manager.pk, register.pk)


def test_where_no_device_is_there_is_none_to_unpair(register, manager, client_of):
    assert client_of(manager).post(unpair(register)).status_code == 204
    assert list_terminal_event_names("terminal_unpaired") == []


@pytest.mark.parametrize("place", ["register", "store"])
def test_a_place_that_is_closed_is_paired_with_nothing(
    place, register, manager, client_of, problem
):
    closed = register if place == "register" else register.store
    close_place(closed)

    problem(client_of(manager).post(pair(register)), 409, "register_closed")

    assert terminals() == []


# --- who has shown lately who they are --------------------------------------------------------


def test_a_log_in_of_five_minutes_ago_is_too_old(clock, register, manager, client_of, problem):
    platform_browser = client_of(manager)
    clock.shift(timedelta(minutes=5))

    refused = platform_browser.post(pair(register))

    problem(refused, 401, "insufficient_user_authentication")
    assert refused.json()["max_age"] == 300
    assert refused["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", max_age="300"'
    )
    assert terminals() == []


def test_showing_the_password_again_is_enough(clock, register, manager, client_of):
    platform_browser = client_of(manager)
    clock.shift(timedelta(minutes=5))
    access = platform_browser.post("auth/reauth/", {"password": PASSWORD}).json()["access"]
    clock.shift(timedelta(minutes=4, seconds=59))

    assert Api(access).post(pair(register)).status_code == 201


def test_a_pin_of_this_moment_is_no_password(register, manager, in_shop):
    session = AuthSessionFactory(user=manager, method="pin")

    with pytest.raises(InsufficientAuthentication):
        pair_terminal(register=register, session=session)

    assert terminals() == []


def test_a_cashier_pairs_nothing_whoever_asks_the_service(register, cashier, in_shop):
    with pytest.raises(NotPermitted):
        pair_terminal(register=register, session=AuthSessionFactory(user=cashier))
    with pytest.raises(NotPermitted):
        unpair_terminal(register=register, by=cashier)

    assert terminals() == []


def test_unpairing_needs_no_fresh_log_in(clock, register, manager, client_of, pin_pad, problem):
    """Who finds a device stolen shall not have to look for a password first."""
    platform_browser = client_of(manager)
    clock.shift(timedelta(minutes=9))

    assert platform_browser.post(unpair(register)).status_code == 204

    problem(pin_pad.get(PAD_USERS), 401, "terminal_not_paired")


def test_a_register_of_another_shop_does_not_exist(foreign, manager, client_of, problem):
    problem(client_of(manager).post(pair(foreign.register)), 404, "not_found")
    problem(client_of(manager).post(unpair(foreign.register)), 404, "not_found")

    assert terminals() == []


# --- places that are closed -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["registers", "stores"])
def test_attack_134_closing_a_place_ends_what_is_open_there(
    kind, register, admin, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    till, admin_client = pin_pad.till_of(cashier), client_of(admin)
    elsewhere = client_of(cashier)
    place = register if kind == "registers" else register.store

    admin_client.patch(f"{kind}/{place.pk}/", {"is_active": False}, If_Match="*")

    problem(till.get("auth/me/"), 401, "token_not_valid")
    problem(pin_pad.enter(cashier), 401, "terminal_not_paired")
    assert elsewhere.get("auth/me/").status_code == 200
    assert list_end_reasons() == ["closed"]


def test_a_place_that_opens_again_has_its_device_still(
    register, admin, cashier, client_of, pin_pad
):
    give_pin(cashier)
    admin_client, path = client_of(admin), f"registers/{register.pk}/"
    admin_client.patch(path, {"is_active": False}, If_Match="*")
    admin_client.patch(path, {"is_active": True}, If_Match="*")

    assert pin_pad.enter(cashier).status_code == 200


def test_another_change_of_a_place_ends_nothing(register, admin, cashier, client_of, pin_pad):
    give_pin(cashier)
    till = pin_pad.till_of(cashier)

    client_of(admin).patch(f"registers/{register.pk}/", {"name": "Front"}, If_Match="*")

    assert till.get("auth/me/").status_code == 200

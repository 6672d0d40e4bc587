"""Pair and unpair terminals."""

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
    PIN_USERS,
    PairedTerminal,
    close_place,
    give_pin,
    list_end_reasons,
    list_terminal_events,
)
from tests.support.users import LOG_IN, build_credentials

pytestmark = pytest.mark.once


def pair_path(register):
    return f"registers/{register.pk}/pair/"


def unpair_path(register):
    return f"registers/{register.pk}/unpair/"


def list_terminals():
    with across_tenants():
        return list(Terminal.objects.order_by("created_at", "pk"))


@pytest.mark.parametrize("who", ["manager", "admin"])
def test_managers_and_admins_pair_a_terminal_and_see_its_token_once(
    who, register, client_of, request
):
    user = request.getfixturevalue(who)

    response = client_of(user).post(pair_path(register))

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert response.json().keys() == {"terminal_token", "last_device_sequence"}
    token = response.json()["terminal_token"]
    (terminal,) = list_terminals()
    assert (terminal.register_id, terminal.paired_by_id) == (register.pk, user.pk)
    assert terminal.token_hash == digest(token.rpartition(".")[2])
    assert token not in terminal.token_hash
    assert Api(X_Terminal_Token=token).get(PIN_USERS).status_code == 200
    (event,) = list_terminal_events("terminal_paired")
    assert (event.actor, event.target) == (user.pk, register.pk)
    assert token not in str(event.facts)


def test_terminal_tokens_are_random(register, manager):
    first, second = (
        PairedTerminal(register, manager),
        PairedTerminal(RegisterFactory(store=register.store, tenant=register.tenant), manager),
    )

    assert len(first.token.rpartition(".")[2]) == 43
    assert first.token.rpartition(".")[2] != second.token.rpartition(".")[2]
    assert first.terminal.token_hash != second.terminal.token_hash


def test_token_of_an_older_version_has_no_tenant_and_stays_valid(pin_pad):
    terminal, _, secret = pin_pad.token.split(".")

    assert Api(X_Terminal_Token=f"{terminal}.{secret}").get(PIN_USERS).status_code == 200


def test_token_with_the_tenant_of_another_shop_is_rejected(pin_pad, other_shop, problem):
    terminal, _, secret = pin_pad.token.split(".")
    token = f"{terminal}.{other_shop.pk.hex}.{secret}"

    problem(Api(X_Terminal_Token=token).get(PIN_USERS), 401, "terminal_not_paired")


def test_pairing_again_unpairs_the_former_terminal(
    register, manager, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    till = pin_pad.till_of(cashier)

    token = client_of(manager).post(pair_path(register)).json()["terminal_token"]

    problem(pin_pad.get(PIN_USERS), 401, "terminal_not_paired")
    problem(pin_pad.enter(cashier), 401, "terminal_not_paired")
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert Api(X_Terminal_Token=token).get(PIN_USERS).status_code == 200
    assert list_end_reasons() == ["unpaired"]
    former, present = list_terminals()
    assert former.unpaired_at is not None
    assert present.unpaired_at is None
    assert len(list_terminal_events("terminal_unpaired", "terminal_paired")) == 2


def test_unpairing_rejects_the_token_and_ends_sessions(
    register, manager, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    by_pin = pin_pad.till_of(cashier)
    by_password = Api(pin_pad.post(LOG_IN, build_credentials()).json()["access"])

    response = client_of(manager).post(unpair_path(register))

    assert (response.status_code, response.content) == (204, b"")
    problem(pin_pad.get(PIN_USERS), 401, "terminal_not_paired")
    for till in (by_pin, by_password):
        problem(till.get("auth/me/"), 401, "token_not_valid")
    assert list_end_reasons()[-1] == "unpaired"
    (event,) = list_terminal_events("terminal_unpaired")
    assert (event.actor, event.target) == (manager.pk, register.pk)


def test_unpairing_an_unpaired_register_records_nothing(register, manager, client_of):
    assert client_of(manager).post(unpair_path(register)).status_code == 204
    assert list_terminal_events("terminal_unpaired") == []


@pytest.mark.parametrize("place", ["register", "store"])
def test_closed_register_or_store_cannot_be_paired(place, register, manager, client_of, problem):
    closed = register if place == "register" else register.store
    close_place(closed)

    problem(client_of(manager).post(pair_path(register)), 409, "register_closed")

    assert list_terminals() == []


# --- recent authentication ---------------------------------------------------------------------


def test_pairing_five_minutes_after_login_requires_reauthentication(
    clock, register, manager, client_of, problem
):
    manager_client = client_of(manager)
    clock.shift(timedelta(minutes=5))

    refused = manager_client.post(pair_path(register))

    problem(refused, 401, "insufficient_user_authentication")
    assert refused.json()["max_age"] == 300
    assert refused["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", max_age="300"'
    )
    assert list_terminals() == []


def test_pairing_after_reauthentication_succeeds(clock, register, manager, client_of):
    manager_client = client_of(manager)
    clock.shift(timedelta(minutes=5))
    access = manager_client.post("auth/reauth/", {"password": PASSWORD}).json()["access"]
    clock.shift(timedelta(minutes=4, seconds=59))

    assert Api(access).post(pair_path(register)).status_code == 201


def test_pin_session_cannot_pair(register, manager, in_shop):
    session = AuthSessionFactory(user=manager, method="pin")

    with pytest.raises(InsufficientAuthentication):
        pair_terminal(register_id=register.pk, session=session)

    assert list_terminals() == []


def test_service_rejects_pairing_and_unpairing_by_cashiers(register, cashier, in_shop):
    with pytest.raises(NotPermitted):
        pair_terminal(register_id=register.pk, session=AuthSessionFactory(user=cashier))
    with pytest.raises(NotPermitted):
        unpair_terminal(register_id=register.pk, by=cashier)

    assert list_terminals() == []


def test_unpairing_needs_no_recent_authentication(
    clock, register, manager, client_of, pin_pad, problem
):
    """A stolen terminal must be unpaired without delay."""
    manager_client = client_of(manager)
    clock.shift(timedelta(minutes=9))

    assert manager_client.post(unpair_path(register)).status_code == 204

    problem(pin_pad.get(PIN_USERS), 401, "terminal_not_paired")


def test_register_of_another_shop_gets_404(foreign, manager, client_of, problem):
    problem(client_of(manager).post(pair_path(foreign.register)), 404, "not_found")
    problem(client_of(manager).post(unpair_path(foreign.register)), 404, "not_found")

    assert list_terminals() == []


# --- closed registers and stores ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["registers", "stores"])
def test_attack_134_closing_a_register_or_store_ends_its_sessions(
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


def test_reopened_register_keeps_its_terminal(register, admin, cashier, client_of, pin_pad):
    give_pin(cashier)
    admin_client, path = client_of(admin), f"registers/{register.pk}/"
    admin_client.patch(path, {"is_active": False}, If_Match="*")
    admin_client.patch(path, {"is_active": True}, If_Match="*")

    assert pin_pad.enter(cashier).status_code == 200


def test_renaming_a_register_keeps_its_sessions(register, admin, cashier, client_of, pin_pad):
    give_pin(cashier)
    till = pin_pad.till_of(cashier)

    client_of(admin).patch(f"registers/{register.pk}/", {"name": "Front"}, If_Match="*")

    assert till.get("auth/me/").status_code == 200

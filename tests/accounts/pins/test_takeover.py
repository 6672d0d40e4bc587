"""One PIN session per terminal, and its lifetime."""

from datetime import timedelta

import jwt
import pytest

from accounts.models import Pin, Terminal, User
from accounts.services import pins as services
from tenants.models import Register
from tenants.scope import across_tenants
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Api
from tests.support.terminals import (
    OTHER_PIN,
    WRONG_PIN,
    PairedTerminal,
    assign_to_store,
    give_pin,
    last_session,
    list_end_reasons,
    list_terminal_events,
)
from tests.support.token_refresh import MORNING
from tests.support.users import count_sessions

QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _give_cashier_a_pin(cashier):
    give_pin(cashier)


# --- one session at a time ---------------------------------------------------------------------


def test_attack_131_takeover_ends_the_former_session(pin_pad, cashier, other_cashier, problem):
    give_pin(other_cashier, OTHER_PIN)
    before = pin_pad.till_of(cashier)

    after = pin_pad.till_of(other_cashier, OTHER_PIN)

    problem(before.get("auth/me/"), 401, "token_not_valid")
    assert after.get("auth/me/").json()["id"] == str(other_cashier.pk)
    assert list_end_reasons() == ["switched"]
    (event,) = list_terminal_events("session_switched")
    assert (event.actor, event.target) == (other_cashier.pk, cashier.pk)


def test_wrong_pin_keeps_the_current_session(pin_pad, cashier, other_cashier):
    give_pin(other_cashier, OTHER_PIN)
    till = pin_pad.till_of(cashier)

    pin_pad.enter(other_cashier, WRONG_PIN)

    assert till.get("auth/me/").status_code == 200


def test_login_at_another_terminal_keeps_sessions(pin_pad, cashier, manager, store, client_of):
    second = PairedTerminal(RegisterFactory(tenant=store.tenant, store=store), manager)
    office_client, till = client_of(cashier), pin_pad.till_of(cashier)

    second.till_of(cashier)

    assert [api.get("auth/me/").status_code for api in (office_client, till)] == [200, 200]


def change_pin(person, shop):
    Pin.objects.get(user=person).save_changes("digits_hash")


def remove_pin(person, shop):
    Pin.objects.filter(user=person).delete()


def assign_another_store(person, shop):
    assign_to_store(person, StoreFactory(tenant=shop))


def change_role(person, shop):
    User.objects.filter(pk=person.pk).update(token_version=9)


def unpair_terminal(person, shop):
    Terminal.objects.update(unpaired_at=MORNING)


def close_register(person, shop):
    Register.objects.update(is_active=False)


CHANGES = [
    change_pin,
    remove_pin,
    assign_another_store,
    change_role,
    unpair_terminal,
    close_register,
]


@pytest.mark.parametrize("event", CHANGES, ids=lambda event: event.__name__)
def test_login_fails_if_something_changes_after_the_pin_check(
    event, pin_pad, cashier, shop, monkeypatch
):
    """The PIN was correct when it was checked."""
    verify_pin = services.verify_pin

    def verify_and_change(*args, **kwargs):
        person = verify_pin(*args, **kwargs)
        with across_tenants():
            event(person, shop)
        return person

    monkeypatch.setattr(services, "verify_pin", verify_and_change)

    assert pin_pad.enter(cashier).status_code == 401

    assert count_sessions() == 0
    assert list_terminal_events("pin_log_in") == []


# --- lifetime ----------------------------------------------------------------------------------


def test_attack_134_pin_session_expires_after_fifteen_idle_minutes(
    clock, pin_pad, cashier, problem
):
    till = pin_pad.till_of(cashier)
    clock.shift(QUARTER - timedelta(seconds=1))
    assert till.get("auth/me/").status_code == 200

    clock.shift(QUARTER)

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_pin_session_in_use_lasts_twelve_hours(clock, pin_pad, cashier, problem):
    """The token must not expire in the middle of a sale."""
    response = pin_pad.enter(cashier).json()
    till = Api(response["access"])
    assert response["expires_in"] == 12 * 3600
    claims = jwt.decode(response["access"], options={"verify_signature": False})
    assert claims["exp"] == int((MORNING + timedelta(hours=12)).timestamp())

    while last_session().last_used_at < MORNING + timedelta(hours=11, minutes=50):
        clock.shift(timedelta(minutes=14))
        assert till.get("auth/me/").status_code == 200
    clock.move_to(MORNING + timedelta(hours=12))

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_last_use_is_stored_at_most_once_a_minute(clock, pin_pad, cashier, statements):
    till = pin_pad.till_of(cashier)
    clock.shift(timedelta(seconds=59))
    with statements(1):
        till.get("auth/me/")
    assert last_session().idle_expires_at == MORNING + QUARTER

    clock.shift(timedelta(seconds=1))
    with statements(2):
        till.get("auth/me/")

    assert last_session().idle_expires_at == MORNING + QUARTER + timedelta(minutes=1)


def test_idle_lifetime_is_configurable(clock, pin_pad, cashier, settings, problem):
    settings.PIN_IDLE_LIFETIME = timedelta(minutes=2)
    till = pin_pad.till_of(cashier)
    clock.shift(timedelta(minutes=2))

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_deactivation_ends_the_pin_session(pin_pad, cashier, admin, client_of, problem):
    till = pin_pad.till_of(cashier)

    client_of(admin).delete(f"users/{cashier.pk}/activation/")

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_attack_054_logout_everywhere_ends_the_pin_session(pin_pad, cashier, client_of, problem):
    till = pin_pad.till_of(cashier)

    assert client_of(cashier).post("auth/logout-all/").status_code == 204

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_logout_ends_the_pin_session(pin_pad, cashier, problem):
    till = pin_pad.till_of(cashier)

    assert till.post("auth/logout/").status_code == 204

    problem(till.get("auth/me/"), 401, "token_not_valid")

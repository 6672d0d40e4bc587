"""One at a time at a till, and for how long."""

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
    PinPad,
    assign_to_store,
    give_pin,
    last_session,
    list_end_reasons,
    list_terminal_event_names,
)
from tests.support.token_refresh import MORNING
from tests.support.users import snapshot_sessions

QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _with_a_pin(cashier):
    give_pin(cashier)


# --- one at a time ----------------------------------------------------------------------------


def test_attack_131_whoever_takes_over_ends_the_session_before(
    pin_pad, cashier, other_cashier, problem
):
    give_pin(other_cashier, OTHER_PIN)
    before = pin_pad.till_of(cashier)

    after = pin_pad.till_of(other_cashier, OTHER_PIN)

    problem(before.get("auth/me/"), 401, "token_not_valid")
    assert after.get("auth/me/").json()["id"] == str(other_cashier.pk)
    assert list_end_reasons() == ["switched"]
    (event,) = list_terminal_event_names("session_switched")
    assert (event.actor, event.target) == (other_cashier.pk, cashier.pk)


def test_a_wrong_pin_leaves_whoever_is_there(pin_pad, cashier, other_cashier):
    give_pin(other_cashier, OTHER_PIN)
    till = pin_pad.till_of(cashier)

    pin_pad.enter(other_cashier, WRONG_PIN)

    assert till.get("auth/me/").status_code == 200


def test_at_another_till_nobody_is_disturbed(pin_pad, cashier, manager, store, client_of):
    second = PinPad(RegisterFactory(tenant=store.tenant, store=store), manager)
    platform_browser, till = client_of(cashier), pin_pad.till_of(cashier)

    second.till_of(cashier)

    assert [api.get("auth/me/").status_code for api in (platform_browser, till)] == [200, 200]


def another_pin(person, shop):
    Pin.objects.get(user=person).save_changes("digits_hash")


def no_pin(person, shop):
    Pin.objects.filter(user=person).delete()


def another_store(person, shop):
    assign_to_store(person, StoreFactory(tenant=shop))


def another_role(person, shop):
    User.objects.filter(pk=person.pk).update(token_version=9)


def a_device_unpaired(person, shop):
    Terminal.objects.update(unpaired_at=MORNING)


def a_register_closed(person, shop):
    Register.objects.update(is_active=False)


OVERTAKEN = [another_pin, no_pin, another_store, another_role, a_device_unpaired, a_register_closed]


@pytest.mark.parametrize("event", OVERTAKEN, ids=lambda event: event.__name__)
def test_a_log_in_that_something_overtakes_opens_nothing(
    event, pin_pad, cashier, shop, monkeypatch
):
    """The PIN was right when it was looked at, and is not any more."""
    checked = services.verify_pin

    def overtaken(*args, **kwargs):
        person = checked(*args, **kwargs)
        with across_tenants():
            event(person, shop)
        return person

    monkeypatch.setattr(services, "verify_pin", overtaken)

    assert pin_pad.enter(cashier).status_code == 401

    assert snapshot_sessions() == 0
    assert list_terminal_event_names("pin_log_in") == []


# --- how long it lasts ------------------------------------------------------------------------


def test_attack_134_a_till_that_nobody_uses_for_a_quarter_of_an_hour_is_closed(
    clock, pin_pad, cashier, problem
):
    till = pin_pad.till_of(cashier)
    clock.shift(QUARTER - timedelta(seconds=1))
    assert till.get("auth/me/").status_code == 200

    clock.shift(QUARTER)

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_a_till_in_use_stays_open_as_long_as_a_shift(clock, pin_pad, cashier, problem):
    """Nobody is asked for a PIN in the middle of a sale because ten minutes have gone."""
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


def test_use_is_written_once_a_minute_at_most(clock, pin_pad, cashier, statements):
    till = pin_pad.till_of(cashier)
    clock.shift(timedelta(seconds=59))
    with statements(1):
        till.get("auth/me/")
    assert last_session().idle_expires_at == MORNING + QUARTER

    clock.shift(timedelta(seconds=1))
    with statements(2):
        till.get("auth/me/")

    assert last_session().idle_expires_at == MORNING + QUARTER + timedelta(minutes=1)


def test_the_shop_that_installs_till_says_how_long(clock, pin_pad, cashier, settings, problem):
    settings.PIN_IDLE_LIFETIME = timedelta(minutes=2)
    till = pin_pad.till_of(cashier)
    clock.shift(timedelta(minutes=2))

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_who_is_gone_is_out_at_once(pin_pad, cashier, admin, client_of, problem):
    till = pin_pad.till_of(cashier)

    client_of(admin).delete(f"users/{cashier.pk}/activation/")

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_attack_54_logging_out_everywhere_ends_the_till_too(pin_pad, cashier, client_of, problem):
    till = pin_pad.till_of(cashier)

    assert client_of(cashier).post("auth/logout-all/").status_code == 204

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_a_till_is_left_like_any_other_session(pin_pad, cashier, problem):
    till = pin_pad.till_of(cashier)

    assert till.post("auth/logout/").status_code == 204

    problem(till.get("auth/me/"), 401, "token_not_valid")

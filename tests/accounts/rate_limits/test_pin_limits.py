"""Rate limits of PIN attempts."""

from datetime import timedelta

import pytest

from accounts.exceptions import Busy
from accounts.models import Pin, Throttle
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api
from tests.support.rate_limits import count_in_redis
from tests.support.terminals import (
    OTHER_PIN,
    WRONG_PIN,
    PairedTerminal,
    give_pin,
    last_session,
    list_terminal_events,
)
from tests.support.users import LOG_IN, build_credentials, can_log_in, count_sessions

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _give_cashier_a_pin(clock, cashier):
    give_pin(cashier)


@pytest.fixture
def second_pin_pad(store, manager):
    return PairedTerminal(RegisterFactory(tenant=store.tenant, store=store), manager)


def guess(pin_pad, user, times=1):
    return [pin_pad.enter(user, WRONG_PIN).json()["code"] for _ in range(times)]


def is_locked(pin_pad, user):
    return pin_pad.enter(user).json().get("code") == "pin_closed"


def test_after_five_wrong_pins_even_the_correct_one_is_refused(pin_pad, cashier, problem):
    assert guess(pin_pad, cashier, 5) == ["invalid_credentials"] * 5

    response = pin_pad.enter(cashier)

    problem(response, 429, "pin_closed")
    assert response["Retry-After"] == str(24 * 3600)
    assert count_sessions() == 0
    assert len(list_terminal_events("pin_failed")) == 5
    (event,) = list_terminal_events("too_many_attempts")
    assert (event.actor, event.facts["limit"]) == (cashier.pk, "pin_terminal_user")


def test_pin_is_locked_for_one_day(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    clock.shift(DAY - timedelta(seconds=1))
    assert is_locked(pin_pad, cashier)

    clock.shift(timedelta(seconds=1))

    assert pin_pad.enter(cashier).status_code == 200


def test_password_login_unlocks_the_pin(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    assert is_locked(pin_pad, cashier)
    clock.shift(MINUTE)

    assert Api().post(LOG_IN, build_credentials()).status_code == 200

    assert pin_pad.enter(cashier).status_code == 200


def test_password_reauthentication_unlocks_the_pin(pin_pad, cashier, clock, client_of):
    office_client = client_of(cashier)
    guess(pin_pad, cashier, 5)
    clock.shift(MINUTE)

    assert office_client.post("auth/reauth/", {"password": PASSWORD}).status_code == 200

    assert pin_pad.enter(cashier).status_code == 200


def test_new_pin_is_unlocked(pin_pad, cashier, manager, clock, client_of):
    guess(pin_pad, cashier, 5)
    clock.shift(MINUTE)

    client_of(manager).put(f"users/{cashier.pk}/pin/", {"pin": OTHER_PIN}, If_Match="*")

    assert pin_pad.enter(cashier, OTHER_PIN).status_code == 200


def test_wrong_password_does_not_unlock_the_pin(pin_pad, cashier):
    guess(pin_pad, cashier, 5)

    Api().post(LOG_IN, build_credentials(password="wrong"))

    assert is_locked(pin_pad, cashier)


def test_correct_pin_resets_the_attempts(pin_pad, cashier):
    for _ in range(3):
        guess(pin_pad, cashier, 2)
        assert pin_pad.enter(cashier).status_code == 200

    assert guess(pin_pad, cashier, 4) == ["invalid_credentials"] * 4


def test_colleagues_and_other_terminals_are_not_locked(
    pin_pad, second_pin_pad, cashier, other_cashier
):
    give_pin(other_cashier)
    guess(pin_pad, cashier, 5)

    assert pin_pad.enter(other_cashier).status_code == 200
    assert second_pin_pad.enter(cashier).status_code == 200


def test_ten_wrong_pins_a_day_lock_the_user_at_all_terminals(
    pin_pad, second_pin_pad, cashier, store, manager
):
    third_pin_pad = PairedTerminal(RegisterFactory(tenant=store.tenant, store=store), manager)
    guess(pin_pad, cashier, 5)
    guess(second_pin_pad, cashier, 5)

    assert is_locked(third_pin_pad, cashier)
    assert [event.facts["limit"] for event in list_terminal_events("too_many_attempts")] == [
        "pin_terminal_user",
        "pin_terminal_user",
        "pin_user",
    ]


def test_twenty_wrong_pins_an_hour_lock_the_terminal(pin_pad, shop, cashier, clock):
    people = [UserFactory(tenant=shop) for _ in range(5)]
    for person in people[:4]:
        give_pin(person)
        guess(pin_pad, person, 4)
    guess(pin_pad, people[4], 4)

    assert is_locked(pin_pad, cashier)
    assert can_log_in(PASSWORD)
    clock.shift(HOUR)
    assert pin_pad.enter(cashier).status_code == 200


def test_frequent_correct_pins_lock_nothing(pin_pad, cashier, other_cashier):
    give_pin(other_cashier)

    for _ in range(15):
        assert pin_pad.enter(cashier).status_code == 200
        assert pin_pad.enter(other_cashier).status_code == 200


def test_user_without_a_pin_is_limited_like_one_with_a_pin(pin_pad, shop):
    nobody = UserFactory(tenant=shop)

    assert guess(pin_pad, nobody, 6) == ["invalid_credentials"] * 5 + ["pin_closed"]


def test_refused_attempt_is_not_counted(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    clock.shift(DAY / 2)
    guess(pin_pad, cashier, 20)
    clock.shift(DAY / 2)

    assert pin_pad.enter(cashier).status_code == 200


# --- PIN and password --------------------------------------------------------------------------


def test_wrong_pins_do_not_lock_the_password(pin_pad, cashier):
    guess(pin_pad, cashier, 8)

    assert can_log_in(PASSWORD)
    assert pin_pad.post(LOG_IN, build_credentials()).status_code == 200


def test_wrong_passwords_do_not_lock_the_pin(pin_pad, cashier):
    for _ in range(6):
        can_log_in("wrong")
    assert not can_log_in(PASSWORD)

    assert pin_pad.enter(cashier).status_code == 200


def test_guesses_from_elsewhere_do_not_lock_a_paired_terminal(pin_pad, cashier):
    for _ in range(6):
        can_log_in("wrong")
    assert not can_log_in(PASSWORD)

    response = pin_pad.post(LOG_IN, build_credentials())

    assert response.status_code == 200
    assert last_session().terminal_id == pin_pad.terminal.pk


def test_wrong_passwords_at_a_terminal_are_limited(pin_pad, cashier, problem):
    for _ in range(5):
        pin_pad.post(LOG_IN, build_credentials(password="wrong"))

    problem(pin_pad.post(LOG_IN, build_credentials()), 429, "too_many_attempts")


def test_busy_server_does_not_count_pin_attempts(pin_pad, cashier, monkeypatch, problem):
    def busy(self, digits):
        raise Busy(retry_after=2)

    with monkeypatch.context() as patch:
        patch.setattr(Pin, "check_digits", busy)
        for _ in range(7):
            problem(pin_pad.enter(cashier), 503, "busy")

    assert pin_pad.enter(cashier).status_code == 200
    assert list_terminal_events("pin_failed") == []


@pytest.mark.redis
def test_pin_limits_are_the_same_with_redis(
    pin_pad, cashier, clock, redis_url, settings, monkeypatch
):
    count_in_redis(redis_url, settings, monkeypatch)

    assert guess(pin_pad, cashier, 6) == ["invalid_credentials"] * 5 + ["pin_closed"]
    clock.shift(MINUTE)
    Api().post(LOG_IN, build_credentials())
    assert pin_pad.enter(cashier).status_code == 200
    with across_tenants():
        assert not Throttle.objects.exists()


def test_correct_pin_does_not_reset_the_count_of_the_terminal(pin_pad, shop, problem):
    """After nineteen wrong PINs with correct ones among them, the twentieth locks the terminal."""
    staff = [UserFactory(tenant=shop) for _ in range(6)]
    for person in staff:
        give_pin(person)
    for person in staff[:4]:
        guess(pin_pad, person, 4)
        assert pin_pad.enter(person).status_code == 200
    guess(pin_pad, staff[4], 3)
    assert pin_pad.enter(staff[5]).status_code == 200

    assert guess(pin_pad, staff[4], 1) == ["invalid_credentials"]

    problem(pin_pad.enter(staff[5]), 429, "pin_closed")
    assert [event.facts["limit"] for event in list_terminal_events("too_many_attempts")] == [
        "pin_terminal"
    ]


def test_correct_pin_does_not_reset_the_count_of_the_user_at_all_terminals(
    pin_pad, second_pin_pad, cashier, problem
):
    for place in (pin_pad, second_pin_pad):
        guess(place, cashier, 4)
        assert place.enter(cashier).status_code == 200

    assert guess(pin_pad, cashier, 2) == ["invalid_credentials"] * 2

    for place in (pin_pad, second_pin_pad):
        problem(place.enter(cashier), 429, "pin_closed")
    assert [event.facts["limit"] for event in list_terminal_events("too_many_attempts")] == [
        "pin_user"
    ]

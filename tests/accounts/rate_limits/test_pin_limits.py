"""How often somebody may try a PIN: six digits are few."""

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
    PinPad,
    give_pin,
    last_session,
    list_terminal_event_names,
)
from tests.support.users import LOG_IN, build_credentials, can_log_in, snapshot_sessions

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _with_a_pin(clock, cashier):
    give_pin(cashier)


@pytest.fixture
def second(store, manager):
    return PinPad(RegisterFactory(tenant=store.tenant, store=store), manager)


def guess(pin_pad, user, times=1):
    return [pin_pad.enter(user, WRONG_PIN).json()["code"] for _ in range(times)]


def is_closed(pin_pad, user):
    return pin_pad.enter(user).json().get("code") == "pin_closed"


def test_after_five_wrong_pins_not_even_the_right_one_opens_the_till(pin_pad, cashier, problem):
    assert guess(pin_pad, cashier, 5) == ["invalid_credentials"] * 5

    response = pin_pad.enter(cashier)

    problem(response, 429, "pin_closed")
    assert response["Retry-After"] == str(24 * 3600)
    assert snapshot_sessions() == 0
    assert len(list_terminal_event_names("pin_failed")) == 5
    (event,) = list_terminal_event_names("too_many_attempts")
    assert (event.actor, event.facts["limit"]) == (cashier.pk, "pin_terminal_user")


def test_the_pin_is_closed_for_a_day_and_never_for_good(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    clock.shift(DAY - timedelta(seconds=1))
    assert is_closed(pin_pad, cashier)

    clock.shift(timedelta(seconds=1))

    assert pin_pad.enter(cashier).status_code == 200


def test_showing_the_password_opens_it_again(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    assert is_closed(pin_pad, cashier)
    clock.shift(MINUTE)

    assert Api().post(LOG_IN, build_credentials()).status_code == 200

    assert pin_pad.enter(cashier).status_code == 200


def test_so_does_showing_it_in_the_middle_of_a_session(pin_pad, cashier, clock, client_of):
    platform_browser = client_of(cashier)
    guess(pin_pad, cashier, 5)
    clock.shift(MINUTE)

    assert platform_browser.post("auth/reauth/", {"password": PASSWORD}).status_code == 200

    assert pin_pad.enter(cashier).status_code == 200


def test_so_does_another_pin(pin_pad, cashier, manager, clock, client_of):
    guess(pin_pad, cashier, 5)
    clock.shift(MINUTE)

    client_of(manager).put(f"users/{cashier.pk}/pin/", {"pin": OTHER_PIN}, If_Match="*")

    assert pin_pad.enter(cashier, OTHER_PIN).status_code == 200


def test_a_wrong_password_opens_nothing(pin_pad, cashier):
    guess(pin_pad, cashier, 5)

    Api().post(LOG_IN, build_credentials(password="wrong"))

    assert is_closed(pin_pad, cashier)


def test_the_right_pin_begins_anew(pin_pad, cashier):
    for _ in range(3):
        guess(pin_pad, cashier, 2)
        assert pin_pad.enter(cashier).status_code == 200

    assert guess(pin_pad, cashier, 4) == ["invalid_credentials"] * 4


def test_colleagues_and_other_tills_are_not_closed_by_it(pin_pad, second, cashier, other_cashier):
    give_pin(other_cashier)
    guess(pin_pad, cashier, 5)

    assert pin_pad.enter(other_cashier).status_code == 200
    assert second.enter(cashier).status_code == 200


def test_ten_a_day_are_all_that_all_tills_together_give(pin_pad, second, cashier, store, manager):
    third = PinPad(RegisterFactory(tenant=store.tenant, store=store), manager)
    guess(pin_pad, cashier, 5)
    guess(second, cashier, 5)

    assert is_closed(third, cashier)
    assert [event.facts["limit"] for event in list_terminal_event_names("too_many_attempts")] == [
        "pin_terminal_user",
        "pin_terminal_user",
        "pin_user",
    ]


def test_twenty_an_hour_are_all_that_one_till_gives(pin_pad, shop, cashier, clock):
    people = [UserFactory(tenant=shop) for _ in range(5)]
    for person in people[:4]:
        give_pin(person)
        guess(pin_pad, person, 4)
    guess(pin_pad, people[4], 4)

    assert is_closed(pin_pad, cashier)
    assert can_log_in(PASSWORD)
    clock.shift(HOUR)
    assert pin_pad.enter(cashier).status_code == 200


def test_taking_turns_at_a_till_closes_nothing(pin_pad, cashier, other_cashier):
    give_pin(other_cashier)

    for _ in range(15):
        assert pin_pad.enter(cashier).status_code == 200
        assert pin_pad.enter(other_cashier).status_code == 200


def test_somebody_without_a_pin_is_counted_like_somebody_with_one(pin_pad, shop):
    nobody = UserFactory(tenant=shop)

    assert guess(pin_pad, nobody, 6) == ["invalid_credentials"] * 5 + ["pin_closed"]


def test_a_refused_try_is_not_counted(pin_pad, cashier, clock):
    guess(pin_pad, cashier, 5)
    clock.shift(DAY / 2)
    guess(pin_pad, cashier, 20)
    clock.shift(DAY / 2)

    assert pin_pad.enter(cashier).status_code == 200


# --- the one way and the other ----------------------------------------------------------------


def test_wrong_pins_never_close_the_way_of_the_password(pin_pad, cashier):
    guess(pin_pad, cashier, 8)

    assert can_log_in(PASSWORD)
    assert pin_pad.post(LOG_IN, build_credentials()).status_code == 200


def test_wrong_passwords_never_close_the_pad(pin_pad, cashier):
    for _ in range(6):
        can_log_in("wrong")
    assert not can_log_in(PASSWORD)

    assert pin_pad.enter(cashier).status_code == 200


def test_what_strangers_guess_keeps_nobody_from_their_own_till(pin_pad, cashier):
    for _ in range(6):
        can_log_in("wrong")
    assert not can_log_in(PASSWORD)

    response = pin_pad.post(LOG_IN, build_credentials())

    assert response.status_code == 200
    assert last_session().terminal_id == pin_pad.terminal.pk


def test_guesses_at_the_till_itself_are_counted_there(pin_pad, cashier, problem):
    for _ in range(5):
        pin_pad.post(LOG_IN, build_credentials(password="wrong"))

    problem(pin_pad.post(LOG_IN, build_credentials()), 429, "too_many_attempts")


def test_a_busy_hour_closes_no_pad(pin_pad, cashier, monkeypatch, problem):
    def busy(self, digits):
        raise Busy(retry_after=2)

    with monkeypatch.context() as patch:
        patch.setattr(Pin, "check_digits", busy)
        for _ in range(7):
            problem(pin_pad.enter(cashier), 503, "busy")

    assert pin_pad.enter(cashier).status_code == 200
    assert list_terminal_event_names("pin_failed") == []


@pytest.mark.redis
def test_with_redis_it_is_the_same(pin_pad, cashier, clock, redis_url, settings, monkeypatch):
    count_in_redis(redis_url, settings, monkeypatch)

    assert guess(pin_pad, cashier, 6) == ["invalid_credentials"] * 5 + ["pin_closed"]
    clock.shift(MINUTE)
    Api().post(LOG_IN, build_credentials())
    assert pin_pad.enter(cashier).status_code == 200
    with across_tenants():
        assert not Throttle.objects.exists()


def test_a_right_pin_does_not_clear_what_was_counted_at_the_till(pin_pad, shop, problem):
    """Nineteen wrong ones, with right ones among them: the twentieth closes the till for all."""
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
    assert [event.facts["limit"] for event in list_terminal_event_names("too_many_attempts")] == [
        "pin_terminal"
    ]


def test_nor_what_was_counted_of_the_person_at_all_tills(pin_pad, second, cashier, problem):
    for place in (pin_pad, second):
        guess(place, cashier, 4)
        assert place.enter(cashier).status_code == 200

    assert guess(pin_pad, cashier, 2) == ["invalid_credentials"] * 2

    for place in (pin_pad, second):
        problem(place.enter(cashier), 429, "pin_closed")
    assert [event.facts["limit"] for event in list_terminal_event_names("too_many_attempts")] == [
        "pin_user"
    ]

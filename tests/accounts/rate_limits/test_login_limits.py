"""Guessing passwords: how often somebody may, and who is kept out by it."""

from itertools import count

import pytest

from accounts.models import Throttle
from accounts.security import hashers
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions

HOME = "192.0.2.7"

pytestmark = pytest.mark.usefixtures("cashier", "trust_proxy")


@pytest.fixture
def trust_proxy(settings):
    """The address is the last one in X-Forwarded-For, the one that our own proxy has seen."""
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


@pytest.fixture
def addresses():
    """A new address at each call: an attacker with a network of strangers' machines."""
    numbers = count(1)
    return lambda: f"198.51.100.{next(numbers)}"


def attempt(at=HOME, **changes):
    return Api().post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


def guess(at=HOME, **changes):
    return attempt(at, password="wrong", **changes)


def guesses(number, at=HOME, **changes):
    """The statuses of so many; `at` is an address, or makes one for each."""
    address = at if callable(at) else lambda: at
    return [guess(address(), **changes).status_code for _ in range(number)]


def refused(response, seconds=None):
    """The whole refusal, without what differs between any two requests."""
    assert response.status_code == 429
    problem = response.json()
    assert response["Retry-After"] == str(problem["retry_after"])
    assert seconds is None or problem["retry_after"] == seconds
    return {name: value for name, value in problem.items() if name != "request_id"}


# --- guesses at one person --------------------------------------------------------------------


def test_attack_018_after_five_guesses_everybody_waits_also_with_the_right_password(clock, problem):
    assert guesses(5) == [401] * 5

    response = attempt()

    problem(response, 429, "too_many_attempts")
    assert response["Retry-After"] == "2"
    assert response.json()["retry_after"] == 2
    clock.shift(2)
    assert attempt().status_code == 200


def test_each_guess_more_doubles_the_wait_up_to_a_quarter_of_an_hour(clock, addresses):
    guesses(5, addresses)
    waits = []

    for _ in range(11):
        wait = int(guess(addresses())["Retry-After"])
        waits.append(wait)
        clock.shift(wait)
        assert guess(addresses()).status_code == 401

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_who_gets_in_has_all_guesses_again(clock, addresses):
    guesses(4, addresses)
    assert attempt().status_code == 200

    assert guesses(6, addresses) == [401] * 5 + [429]


def test_half_a_day_later_nobody_remembers(clock, addresses):
    guesses(5, addresses)
    clock.shift(12 * 3600)

    assert guesses(6, addresses) == [401] * 5 + [429]


def test_a_refusal_costs_no_hash_and_makes_nobody_wait_longer(clock, hashes):
    guesses(5)
    hashes.restart()

    refusals = [refused(guess(), seconds=2) for _ in range(20)]

    assert hashes.count == 0
    assert all(refusal == refusals[0] for refusal in refusals)


@pytest.mark.parametrize("nobody", [{"username": "nobody"}, {"tenant": "nowhere"}])
def test_names_that_do_not_exist_are_refused_alike(nobody, clock, hashes):
    guesses(5, "203.0.113.1")
    hashes.restart()

    assert guesses(5, "203.0.113.2", **nobody) == [401] * 5
    assert hashes.count == 5
    assert refused(guess("203.0.113.2", **nobody)) == refused(guess("203.0.113.1"))


def test_attack_020_a_person_of_the_same_name_in_another_shop_is_somebody_else(clock, foreign):
    guesses(6)

    assert guess(tenant=foreign.tenant.slug).status_code == 401
    assert attempt(tenant=foreign.tenant.slug).status_code == 200


def test_attack_021_every_spelling_of_a_name_and_a_shop_is_counted_as_one(clock, shop, addresses):
    names = ["c1", "C1", "ｃ１", "C¹", "c１"]  # noqa: RUF001
    tenants = ["green", "GREEN", str(shop.pk), str(shop.pk).upper(), shop.pk.hex]
    for username, tenant in zip(names, tenants, strict=True):
        assert guess(addresses(), username=username, tenant=tenant).status_code == 401

    assert guess(addresses()).status_code == 429


# --- whose guesses they are -------------------------------------------------------------------


def test_a_strangers_guesses_keep_nobody_from_their_own_till(clock, cashier, addresses):
    AuthSessionFactory(user=cashier, ip=HOME)
    assert guesses(6, addresses)[-1] == 429

    assert attempt(HOME).status_code == 200
    assert attempt(addresses()).status_code == 429


def test_at_ones_own_till_there_are_only_five_guesses_as_well(clock, cashier):
    AuthSessionFactory(user=cashier, ip=HOME)

    assert guesses(6) == [401] * 5 + [429]


@pytest.mark.parametrize("who", ["a colleague", "the same name elsewhere", "oneself long ago"])
def test_a_till_is_known_only_by_those_who_were_there_lately(
    who, clock, cashier, other_cashier, foreign, addresses
):
    user = {"a colleague": other_cashier, "the same name elsewhere": foreign.cashier}
    session = AuthSessionFactory(user=user.get(who, cashier), ip=HOME)
    if who == "oneself long ago":
        clock.shift(30 * 24 * 3600 + 1)
    assert session.ip == HOME
    guesses(5, addresses)

    assert attempt(HOME).status_code == 429


# --- guesses from one address -----------------------------------------------------------------


def test_attack_024_one_password_for_two_hundred_people_is_stopped_by_the_address(clock, hashes):
    hashes.restart()
    statuses = [guess(username=f"person{number}").status_code for number in range(200)]

    assert statuses == [401] * 10 + [429] * 190
    assert hashes.count == 10
    assert guess("203.0.113.1", username="somebody").status_code == 401
    clock.shift(60)
    assert guess(username="somebody").status_code == 401


def test_log_ins_that_succeed_are_no_failures(clock, shop):
    people = [UserFactory(tenant=shop).username for _ in range(29)]

    statuses = {attempt(username=username).status_code for username in people}

    assert statuses == {200}


def test_there_is_an_end_to_those_as_well(clock, shop):
    statuses = [attempt().status_code for _ in range(31)]

    assert statuses == [200] * 30 + [429]


def test_all_addresses_of_an_ipv6_network_are_one(clock):
    hosts = [f"2001:db8:0:1::{number:x}" for number in range(1, 11)]
    statuses = [guess(host, username=f"person{i}").status_code for i, host in enumerate(hosts)]

    assert statuses == [401] * 10
    assert guess("2001:db8:0:1:ffff::1", username="more").status_code == 429
    assert guess("2001:db8:0:2::1", username="more").status_code == 401


def test_an_ipv4_address_in_ipv6_spelling_is_the_same_address(clock):
    for number in range(10):
        guess(HOME, username=f"person{number}")

    assert guess(f"::ffff:{HOME}", username="more").status_code == 429


def test_what_is_sent_before_the_proxys_own_word_changes_nothing(clock):
    addresses = [f"203.0.113.{number}, {HOME}" for number in range(11)]
    statuses = [guess(at, username=at[:14]).status_code for at in addresses]

    assert statuses == [401] * 10 + [429]


def test_without_a_proxy_the_header_changes_nothing(clock, settings, addresses):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 0}
    statuses = [guess(addresses(), username=f"person{i}").status_code for i in range(11)]

    assert statuses == [401] * 10 + [429]


def test_attack_023_all_that_is_no_address_counts_as_one(clock):
    garbage = ["'; DROP TABLE x", ",,, ,", "9" * 8000, "192.0.2.7:80", "::1::", "unknown", "%eth0"]
    statuses = [guess(at, username=f"person{i}").status_code for i, at in enumerate(garbage * 2)]

    assert statuses == [401] * 10 + [429] * 4


def test_a_zone_does_not_make_another_address(clock):
    statuses = [guess(f"fe80::1%eth{i}", username=f"person{i}").status_code for i in range(11)]

    assert statuses == [401] * 10 + [429]


# --- a whole shop -----------------------------------------------------------------------------


@pytest.mark.once
def test_a_shop_is_guessed_at_three_hundred_times_a_minute_and_no_more(clock, foreign):
    statuses = [
        guess(f"198.51.{number // 250}.{number % 250}", username=f"person{number}").status_code
        for number in range(301)
    ]

    assert statuses == [401] * 300 + [429]
    assert guess("203.0.113.1", tenant=foreign.tenant.slug).status_code == 401


# --- nothing that people type is kept ---------------------------------------------------------


def test_a_password_in_the_place_of_the_name_is_kept_nowhere():
    guess(username="seven-green-bottles")

    assert Throttle.objects.count() == 5
    assert "seven-green-bottles" not in repr(list(Throttle.objects.values()))


# --- a busy machine ---------------------------------------------------------------------------


@pytest.fixture
def all_cores_hashing(monkeypatch, settings):
    """Every core is hashing, and goes on with it."""
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    monkeypatch.setattr(hashers, "MAX_WAIT_SECONDS", 0.01)
    for _ in range(hashers.CORES):
        assert hashers._slots.acquire(blocking=False)
    yield
    for _ in range(hashers.CORES):
        hashers._slots.release()


def test_a_busy_machine_says_when_to_come_again(all_cores_hashing, problem):
    # The quick hash of the factories is unknown to the hashers of now: one is made up for it.
    response = attempt()

    problem(response, 503, "busy")
    assert response["Retry-After"] == "2"
    assert snapshot_sessions() == 0


@pytest.mark.parametrize("who", [{}, {"username": "nobody"}, {"tenant": "nowhere"}])
def test_it_says_so_to_everybody_and_counts_no_guess(who, clock, all_cores_hashing):
    statuses = [attempt(**who).status_code for _ in range(12)]

    assert statuses == [503] * 12

"""Rate limits for password guesses, per user, address and shop."""

from itertools import count

import pytest

from accounts.models import Throttle
from accounts.security import hashers
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.api import Api
from tests.support.users import LOG_IN, build_credentials, count_sessions

HOME = "192.0.2.7"

pytestmark = pytest.mark.usefixtures("cashier", "trust_proxy")


@pytest.fixture
def trust_proxy(settings):
    """Use the last address in X-Forwarded-For, which our own proxy adds."""
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


@pytest.fixture
def addresses():
    """Return a function that gives a new address at each call, like a botnet."""
    numbers = count(1)
    return lambda: f"198.51.100.{next(numbers)}"


def attempt(at=HOME, **changes):
    return Api().post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


def guess(at=HOME, **changes):
    return attempt(at, password="wrong", **changes)


def guess_times(number, at=HOME, **changes):
    """Return the statuses of so many guesses; `at` is an address or a function that makes one."""
    address = at if callable(at) else lambda: at
    return [guess(address(), **changes).status_code for _ in range(number)]


def check_refusal(response, seconds=None):
    """Return the refusal without its request id."""
    assert response.status_code == 429
    problem = response.json()
    assert response["Retry-After"] == str(problem["retry_after"])
    assert seconds is None or problem["retry_after"] == seconds
    return {name: value for name, value in problem.items() if name != "request_id"}


# --- guesses at one user -----------------------------------------------------------------------


def test_attack_018_after_five_guesses_even_the_correct_password_waits(clock, problem):
    assert guess_times(5) == [401] * 5

    response = attempt()

    problem(response, 429, "too_many_attempts")
    assert response["Retry-After"] == "2"
    assert response.json()["retry_after"] == 2
    clock.shift(2)
    assert attempt().status_code == 200


def test_each_further_guess_doubles_the_wait_up_to_fifteen_minutes(clock, addresses):
    guess_times(5, addresses)
    waits = []

    for _ in range(11):
        wait = int(guess(addresses())["Retry-After"])
        waits.append(wait)
        clock.shift(wait)
        assert guess(addresses()).status_code == 401

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_successful_login_resets_the_guesses(clock, addresses):
    guess_times(4, addresses)
    assert attempt().status_code == 200

    assert guess_times(6, addresses) == [401] * 5 + [429]


def test_guesses_are_forgotten_after_twelve_hours(clock, addresses):
    guess_times(5, addresses)
    clock.shift(12 * 3600)

    assert guess_times(6, addresses) == [401] * 5 + [429]


def test_refused_attempt_costs_no_hash_and_does_not_extend_the_wait(clock, hashes):
    guess_times(5)
    hashes.restart()

    refusals = [check_refusal(guess(), seconds=2) for _ in range(20)]

    assert hashes.count == 0
    assert all(refusal == refusals[0] for refusal in refusals)


@pytest.mark.parametrize("nobody", [{"username": "nobody"}, {"tenant": "nowhere"}])
def test_unknown_users_and_shops_are_limited_like_known_ones(nobody, clock, hashes):
    guess_times(5, "203.0.113.1")
    hashes.restart()

    assert guess_times(5, "203.0.113.2", **nobody) == [401] * 5
    assert hashes.count == 5
    assert check_refusal(guess("203.0.113.2", **nobody)) == check_refusal(guess("203.0.113.1"))


def test_attack_020_same_username_in_another_shop_is_not_limited(clock, foreign):
    guess_times(6)

    assert guess(tenant=foreign.tenant.slug).status_code == 401
    assert attempt(tenant=foreign.tenant.slug).status_code == 200


def test_attack_021_all_spellings_of_user_and_shop_share_one_count(clock, shop, addresses):
    names = ["c1", "C1", "ｃ１", "C¹", "c１"]  # noqa: RUF001
    tenants = ["green", "GREEN", str(shop.pk), str(shop.pk).upper(), shop.pk.hex]
    for username, tenant in zip(names, tenants, strict=True):
        assert guess(addresses(), username=username, tenant=tenant).status_code == 401

    assert guess(addresses()).status_code == 429


# --- known addresses ---------------------------------------------------------------------------


def test_guesses_from_elsewhere_do_not_lock_a_known_address(clock, cashier, addresses):
    AuthSessionFactory(user=cashier, ip=HOME)
    assert guess_times(6, addresses)[-1] == 429

    assert attempt(HOME).status_code == 200
    assert attempt(addresses()).status_code == 429


def test_known_address_also_has_five_guesses(clock, cashier):
    AuthSessionFactory(user=cashier, ip=HOME)

    assert guess_times(6) == [401] * 5 + [429]


@pytest.mark.parametrize("who", ["a colleague", "the same name elsewhere", "oneself long ago"])
def test_address_is_known_only_for_recent_sessions_of_that_user(
    who, clock, cashier, other_cashier, foreign, addresses
):
    user = {"a colleague": other_cashier, "the same name elsewhere": foreign.cashier}
    session = AuthSessionFactory(user=user.get(who, cashier), ip=HOME)
    if who == "oneself long ago":
        clock.shift(30 * 24 * 3600 + 1)
    assert session.ip == HOME
    guess_times(5, addresses)

    assert attempt(HOME).status_code == 429


# --- guesses from one address -----------------------------------------------------------------


@pytest.mark.slow
def test_attack_024_password_spraying_is_limited_per_address(clock, hashes):
    hashes.restart()
    statuses = [guess(username=f"person{number}").status_code for number in range(200)]

    assert statuses == [401] * 10 + [429] * 190
    assert hashes.count == 10
    assert guess("203.0.113.1", username="somebody").status_code == 401
    clock.shift(60)
    assert guess(username="somebody").status_code == 401


def test_successful_logins_do_not_count_as_failures(clock, shop):
    people = [UserFactory(tenant=shop).username for _ in range(29)]

    statuses = {attempt(username=username).status_code for username in people}

    assert statuses == {200}


def test_successful_logins_are_limited_per_address(clock, shop):
    statuses = [attempt().status_code for _ in range(31)]

    assert statuses == [200] * 30 + [429]


def test_addresses_of_one_ipv6_network_are_counted_as_one(clock):
    hosts = [f"2001:db8:0:1::{number:x}" for number in range(1, 11)]
    statuses = [guess(host, username=f"person{i}").status_code for i, host in enumerate(hosts)]

    assert statuses == [401] * 10
    assert guess("2001:db8:0:1:ffff::1", username="more").status_code == 429
    assert guess("2001:db8:0:2::1", username="more").status_code == 401


def test_mapped_ipv4_address_is_counted_as_ipv4(clock):
    for number in range(10):
        guess(HOME, username=f"person{number}")

    assert guess(f"::ffff:{HOME}", username="more").status_code == 429


def test_addresses_before_the_proxys_own_are_ignored(clock):
    addresses = [f"203.0.113.{number}, {HOME}" for number in range(11)]
    statuses = [guess(at, username=at[:14]).status_code for at in addresses]

    assert statuses == [401] * 10 + [429]


def test_forwarded_header_is_ignored_without_a_proxy(clock, settings, addresses):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 0}
    statuses = [guess(addresses(), username=f"person{i}").status_code for i in range(11)]

    assert statuses == [401] * 10 + [429]


def test_attack_023_invalid_addresses_are_counted_as_one(clock):
    garbage = ["'; DROP TABLE x", ",,, ,", "9" * 8000, "192.0.2.7:80", "::1::", "unknown", "%eth0"]
    statuses = [guess(at, username=f"person{i}").status_code for i, at in enumerate(garbage * 2)]

    assert statuses == [401] * 10 + [429] * 4


def test_ipv6_zone_is_ignored(clock):
    statuses = [guess(f"fe80::1%eth{i}", username=f"person{i}").status_code for i in range(11)]

    assert statuses == [401] * 10 + [429]


# --- guesses at one shop -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.once
def test_guesses_per_shop_are_limited_to_three_hundred_a_minute(clock, foreign):
    statuses = [
        guess(f"198.51.{number // 250}.{number % 250}", username=f"person{number}").status_code
        for number in range(301)
    ]

    assert statuses == [401] * 300 + [429]
    assert guess("203.0.113.1", tenant=foreign.tenant.slug).status_code == 401


# --- no input is stored ------------------------------------------------------------------------


def test_password_entered_as_username_is_not_stored():
    guess(username="seven-green-bottles")

    assert Throttle.objects.count() == 5
    assert "seven-green-bottles" not in repr(list(Throttle.objects.values()))


# --- a busy machine ---------------------------------------------------------------------------


@pytest.fixture
def all_cores_hashing(monkeypatch, settings):
    """Occupy all cores with hashing."""
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    monkeypatch.setattr(hashers, "MAX_WAIT_SECONDS", 0.01)
    for _ in range(hashers.CORES):
        assert hashers.get_slots().acquire(blocking=False)
    yield
    for _ in range(hashers.CORES):
        hashers.get_slots().release()


def test_busy_server_returns_503_with_retry_after(all_cores_hashing, problem):
    # The hash of the factories is unknown to these hashers, so a dummy hash is computed.
    response = attempt()

    problem(response, 503, "busy")
    assert response["Retry-After"] == "2"
    assert count_sessions() == 0


@pytest.mark.parametrize("who", [{}, {"username": "nobody"}, {"tenant": "nowhere"}])
def test_busy_server_returns_503_for_everybody_and_counts_no_guess(who, clock, all_cores_hashing):
    statuses = [attempt(**who).status_code for _ in range(12)]

    assert statuses == [503] * 12

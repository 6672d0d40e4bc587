"""Many log-in attempts at the same time, with wrong and with correct passwords."""

import time
from threading import Lock

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, UserFactory
from tests.support.api import Api
from tests.support.parallel import run_concurrently, statuses
from tests.support.users import LOG_IN, build_credentials, count_sessions

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

WAIT = 30


@pytest.fixture(autouse=True)
def trust_proxy(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


def attempt(at, **changes):
    return Api().post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


class Answers:
    """Release the held hashers when all other requests have an answer."""

    def __init__(self, hashes, expected):
        self.hashes = hashes
        self.left = expected
        self.lock = Lock()

    def see(self, response):
        with self.lock:
            self.left -= 1
            if self.left == 0:
                self.hashes.release()
        return response


@pytest.mark.slow
@pytest.mark.parametrize("place", [lambda i: f"198.51.100.{i}", lambda i: "198.51.100.1"])
def test_attack_019_five_of_a_hundred_simultaneous_guesses_are_checked(
    place, clock, cashier, hashes
):
    """The correct password is among the last fifty, sent while those five are being hashed."""
    hashes.restart()
    hashes.hold(awaited=5)
    answers = Answers(hashes, expected=95)

    def guess(number):
        if number >= 50:
            assert hashes.reached.wait(WAIT)
        password = PASSWORD if number == 75 else f"wrong {number}"
        return answers.see(attempt(place(number), password=password))

    responses = run_concurrently([lambda number=number: guess(number) for number in range(100)])

    assert statuses(responses) == {401: 5, 429: 95}
    assert hashes.count == 5
    assert count_sessions() == 0


@pytest.mark.slow
def test_attack_027_fifty_simultaneous_logins_succeed_or_get_503_with_retry_after(shop, settings):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    names = [UserFactory(tenant=shop).username for _ in range(50)]
    with across_tenants():
        User.objects.update(password=make_password(PASSWORD))
    seconds = []

    def log_in(number):
        started = time.monotonic()
        response = attempt(f"198.51.100.{number}", username=names[number])
        seconds.append(time.monotonic() - started)
        return response

    responses = run_concurrently([lambda number=number: log_in(number) for number in range(50)])

    assert statuses(responses).keys() <= {200, 503}
    assert all(r["Retry-After"] for r in responses if r.status_code == 503)
    assert count_sessions() == statuses(responses)[200] > 0
    assert sorted(seconds)[47] < WAIT

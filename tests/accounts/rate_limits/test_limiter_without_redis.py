"""Rate limits while Redis is unavailable."""

import re
import time

import pytest

from accounts.models import Throttle
from accounts.security.rate_limits import redis_store
from accounts.security.rate_limits.limiter import Bucket, Window, count_attempt
from tests.support import redis_server
from tests.support.api import Api
from tests.support.discovery import ROOT
from tests.support.parallel import run_times, statuses
from tests.support.rate_limits import count_in_redis
from tests.support.users import LOG_IN, build_credentials

pytestmark = [pytest.mark.redis, pytest.mark.django_db]

CALLS = Bucket(Window("calls", limit=1000, seconds=600.0), ("192.0.2.7",))
# Both time-outs of the settings, and the time for the rest on a busy machine.
MAX_DELAY = 0.25 + 0.25 + 0.5
QUICK = 0.2


def count_and_measure():
    started = time.monotonic()
    count_attempt([CALLS])
    return time.monotonic() - started


def count_rows():
    return Throttle.objects.count()


@pytest.fixture
def redis_server_under_test(private_redis, settings, monkeypatch):
    """Count in a Redis server that the test can stop."""
    count_in_redis(private_redis.url, settings, monkeypatch)
    monkeypatch.setattr(redis_store, "REDIS_RETRY_SECONDS", 0.5)
    return private_redis


def test_database_is_not_used_while_redis_is_available(redis_server_under_test):
    count_attempt([CALLS])

    assert count_rows() == 0


def test_counting_falls_back_to_the_database_and_returns_to_redis(redis_server_under_test):
    count_attempt([CALLS])
    redis_server_under_test.stop()

    delays = [count_and_measure() for _ in range(5)]
    assert Throttle.objects.get().count == 5
    assert max(delays) < MAX_DELAY

    redis_server_under_test.start()
    time.sleep(0.5)
    count_attempt([CALLS])
    assert Throttle.objects.get().count == 5, "Redis counts the attempts again"


def test_attack_026_requests_succeed_while_redis_is_unavailable(
    redis_server_under_test, cashier, client_of
):
    person = client_of(cashier)
    assert Api().post(LOG_IN, build_credentials()).status_code == 200
    redis_server_under_test.stop()

    assert Api().post(LOG_IN, build_credentials()).status_code == 200
    assert person.get("auth/me/").status_code == 200
    refreshed = Api().post("auth/token/refresh/", {"refresh": person.tokens.refresh})
    assert refreshed.status_code == 200


def test_attack_026_wrong_passwords_are_limited_while_redis_is_unavailable(
    redis_server_under_test, clock, cashier, hashes
):
    redis_server_under_test.stop()
    hashes.restart()

    responses = [Api().post(LOG_IN, build_credentials(password="wrong")) for _ in range(9)]

    assert statuses(responses) == {401: 5, 429: 4}
    assert hashes.count == 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_guesses_are_limited_in_redis_and_in_the_database(
    redis_server_under_test, clock, cashier, hashes
):
    """The counts are separate: at worst, each store allows its free attempts."""
    hashes.restart()

    def guess():
        return Api().post(LOG_IN, build_credentials(password="wrong"))

    first = run_times(20, guess)
    redis_server_under_test.stop()
    second = run_times(20, guess)

    assert statuses(first) == {401: 5, 429: 15}
    assert statuses(second) == {401: 5, 429: 15}
    assert hashes.count == 10


def test_unresponsive_redis_costs_one_timeout_per_retry_interval(settings, monkeypatch):
    monkeypatch.setattr(redis_store, "REDIS_RETRY_SECONDS", 1.5)
    with redis_server.unresponsive_server() as url:
        count_in_redis(url, settings, monkeypatch)

        first, *others = [count_and_measure() for _ in range(6)]
        assert 0.2 < first < MAX_DELAY
        assert max(others) < QUICK

        time.sleep(1.5)
        again, *others = [count_and_measure() for _ in range(3)]
        assert 0.2 < again < MAX_DELAY
        assert max(others) < QUICK
    assert Throttle.objects.get().count == 9


def test_full_redis_evicts_no_counters_and_the_database_counts(
    redis_server_under_test, clock, cashier, hashes
):
    """With the policy of `compose.yaml` a full Redis refuses writes and still answers reads."""
    hashes.restart()
    policy = re.search(r"--maxmemory-policy, (\S+)\]", (ROOT / "compose.yaml").read_text("utf-8"))
    with redis_server.Redis.from_url(redis_server_under_test.url) as client:
        client.config_set("maxmemory-policy", policy[1])
        client.config_set("maxmemory", "1")

    responses = [Api().post(LOG_IN, build_credentials(password="wrong")) for _ in range(9)]

    assert policy[1] == "noeviction"
    assert statuses(responses) == {401: 5, 429: 4}
    assert hashes.count == 5
    assert count_rows() > 0

"""What becomes of the counts, and of the people, when Redis goes away."""

import re
import time

import pytest

from accounts.models import Throttle
from accounts.security.rate_limits.limiter import Bucket, Window, count_attempt, stores
from tests.support import redis_server
from tests.support.api import Api
from tests.support.discovery import ROOT
from tests.support.parallel import run_times, statuses
from tests.support.rate_limits import count_in_redis
from tests.support.users import LOG_IN, build_credentials

pytestmark = [pytest.mark.redis, pytest.mark.django_db]

CALLS = Bucket(Window("calls", limit=1000, seconds=600.0), ("192.0.2.7",))
# Both time-outs of the settings, and what the rest takes on a busy machine.
LONGEST_DELAY = 0.25 + 0.25 + 0.5
QUICK = 0.2


def seconds_to_reserve():
    started = time.monotonic()
    count_attempt([CALLS])
    return time.monotonic() - started


def rows():
    return Throttle.objects.count()


@pytest.fixture
def till(private_redis, settings, monkeypatch):
    """An installation whose Redis can be stopped."""
    count_in_redis(private_redis.url, settings, monkeypatch)
    monkeypatch.setattr(stores, "REDIS_RETRY_SECONDS", 0.5)
    return private_redis


def test_while_redis_is_there_the_database_is_left_alone(till):
    count_attempt([CALLS])

    assert rows() == 0


def test_when_it_stops_counting_goes_on_in_the_database_and_comes_back_later(till):
    count_attempt([CALLS])
    till.stop()

    delays = [seconds_to_reserve() for _ in range(5)]
    assert Throttle.objects.get().count == 5
    assert max(delays) < LONGEST_DELAY

    till.start()
    time.sleep(0.5)
    count_attempt([CALLS])
    assert Throttle.objects.get().count == 5, "Redis counts again"


def test_attack_026_who_asks_meanwhile_is_not_told_and_does_not_wait(till, cashier, client_of):
    person = client_of(cashier)
    assert Api().post(LOG_IN, build_credentials()).status_code == 200
    till.stop()

    assert Api().post(LOG_IN, build_credentials()).status_code == 200
    assert person.get("auth/me/").status_code == 200
    refreshed = Api().post("auth/token/refresh/", {"refresh": person.tokens.refresh})
    assert refreshed.status_code == 200


def test_attack_026_wrong_guesses_are_limited_all_the_same(till, clock, cashier, hashes):
    till.stop()
    hashes.restart()

    responses = [Api().post(LOG_IN, build_credentials(password="wrong")) for _ in range(9)]

    assert statuses(responses) == {401: 5, 429: 4}
    assert hashes.count == 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_guesses_while_it_goes_away_are_limited_here_and_there(till, clock, cashier, hashes):
    """Each place has counts of its own: at worst there are as many free tries in either."""
    hashes.restart()

    def guess():
        return Api().post(LOG_IN, build_credentials(password="wrong"))

    first = run_times(20, guess)
    till.stop()
    second = run_times(20, guess)

    assert statuses(first) == {401: 5, 429: 15}
    assert statuses(second) == {401: 5, 429: 15}
    assert hashes.count == 10


def test_a_redis_that_never_answers_costs_its_time_out_once_a_pause(settings, monkeypatch):
    monkeypatch.setattr(stores, "REDIS_RETRY_SECONDS", 1.5)
    with redis_server.black_hole() as url:
        count_in_redis(url, settings, monkeypatch)

        first, *others = [seconds_to_reserve() for _ in range(6)]
        assert 0.2 < first < LONGEST_DELAY
        assert max(others) < QUICK

        time.sleep(1.5)
        again, *others = [seconds_to_reserve() for _ in range(3)]
        assert 0.2 < again < LONGEST_DELAY
        assert max(others) < QUICK
    assert Throttle.objects.get().count == 9


def test_a_redis_that_is_full_forgets_no_guesses_and_is_as_good_as_none(
    till, clock, cashier, hashes
):
    """It refuses to write, as `compose.yaml` has it do, and reads on; the database counts."""
    hashes.restart()
    policy = re.search(r"--maxmemory-policy, (\S+)\]", (ROOT / "compose.yaml").read_text("utf-8"))
    with redis_server.Redis.from_url(till.url) as client:
        client.config_set("maxmemory-policy", policy[1])
        client.config_set("maxmemory", "1")

    responses = [Api().post(LOG_IN, build_credentials(password="wrong")) for _ in range(9)]

    assert policy[1] == "noeviction"
    assert statuses(responses) == {401: 5, 429: 4}
    assert hashes.count == 5
    assert rows() > 0

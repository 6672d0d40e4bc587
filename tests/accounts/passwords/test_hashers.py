"""Password hashing with the production hashers."""

import time
from threading import Lock

import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    check_password,
    identify_hasher,
    make_password,
)

from accounts.exceptions import Busy
from accounts.security import hashers
from accounts.security.hashers import LeanArgon2PasswordHasher
from config import settings as production
from tests.support.parallel import run_times

PASSWORD = "seven green bottles"
# In the process of the tests, which is the only one.
CONCURRENT = hashers.CORES


@pytest.fixture(autouse=True)
def _real_hashers(settings):
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS


def test_passwords_are_hashed_by_argon2id_with_the_owasp_cost():
    encoded = make_password(PASSWORD)

    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(PASSWORD, encoded)
    assert not check_password(PASSWORD + " ", encoded)


def test_production_does_not_accept_the_fast_test_hasher():
    assert not any("MD5" in hasher for hasher in production.PASSWORD_HASHERS)


def test_same_password_gets_a_different_hash_each_time():
    assert make_password(PASSWORD) != make_password(PASSWORD)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Å", "A\u030a"),
        ("A\u030a", "\u212b"),
        ("ﬁne", "fine"),
        ("ｗｉｄｅ", "wide"),  # noqa: RUF001
        ("①", "1"),
    ],
)
def test_equivalent_unicode_spellings_match(stored, typed):
    assert check_password(typed, make_password(stored))
    assert check_password(stored, make_password(typed))


@pytest.mark.parametrize("typed", [" x", "x ", "X", "x\t", "x\u200b", "х", ""])  # noqa: RUF001
def test_different_passwords_do_not_match(typed):
    assert not check_password(typed, make_password("x"))


def test_last_character_of_a_long_password_is_significant():
    encoded = make_password("x" * 127 + "a")

    assert not check_password("x" * 127 + "b", encoded)


def test_hash_with_another_cost_is_renewed_at_a_successful_check():
    class Older(LeanArgon2PasswordHasher):
        time_cost = 1

    renewed = []

    assert check_password(PASSWORD, Older().encode(PASSWORD, "saltsaltsalt"), renewed.append)
    assert renewed == [PASSWORD]


def test_current_hash_is_not_renewed():
    renewed = []

    assert check_password(PASSWORD, make_password(PASSWORD), renewed.append)
    assert renewed == []


def test_pbkdf2_hashes_are_still_accepted():
    encoded = make_password(PASSWORD, hasher="pbkdf2_sha256")

    assert check_password(PASSWORD, encoded)
    assert identify_hasher(encoded).algorithm == "pbkdf2_sha256"


# --- one hash at a time per core ---------------------------------------------------------------


@pytest.fixture
def concurrent_hashes(monkeypatch):
    """Return a function that gives the highest number of simultaneous hashes."""
    lock, seen = Lock(), {"now": 0, "most": 0}

    def counted(work):
        def run(*args):
            with lock:
                seen["now"] += 1
                seen["most"] = max(seen.values())
            time.sleep(0.01)
            try:
                return work(*args)
            finally:
                with lock:
                    seen["now"] -= 1

        return run

    for name in ("encode", "verify"):
        monkeypatch.setattr(
            Argon2PasswordHasher, name, counted(getattr(Argon2PasswordHasher, name))
        )
    return lambda: seen["most"]


@pytest.mark.parametrize(
    ("cores", "workers", "concurrent"),
    [(1, 1, 1), (2, 1, 2), (2, 2, 1), (2, 4, 1), (8, 2, 4), (8, 3, 2), (4, 0, 4)],
)
def test_workers_of_the_web_server_share_the_cores(cores, workers, concurrent):
    assert hashers.count_concurrent_hashes(cores, workers) == concurrent


@pytest.mark.race
def test_simultaneous_hashes_are_limited_to_the_cores(concurrent_hashes):
    encoded = make_password(PASSWORD)

    checked = run_times(12, lambda: check_password(PASSWORD, encoded))
    made = run_times(12, lambda: make_password(PASSWORD).startswith("argon2$"))

    assert checked + made == [True] * 24
    assert concurrent_hashes() == min(CONCURRENT, 12)


@pytest.mark.race
def test_waiting_too_long_for_a_core_raises_busy_with_retry_after(monkeypatch):
    monkeypatch.setattr(hashers, "MAX_WAIT_SECONDS", 0.05)
    with_all_cores_taken(CONCURRENT, lambda: assert_busy(lambda: make_password(PASSWORD)))
    with_all_cores_taken(CONCURRENT, lambda: assert_busy(lambda: check_password("x", ENCODED)))

    assert check_password("x", ENCODED), "a refusal releases its core"


ENCODED = LeanArgon2PasswordHasher().encode("x", "saltsaltsalt")


def assert_busy(work):
    with pytest.raises(Busy) as refusal:
        work()
    assert refusal.value.facts == {"retry_after": 2}


def with_all_cores_taken(cores, work):
    if not cores:
        return work()
    with hashers.hashing_slot():
        return with_all_cores_taken(cores - 1, work)


def test_failed_hash_releases_its_core(monkeypatch):
    for _ in range(CONCURRENT + 1):
        with pytest.raises(UnicodeEncodeError):
            make_password("\ud800")

    assert check_password("x", ENCODED)

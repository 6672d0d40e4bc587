"""How passwords are kept, with the real hasher."""

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password

from accounts.hashers import LeanArgon2PasswordHasher
from config import settings as production

PASSWORD = "seven green bottles"


@pytest.fixture(autouse=True)
def _real_hashers(settings):
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS


def test_argon2id_with_the_cost_that_owasp_asks_for():
    encoded = make_password(PASSWORD)

    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(PASSWORD, encoded)
    assert not check_password(PASSWORD + " ", encoded)


def test_the_quick_hasher_of_the_tests_is_unknown_to_production():
    assert not any("MD5" in hasher for hasher in production.PASSWORD_HASHERS)


def test_the_same_password_never_has_the_same_hash():
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
def test_what_looks_the_same_is_the_same(stored, typed):
    assert check_password(typed, make_password(stored))
    assert check_password(stored, make_password(typed))


@pytest.mark.parametrize("typed", [" x", "x ", "X", "x\t", "x\u200b", "х", ""])  # noqa: RUF001
def test_what_differs_differs(typed):
    assert not check_password(typed, make_password("x"))


def test_a_long_password_counts_to_its_last_letter():
    encoded = make_password("x" * 127 + "a")

    assert not check_password("x" * 127 + "b", encoded)


def test_a_hash_of_other_cost_is_renewed_when_its_password_comes():
    class Older(LeanArgon2PasswordHasher):
        time_cost = 1

    renewed = []

    assert check_password(PASSWORD, Older().encode(PASSWORD, "saltsaltsalt"), renewed.append)
    assert renewed == [PASSWORD]


def test_a_present_hash_is_left_alone():
    renewed = []

    assert check_password(PASSWORD, make_password(PASSWORD), renewed.append)
    assert renewed == []


def test_pbkdf2_is_still_read():
    encoded = make_password(PASSWORD, hasher="pbkdf2_sha256")

    assert check_password(PASSWORD, encoded)
    assert identify_hasher(encoded).algorithm == "pbkdf2_sha256"

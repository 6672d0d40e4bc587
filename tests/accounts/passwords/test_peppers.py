"""Password hashes with a pepper, a secret from outside the database."""

import json
from contextlib import contextmanager

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from accounts.security import hashers
from accounts.security.hashers import PepperedArgon2PasswordHasher
from accounts.security.peppers import InvalidPeppers, parse_peppers
from config import settings as production
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.token_refresh import is_accepted, refresh_token
from tests.support.users import LOG_IN, build_credentials, can_log_in, reload_user

pytestmark = pytest.mark.once

ONE = "the-first-pepper-of-the-tests-that-protects-nothing"
TWO = "the-second-pepper-of-the-tests-that-protects-nothing"
PLAIN = [
    "accounts.security.hashers.LeanArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]


@pytest.fixture
def set_peppers(settings):
    """Return a function that sets the configured peppers."""

    def set_peppers_to(**peppers):
        settings.PASSWORD_PEPPERS = {int(name[1:]): pepper for name, pepper in peppers.items()}
        pepper = ["accounts.security.hashers.PepperedArgon2PasswordHasher"] if peppers else []
        settings.PASSWORD_HASHERS = pepper + PLAIN

    return set_peppers_to


@pytest.fixture
def hashes(monkeypatch):
    """Record each computation of a hash."""
    counted = []

    @contextmanager
    def slot():
        counted.append(1)
        yield

    monkeypatch.setattr(hashers, "hashing_slot", slot)
    return counted


def store_hash(user, encoded):
    with across_tenants():
        User.objects.filter(pk=user.pk).update(password=encoded)


# --- hashes -----------------------------------------------------------------------------------


def test_hash_uses_the_newest_pepper_and_fits_its_column(set_peppers):
    set_peppers(v1=ONE, v3=TWO)

    encoded = make_password(PASSWORD)

    assert encoded.startswith("argon2pep$v3$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(encoded.replace("$v3$", "$v9999$")) <= User._meta.get_field("password").max_length
    assert ONE not in encoded
    assert TWO not in encoded
    assert check_password(PASSWORD, encoded)
    assert not check_password(PASSWORD + " ", encoded)


def test_hash_does_not_match_without_its_pepper(set_peppers):
    set_peppers(v1=ONE)
    encoded = make_password(PASSWORD)

    set_peppers(v1=TWO)
    assert not check_password(PASSWORD, encoded)
    set_peppers()
    assert not check_password(PASSWORD, encoded)
    assert not check_password(PASSWORD, encoded.replace("argon2pep$v1$", "argon2$"))
    set_peppers(v1=ONE)
    assert check_password(PASSWORD, encoded)


@pytest.mark.parametrize(("one", "other"), [("Å", "A\u030a"), ("ﬁne", "fine"), ("①", "1")])
def test_equivalent_unicode_spellings_match(one, other, set_peppers):
    set_peppers(v1=ONE)

    assert check_password(other, make_password(one))


def test_last_character_of_a_long_password_is_significant(set_peppers):
    set_peppers(v1=ONE)

    assert not check_password("x" * 127 + "b", make_password("x" * 127 + "a"))


def test_hash_with_an_older_pepper_or_cost_must_be_updated(set_peppers):
    class Older(PepperedArgon2PasswordHasher):
        time_cost = 1

    set_peppers(v1=ONE)
    present, cheap = make_password(PASSWORD), Older().encode(PASSWORD, "s" * 22)
    hasher = PepperedArgon2PasswordHasher()
    assert [hasher.must_update(each) for each in (present, cheap)] == [False, True]

    set_peppers(v1=ONE, v2=TWO)
    assert hasher.must_update(present)
    assert hasher.safe_summary(present)["memory cost"] == 19456


# --- log-ins ----------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["argon2", "pbkdf2_sha256"])
def test_login_adds_the_pepper_to_an_unpeppered_hash(before, set_peppers, cashier):
    set_peppers()
    store_hash(cashier, make_password(PASSWORD, hasher=before))
    set_peppers(v1=ONE)

    assert not can_log_in("wrong")
    assert identify_hasher(reload_user(cashier).password).algorithm == before
    assert can_log_in(PASSWORD)
    assert reload_user(cashier).password.startswith("argon2pep$v1$")
    assert can_log_in(PASSWORD)


def test_login_replaces_the_pepper_by_the_newest(set_peppers, cashier):
    set_peppers(v1=ONE)
    store_hash(cashier, make_password(PASSWORD))
    set_peppers(v1=ONE, v2=TWO)

    assert can_log_in(PASSWORD)

    assert reload_user(cashier).password.startswith("argon2pep$v2$")
    set_peppers(v2=TWO)
    assert can_log_in(PASSWORD)


def test_renewed_hash_keeps_sessions_and_versions(set_peppers, cashier, client_of):
    set_peppers()
    store_hash(cashier, make_password(PASSWORD))
    till = client_of(cashier)
    set_peppers(v1=ONE)
    before = reload_user(cashier)

    assert can_log_in(PASSWORD)

    after = reload_user(cashier)
    assert after.password != before.password
    assert (after.version, after.token_version) == (before.version, before.token_version)
    assert is_accepted(till.tokens.access)
    assert is_accepted(refresh_token(Api(), till.tokens.refresh)["access"])


def test_renewed_hash_does_not_overwrite_a_simultaneous_password_change(set_peppers, cashier, shop):
    """Otherwise the old password would be valid again."""
    set_peppers()
    store_hash(cashier, make_password(PASSWORD))
    set_peppers(v1=ONE)
    reading = reload_user(cashier)
    new = make_password("eight green bottles")
    store_hash(cashier, new)

    assert reading.check_password(PASSWORD)

    assert reload_user(cashier).password == new
    assert authenticate(username="c1", password=PASSWORD, tenant=shop) is None


def test_missing_pepper_counts_as_wrong_password_and_is_logged(
    set_peppers, cashier, anonymous, problem, caplog
):
    set_peppers(v1=ONE)
    store_hash(cashier, make_password(PASSWORD))
    set_peppers(v2=TWO)

    problem(anonymous.post(LOG_IN, build_credentials()), 401, "invalid_credentials")

    assert "pepper_missing" in caplog.text
    assert ONE not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "kept", ["newest pepper", "older pepper", "missing pepper", "no pepper", "unusable", "nobody"]
)
def test_every_failure_costs_one_hash(kept, set_peppers, cashier, hashes):
    """The response time must not reveal which hash is stored."""
    set_peppers(v1=ONE)
    made = {"older pepper": make_password(PASSWORD), "unusable": "!"}
    set_peppers(v7=ONE)
    made["missing pepper"] = make_password(PASSWORD)
    made["no pepper"] = make_password(PASSWORD, hasher="argon2")
    set_peppers(v1=ONE, v2=TWO)
    made["newest pepper"] = make_password(PASSWORD)
    store_hash(cashier, made.get(kept, ""))
    hashes.clear()

    assert not can_log_in("wrong", username="nobody" if kept == "nobody" else "c1")

    assert len(hashes) == 1


# --- settings ---------------------------------------------------------------------------------


def test_peppers_are_parsed_by_number():
    assert parse_peppers(json.dumps({"1": ONE, "12": TWO})) == {1: ONE, 12: TWO}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ONE, "not JSON"),
        (f'"{ONE}"', "must be an object"),
        (f'["{ONE}"]', "must be an object"),
        ("null", "must be an object"),
        ("5", "must be an object"),
        (json.dumps({"0": ONE}), "a number from 1 to 9999"),
        (json.dumps({"v1": ONE}), "a number from 1 to 9999"),
        (json.dumps({"10000": ONE}), "a number from 1 to 9999"),
        (json.dumps({"": ONE}), "a number from 1 to 9999"),
        (json.dumps({"1": ONE, "2": "x" * 31}), "version 2 must have 32"),
        (json.dumps({"1": None}), "version 1 must have 32"),
        (json.dumps({"1": {"pepper": ONE}}), "version 1 must have 32"),
        (f'{{"1": "{ONE}", "1": "{TWO}"}}', "twice"),
    ],
)
def test_invalid_peppers_are_rejected_without_showing_the_secret(text, why, monkeypatch):
    with pytest.raises(InvalidPeppers, match=why) as refusal:
        parse_peppers(text)
    assert ONE not in str(refusal.value)

    monkeypatch.setenv("PASSWORD_PEPPERS", text)
    with pytest.raises(ImproperlyConfigured, match=f"PASSWORD_PEPPERS cannot be used: .*{why}"):
        production.peppers()


def test_peppers_are_optional(monkeypatch):
    monkeypatch.delenv("PASSWORD_PEPPERS", raising=False)

    assert production.peppers() == {}

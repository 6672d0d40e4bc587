"""Replacing the signing key from the command line, and starting with the outcome."""

import json
import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from accounts.security.keys import KeyRing
from config import settings as production
from tests.support.discovery import ROOT
from tests.support.key_rings import build_key_entry, build_key_ring, statuses

SECRET = "a-shared-secret-of-the-tests-that-protects-nothing"


def rotate(*options):
    """The ring that the command writes, and what it says of it."""
    out, err = StringIO(), StringIO()
    call_command("rotate_signing_key", *options, stdout=out, stderr=err)
    return KeyRing.read(out.getvalue()), err.getvalue()


@pytest.fixture
def start(monkeypatch):
    """The ring that production's settings make of these variables."""

    def started(**variables):
        for name in ("JWT_KEYS", "JWT_SIGNING_KEY"):
            monkeypatch.setenv(name, variables.get(name, ""))
        return production.key_ring()

    return started


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_three_steps_replace_a_key(alg, settings):
    settings.JWT_KEYS = KeyRing.generate("old", alg)

    for options, expected in (
        ((), ["active", "verify"]),
        (("--activate",), ["verify", "active"]),
        (("--retire",), ["retired", "active"]),
    ):
        settings.JWT_KEYS, told = rotate(*options)

        assert list(statuses(settings.JWT_KEYS).values()) == expected
        assert settings.JWT_KEYS.algorithm == alg
        assert "wait 12 hours" in told


def test_the_one_secret_of_the_simple_way_becomes_the_first_of_a_ring(settings):
    before = settings.JWT_KEYS.active

    keys, _ = rotate()

    assert keys.active == before
    assert len(keys.keys) == 2


def test_every_new_key_is_another(settings):
    (one, _), (two, _) = rotate(), rotate()

    assert one.keys[1].kid != two.keys[1].kid
    assert one.keys[1].secret != two.keys[1].secret


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_a_ring_can_be_begun_anew(alg):
    keys, _ = rotate("--anew", alg)

    assert list(statuses(keys).values()) == ["active"]
    assert keys.algorithm == alg


@pytest.mark.parametrize(
    ("option", "why"),
    [("--activate", "No new key is waiting"), ("--retire", "No key is left to retire")],
)
def test_a_step_out_of_order_is_refused(option, why):
    with pytest.raises(CommandError, match=why):
        rotate(option)


def test_secrets_are_in_the_ring_and_neither_in_what_is_said_of_it_nor_in_logs(caplog, settings):
    settings.JWT_KEYS = build_key_ring(build_key_entry("now", "active", secret=SECRET))

    keys, told = rotate()

    for key in keys.keys:
        assert key.secret not in told
        assert key.secret not in caplog.text


def test_the_ring_is_one_line_that_an_environment_can_hold(settings):
    settings.JWT_KEYS = KeyRing.generate("old", "EdDSA")

    keys, _ = rotate()

    assert "\n" not in keys.write()


# --- starting with it -------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_till_starts_with_a_ring_and_does_not_ask_for_the_one_secret(alg, start):
    keys = KeyRing.generate("now", alg)

    assert start(JWT_KEYS=keys.write()).write() == keys.write()
    assert start(JWT_KEYS=keys.write(), JWT_SIGNING_KEY=SECRET).write() == keys.write()


def test_till_starts_with_one_secret_alone(start):
    assert start(JWT_SIGNING_KEY=SECRET).active.secret == SECRET


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ([build_key_entry("a", "verify", secret=SECRET)], "one key must be active, and 0 are"),
        ([build_key_entry("a", "active", secret=SECRET, public=SECRET)], "a: HS256 has a secret"),
        (
            [build_key_entry("a", "active", "EdDSA", private=SECRET)],
            "a: its private key is not an Ed25519",
        ),
        (SECRET, "it must be a list of keys"),
    ],
)
def test_till_does_not_start_with_a_bad_ring(keys, why, start):
    with pytest.raises(ImproperlyConfigured, match=f"JWT_KEYS is not a ring of keys: {why}"):
        start(JWT_KEYS=json.dumps(keys), JWT_SIGNING_KEY=SECRET)


@pytest.mark.parametrize("short", ["", "x" * 31])
def test_till_does_not_start_without_any_key(short, start):
    with pytest.raises(ImproperlyConfigured, match="JWT_SIGNING_KEY must be set"):
        start(JWT_SIGNING_KEY=short)


def test_who_starts_with_a_bad_ring_is_told_why_and_nobody_reads_a_secret():
    keys = json.dumps([build_key_entry("a", "verify", secret=SECRET)])
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "JWT_KEYS": keys}

    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "JWT_KEYS is not a ring of keys: one key must be active" in done.stderr
    assert "rotate_signing_key" in done.stderr
    assert SECRET not in done.stderr

"""The command `rotate_signing_key`, and starting with its output."""

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
    """Return the key ring and the message that the command prints."""
    out, err = StringIO(), StringIO()
    call_command("rotate_signing_key", *options, stdout=out, stderr=err)
    return KeyRing.read(out.getvalue()), err.getvalue()


@pytest.fixture
def read_settings(monkeypatch):
    """Return a function that reads the key ring from the given environment variables."""

    def read(**variables):
        for name in ("JWT_KEYS", "JWT_SIGNING_KEY"):
            monkeypatch.setenv(name, variables.get(name, ""))
        return production.key_ring()

    return read


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_three_commands_replace_a_key(alg, settings):
    settings.JWT_KEYS = KeyRing.generate("old", alg)

    for options, expected in (
        ((), ["active", "verify"]),
        (("--activate",), ["verify", "active"]),
        (("--retire",), ["retired", "active"]),
    ):
        settings.JWT_KEYS, message = rotate(*options)

        assert list(statuses(settings.JWT_KEYS).values()) == expected
        assert settings.JWT_KEYS.algorithm == alg
        assert "wait 12 hours" in message


def test_single_secret_becomes_the_first_key(settings):
    before = settings.JWT_KEYS.active

    keys, _ = rotate()

    assert keys.active == before
    assert len(keys.keys) == 2


def test_new_keys_are_random(settings):
    (one, _), (two, _) = rotate(), rotate()

    assert one.keys[1].kid != two.keys[1].kid
    assert one.keys[1].secret != two.keys[1].secret


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_replace_all_creates_a_ring_with_one_new_key(alg):
    keys, _ = rotate("--replace-all", alg)

    assert list(statuses(keys).values()) == ["active"]
    assert keys.algorithm == alg


@pytest.mark.parametrize(
    ("option", "why"),
    [("--activate", "No new key is waiting"), ("--retire", "No key is left to retire")],
)
def test_command_without_a_candidate_key_fails(option, why):
    with pytest.raises(CommandError, match=why):
        rotate(option)


def test_secrets_are_not_in_the_message_or_in_logs(caplog, settings):
    settings.JWT_KEYS = build_key_ring(build_key_entry("now", "active", secret=SECRET))

    keys, message = rotate()

    for key in keys.keys:
        assert key.secret not in message
        assert key.secret not in caplog.text


def test_key_ring_is_printed_on_one_line(settings):
    settings.JWT_KEYS = KeyRing.generate("old", "EdDSA")

    keys, _ = rotate()

    assert "\n" not in keys.write()


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_settings_with_a_key_ring_need_no_secret(alg, read_settings):
    keys = KeyRing.generate("now", alg)

    assert read_settings(JWT_KEYS=keys.write()).write() == keys.write()
    assert read_settings(JWT_KEYS=keys.write(), JWT_SIGNING_KEY=SECRET).write() == keys.write()


def test_settings_accept_a_single_secret(read_settings):
    assert read_settings(JWT_SIGNING_KEY=SECRET).active.secret == SECRET


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
def test_settings_reject_an_invalid_key_ring(keys, why, read_settings):
    with pytest.raises(ImproperlyConfigured, match=f"JWT_KEYS cannot be used: {why}"):
        read_settings(JWT_KEYS=json.dumps(keys), JWT_SIGNING_KEY=SECRET)


@pytest.mark.parametrize("short", ["", "x" * 31])
def test_settings_reject_a_missing_or_short_secret(short, read_settings):
    with pytest.raises(ImproperlyConfigured, match="JWT_SIGNING_KEY must be set"):
        read_settings(JWT_SIGNING_KEY=short)


def test_start_with_an_invalid_key_ring_fails_without_showing_secrets():
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
    assert "JWT_KEYS cannot be used: one key must be active" in done.stderr
    assert "rotate_signing_key" in done.stderr
    assert SECRET not in done.stderr

"""`manage.py` reports missing or public secrets without a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import time_machine
from django.core import checks

from config.settings import DEVELOPMENT_KEY

ROOT = Path(__file__).resolve().parents[2]
# The environment overrides a developer's .env.
EMPTY_ENVIRONMENT = {"PATH": os.environ["PATH"], "DEBUG": "off", "SECRET_KEY": ""}
OWN_KEY = "a-key-of-ones-own-for-one-test-0123456789"
VALID_KEYS = {
    "SECRET_KEY": OWN_KEY,
    "JWT_SIGNING_KEY": OWN_KEY,
    "JWT_KEYS": "",
    "PASSWORD_PEPPERS": "",
}
PUBLIC_KEY = DEVELOPMENT_KEY
RING = [
    {"kid": "old", "alg": "HS256", "status": "verify", "secret": PUBLIC_KEY},
    {"kid": "new", "alg": "HS256", "status": "active", "secret": OWN_KEY},
]


@pytest.mark.parametrize("command", [["makemigrations", "--check"], ["migrate"], ["check"]])
def test_command_without_secrets_names_the_missing_secret(command):
    ran = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=EMPTY_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("SECRET_KEY must be set")
    assert "Traceback" not in ran.stderr


def start(**environment):
    return subprocess.run(
        [sys.executable, "manage.py", "version"],
        cwd=ROOT,
        env=EMPTY_ENVIRONMENT | VALID_KEYS | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", PUBLIC_KEY),
        ("SECRET_KEY", f" {PUBLIC_KEY} "),
        ("JWT_SIGNING_KEY", PUBLIC_KEY),
        ("SECRET_KEY_FALLBACKS", f"{OWN_KEY},{PUBLIC_KEY}"),
        ("JWT_KEYS", json.dumps(RING)),
        ("PASSWORD_PEPPERS", json.dumps({"1": PUBLIC_KEY, "2": OWN_KEY})),
    ],
)
def test_public_development_key_is_rejected_in_every_setting(name, value):
    ran = start(**{name: value})

    assert ran.returncode == 1
    assert ran.stderr.startswith(f"{name} contains the public development key")
    assert PUBLIC_KEY not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_own_keys_or_debug_mode_are_accepted():
    assert start().returncode == 0
    assert start(DEBUG="on", SECRET_KEY=PUBLIC_KEY, JWT_KEYS=json.dumps(RING)).returncode == 0


def test_model_checks_pass_at_midnight():
    """Django warns about a default time near the current time, as 00:00 is at midnight."""
    with time_machine.travel("2026-03-14T00:00:05Z", tick=False):
        messages = checks.run_checks()

    assert [message for message in messages if not message.is_silenced()] == []

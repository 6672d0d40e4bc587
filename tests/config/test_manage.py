"""The command line says what is missing, and nothing else."""

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
# What a developer's .env may say is not what this is about: the environment wins over it.
BARE = {"PATH": os.environ["PATH"], "DEBUG": "off", "SECRET_KEY": ""}
OWN = "a-key-of-ones-own-for-one-test-0123456789"
KEPT = {"SECRET_KEY": OWN, "JWT_SIGNING_KEY": OWN, "JWT_KEYS": "", "PASSWORD_PEPPERS": ""}
PUBLISHED = DEVELOPMENT_KEY
RING = [
    {"kid": "old", "alg": "HS256", "status": "verify", "secret": PUBLISHED},
    {"kid": "new", "alg": "HS256", "status": "active", "secret": OWN},
]


@pytest.mark.parametrize("command", [["makemigrations", "--check"], ["migrate"], ["check"]])
def test_a_command_without_secrets_names_the_secret(command):
    ran = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=BARE,
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
        env=BARE | KEPT | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", PUBLISHED),
        ("SECRET_KEY", f" {PUBLISHED} "),
        ("JWT_SIGNING_KEY", PUBLISHED),
        ("SECRET_KEY_FALLBACKS", f"{OWN},{PUBLISHED}"),
        ("JWT_KEYS", json.dumps(RING)),
        ("PASSWORD_PEPPERS", json.dumps({"1": PUBLISHED, "2": OWN})),
    ],
)
def test_the_published_key_is_refused_wherever_it_stands(name, value):
    ran = start(**{name: value})

    assert ran.returncode == 1
    assert ran.stderr.startswith(f"{name} contains the public development key")
    assert PUBLISHED not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_with_keys_of_ones_own_or_debugging_it_starts():
    assert start().returncode == 0
    assert start(DEBUG="on", SECRET_KEY=PUBLISHED, JWT_KEYS=json.dumps(RING)).returncode == 0


def test_the_models_are_checked_alike_at_midnight():
    """Django warns of a default time that lies near the current one, as 00:00 does then."""
    with time_machine.travel("2026-03-14T00:00:05Z", tick=False):
        messages = checks.run_checks()

    assert [message for message in messages if not message.is_silenced()] == []

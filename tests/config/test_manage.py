"""The command line says what is missing, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a developer's .env may say is not what this is about: the environment wins over it.
BARE = {"PATH": os.environ["PATH"], "DEBUG": "off", "SECRET_KEY": ""}


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

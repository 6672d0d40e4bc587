"""Checks of the Makefile before it starts anything, in a copy with only the Makefile."""

import os
import shutil
import stat
import subprocess

import pytest

from tests.support.discovery import ROOT

MISSING = "PYTHON=no-such-python does not exist. Name a Python that does, for example"


@pytest.fixture
def folder(tmp_path):
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", "-C", str(folder), *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_set_up", [False, True])
@pytest.mark.parametrize("target", ["run", "test", "check"])
def test_missing_python_is_reported(folder, target, is_set_up):
    if is_set_up:
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/python").touch()
    before = {*folder.rglob("*")}

    ran = make(folder, target, "PYTHON=no-such-python")

    assert ran.returncode == 2
    assert MISSING in ran.stderr
    assert {*folder.rglob("*")} == before


def test_missing_python_of_the_environment_is_reported(folder):
    ran = make(folder, ".venv/bin/python", PYTHON="no-such-python")

    assert ran.returncode == 2
    assert ran.stderr.startswith(MISSING)
    assert not (folder / ".venv").exists()


def test_env_file_is_created_private(folder):
    before = os.umask(0o022)
    try:
        assert make(folder, ".env").returncode == 0
    finally:
        os.umask(before)

    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert (folder / ".env").read_text() == (folder / ".env.example").read_text()


def test_port_is_checked_before_migrations_run():
    plan = make(ROOT, "--dry-run", "run", "PORT=8123").stdout

    assert "PORT=8123 .venv/bin/python -m config.development_server --check" in plan
    assert plan.index("--check") < plan.index("migrate") < plan.index("seed_demo")

"""`make resource` writes a resource that passes its own tests and those of all resources."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.discovery import ROOT
from tests.tools.resource.__main__ import CannotWrite, Resource, pluralize, write

pytestmark = [pytest.mark.once, pytest.mark.slow]
EXCLUDED = shutil.ignore_patterns(".*", "__pycache__", "*.sqlite3*", "htmlcov")


def run(folder, *command):
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path):
    """Return a copy of the project."""
    return shutil.copytree(ROOT, tmp_path / "project", ignore=EXCLUDED)


@pytest.mark.timeout(600)
def test_new_resource_passes_its_tests_and_those_of_all_resources(project):
    written = run(project, "-m", "tests.tools.resource", "--name", "gift_card", "--app", "orders")
    assert written.returncode == 0, written.stderr
    assert "orders/models/gift_card.py" in written.stdout.splitlines()
    assert len(list(project.glob("orders/migrations/*_gift_card.py"))) == 1

    lint = run(project, "-m", "ruff", "check", ".")
    assert lint.returncode == 0, lint.stdout
    pytest_options = ["-n", "0", "-q", "-p", "no:cacheprovider", "-m", "not postgres"]
    tests = run(project, "-m", "pytest", *pytest_options, "tests/orders/gift_card")
    assert tests.returncode == 0, tests.stdout
    architecture_tests = [str(path) for path in project.glob("tests/architecture/test_*.py")]
    common = run(
        project, "-m", "pytest", *pytest_options, *architecture_tests, "-k", "gift or Gift"
    )
    assert common.returncode == 0, common.stdout


@pytest.mark.parametrize(
    ("name", "app", "reason"),
    [
        ("Gift", "orders", "is not a name"),
        ("class", "orders", "is not a name"),
        ("../gift", "orders", "is not a name"),
        ("gift", "gifts", "is not an app"),
        ("order", "orders", "exists already"),
    ],
)
def test_impossible_resource_is_refused_and_nothing_is_changed(project, name, app, reason):
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*.py")}

    with pytest.raises(CannotWrite, match=reason):
        write(Resource(name, app), project)
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*.py")} == before


@pytest.mark.parametrize(
    ("one", "many"),
    [("brand", "brands"), ("category", "categories"), ("box", "boxes"), ("tray", "trays")],
)
def test_plurals(one, many):
    assert pluralize(one) == many

"""The lock files name every extra; older releases of pip refuse to install them otherwise."""

import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.discovery import ROOT

LOCKS = {
    "config/requirements.lock": ["requirements.txt"],
    "tests/requirements.lock": ["requirements.txt", "tests/requirements.txt"],
}
# Requirements start at column one; hashes and comments do not.
PINNED = re.compile(r"^[A-Za-z0-9][^\\#\n]*", re.MULTILINE)

Extras = dict[str, set[str]]


def read(text: str) -> list[Requirement]:
    return [Requirement(line.strip()) for line in PINNED.findall(text)]


def collect_extras(requirements: list[Requirement]) -> Extras:
    return {canonicalize_name(each.name): each.extras for each in requirements}


def list_requirements(name: str, extras: set[str]) -> list[Requirement]:
    """Return the requirements of an installed package; empty for packages of other platforms."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return []
    requirements = [Requirement(text) for text in texts]
    return [
        each
        for each in requirements
        if each.marker is None
        or any(each.marker.evaluate({"extra": extra}) for extra in {"", *extras})
    ]


def missing(locked: Extras, wanted: list[Requirement]) -> set[str]:
    return {
        f"{name}[{extra}]"
        for each in wanted
        for extra in each.extras
        if extra not in locked.get(name := canonicalize_name(each.name), set())
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_names_every_required_extra(lock):
    locked = collect_extras(read((ROOT / lock).read_text("utf-8")))
    required = [each for file in LOCKS[lock] for each in read((ROOT / file).read_text("utf-8"))]
    required += [
        each for name, extras in locked.items() for each in list_requirements(name, extras)
    ]

    assert any(each.extras for each in required)
    assert missing(locked, required) == set()


@pytest.mark.parametrize(
    ("lock", "lost"),
    [
        ("coverage==7.17.3 \\\n    --hash=sha256:00\n    # via pytest-cov\n", {"coverage[toml]"}),
        ("coverage[toml]==7.17.3 \\\n    --hash=sha256:00\n", set()),
    ],
)
def test_missing_extra_of_a_locked_package_is_found(lock, lost):
    locked = collect_extras(read(f"{lock}pytest-cov==7.1.0 \\\n    --hash=sha256:11\n"))

    assert missing(locked, list_requirements("pytest-cov", set())) == lost

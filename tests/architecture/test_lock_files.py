"""The lock files name every extra, without which older releases of pip refuse to install them."""

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
# A requirement begins at the margin; hashes, reasons and comments do not.
PINNED = re.compile(r"^[A-Za-z0-9][^\\#\n]*", re.MULTILINE)

Extras = dict[str, set[str]]


def read(text: str) -> list[Requirement]:
    return [Requirement(line.strip()) for line in PINNED.findall(text)]


def extras_of(requirements: list[Requirement]) -> Extras:
    return {canonicalize_name(each.name): each.extras for each in requirements}


def wanted_by(name: str, extras: set[str]) -> list[Requirement]:
    """Return what this package asks for; nothing if it is for other machines than this one."""
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
def test_a_lock_names_every_extra_that_is_asked_for(lock):
    locked = extras_of(read((ROOT / lock).read_text("utf-8")))
    asked = [each for file in LOCKS[lock] for each in read((ROOT / file).read_text("utf-8"))]
    asked += [each for name, extras in locked.items() for each in wanted_by(name, extras)]

    assert any(each.extras for each in asked)
    assert missing(locked, asked) == set()


@pytest.mark.parametrize(
    ("lock", "lost"),
    [
        ("coverage==7.17.3 \\\n    --hash=sha256:00\n    # via pytest-cov\n", {"coverage[toml]"}),
        ("coverage[toml]==7.17.3 \\\n    --hash=sha256:00\n", set()),
    ],
)
def test_an_extra_that_only_a_locked_package_asks_for_is_missed(lock, lost):
    locked = extras_of(read(f"{lock}pytest-cov==7.1.0 \\\n    --hash=sha256:11\n"))

    assert missing(locked, wanted_by("pytest-cov", set())) == lost

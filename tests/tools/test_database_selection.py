"""Selection of the database of each test in `make test`."""

from collections import Counter

import pytest

from tests.support import database_selection as selection
from tests.support.discovery import ROOT


@pytest.mark.parametrize("subject", selection.DATABASE_SUBJECTS)
def test_every_subject_has_tests(subject):
    assert [*(ROOT / "tests").rglob(f"test_*{subject}*.py")]


@pytest.mark.parametrize("folder", sorted(selection.DATABASE_FOLDERS | selection.SLOW_FOLDERS))
def test_every_folder_has_tests(folder):
    assert [*(ROOT / "tests").rglob(f"{folder}/test_*.py")]


class FakeItem:
    """The attributes of a test that the selection reads."""

    def __init__(self, path, *, case="test_a", fixtures=("db",), marks=()):
        self.path = ROOT / path
        self.nodeid = f"{path}::{case}"
        self.fixturenames = fixtures
        self.marks = [getattr(pytest.mark, name).mark for name in marks]
        self.keywords = {mark.name for mark in self.marks}

    def iter_markers(self, name=None):
        return (mark for mark in self.marks if name in {None, mark.name})


@pytest.fixture(params=[True, False], ids=["SQLite", "PostgreSQL"])
def is_sqlite(request, settings):
    settings.IS_SQLITE = request.param
    return request.param


def select(*items):
    """Return for each test whether it is slow."""
    slow = selection.select_slow([*items])
    return [item in slow for item in items]


def test_plain_test_runs_on_sqlite_and_one_of_its_folder_on_both(is_sqlite):
    files = ["tests/orders/test_a.py", "tests/orders/test_b.py", "tests/accounts/test_c.py"]

    assert select(*map(FakeItem, files)) == [False, not is_sqlite, False]


@pytest.mark.parametrize(
    "item",
    [
        {"path": "tests/orders/test_a.py", "fixtures": ("transactional_db",)},
        {"path": "tests/orders/test_a.py", "marks": ("race",)},
        {"path": "tests/orders/reports/test_a.py"},
        {"path": "tests/orders/test_constraints.py"},
    ],
)
def test_test_about_the_database_runs_on_postgresql_and_one_of_its_folder_on_both(item, is_sqlite):
    assert select(FakeItem(**item), FakeItem(**item, case="test_b")) == [False, is_sqlite]


def test_slow_test_is_no_sample(is_sqlite):
    path = "tests/orders/test_a.py"
    items = [FakeItem(path, marks=("slow",)), FakeItem(path)]

    assert select(*items) == [True, False]


@pytest.mark.parametrize(
    "only", [{"marks": ("postgres",)}, {"marks": ("once",)}, {"fixtures": ()}], ids=str
)
def test_test_of_one_database_is_not_slow(only, is_sqlite):
    items = [FakeItem("tests/orders/test_a.py", case=f"test_{n}", **only) for n in range(2)]

    assert select(*items) == [False, False]


def test_of_many_cases_in_the_database_a_sample_is_run(is_sqlite):
    path = "tests/architecture/test_a.py"
    cases = [FakeItem(path, case=f"test_a[{n}]", marks=("once",)) for n in range(40)]

    assert select(*cases).count(False) == selection.SAMPLE_SIZE
    assert select(*cases) == select(*reversed(cases))[::-1]
    assert select(*cases, *cases[:1])[: len(cases)] == select(*cases)


def test_sample_is_of_each_test_and_cases_without_a_database_all_run(is_sqlite):
    path = "tests/architecture/test_a.py"
    small = selection.SAMPLE_SIZE
    items = [
        *(FakeItem(path, case=f"test_b[{n}]", marks=("once",)) for n in range(small)),
        *(FakeItem(path, case=f"test_c[{n}]", marks=("once",)) for n in range(small)),
        *(FakeItem(path, case=f"test_d[{n}]", fixtures=()) for n in range(40)),
    ]

    assert not any(select(*items))


def test_sample_of_a_slow_folder_runs_on_one_database(is_sqlite):
    items = [FakeItem("tests/fuzz/test_a.py", marks=("sample",)), FakeItem("tests/fuzz/test_b.py")]

    assert select(*items) == [not is_sqlite, True]


def test_every_collected_test_runs_on_each_database_that_it_applies_to(request, settings):
    """Together, `make test` and `make endure` run everything, and `make test` a part of each test.

    With `make test` these are all tests, because the selection records them before it selects.
    """
    collected = request.config.stash[selection.COLLECTED]
    runs, in_make_test = Counter(), set()
    for settings.IS_SQLITE in (True, False):
        applicable = [item for item in collected if selection.applies(item)]
        runs.update(applicable)
        in_make_test |= {*applicable} - selection.select_slow(applicable)

    once = {item for item in collected if selection.is_for_one_database(item)}
    assert {item.nodeid for item in collected if runs[item] != (1 if item in once else 2)} == set()
    fast = {item for item in collected if not selection.is_slow(item)}
    assert list_names(fast) == list_names(in_make_test)


def list_names(items):
    """Return the names of the tests without their parameters."""
    return {item.nodeid.partition("[")[0] for item in items}


def test_make_runs_slow_and_other_tests():
    """The two expressions exclude each other, on each database."""
    commands = (ROOT / "Makefile").read_text()

    assert "FAST := $(if $(ARGS),, and not slow)" in commands
    for database in ("postgres", "sqlite"):
        assert f'-m "not {database}$(FAST)"' in commands
        assert f'-m "slow and not {database}"' in commands

"""Selection of the database of each test in `make test`."""

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

    def __init__(self, path, *, fixtures=("db",), marks=()):
        self.path = ROOT / path
        self.fixturenames = fixtures
        self.marks = [getattr(pytest.mark, name).mark for name in marks]
        self.keywords = {mark.name for mark in self.marks}

    def iter_markers(self, name=None):
        return (mark for mark in self.marks if name in {None, mark.name})

    def add_marker(self, mark):
        self.keywords.add(mark.name)


@pytest.fixture(params=[True, False], ids=["SQLite", "PostgreSQL"])
def is_sqlite(request, settings):
    settings.IS_SQLITE = request.param
    return request.param


def select(*items):
    """Return for each test whether it is slow."""
    selection.mark_other_database([*items])
    return ["slow" in item.keywords for item in items]


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
    assert select(FakeItem(**item), FakeItem(**item)) == [False, is_sqlite]


def test_slow_test_is_no_sample(is_sqlite):
    path = "tests/orders/test_a.py"
    items = [FakeItem(path, marks=("slow",)), FakeItem(path)]

    assert select(*items) == [True, False]


@pytest.mark.parametrize(
    "only", [{"marks": ("postgres",)}, {"marks": ("once",)}, {"fixtures": ()}], ids=str
)
def test_test_of_one_database_is_not_slow(only, is_sqlite):
    items = [FakeItem("tests/orders/test_a.py", **only) for _ in range(2)]

    assert select(*items) == [False, False]

"""Test selection: which tests run on which database, and which of them are slow.

A test that uses the database runs on both. `make test` runs it on one: on PostgreSQL if it commits,
races or concerns the database itself, otherwise on SQLite. On the other database it runs the first
test of each folder. Of a test with many cases in the database it runs a sample. `make endure` runs
the rest: every test is in one of the two commands on each database that it applies to.
"""

import os
import select
from collections.abc import Iterable
from ctypes.util import find_library
from functools import cache
from shutil import which
from zlib import crc32

import pytest
from django.conf import settings

from orders.services.documents.renderers.fonts import list_missing_packages
from tests.support import redis_server
from tests.support.schema_digest import ROOT

DATABASE_MARKS = {"django_db", "postgres"}
SLOW_FOLDERS = {"fuzz", "live", "stateful"}
# The cases of one test that `make test` runs; each takes a new shop in the database.
SAMPLE_SIZE = 1
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}
COMMITTING_FIXTURES = {"transactional_db", "live_server"}
# Files about statements, plans, constraints, triggers, locks and policies.
DATABASE_FOLDERS = {"database", "performance", "reports"}
DATABASE_SUBJECTS = (
    "append_only", "bulk_insert", "change_feed", "constraints", "filters", "idempotency_keys",
    "immutable", "limiter", "lists", "outbox", "pagination", "pruning",
    "query_counts", "search",
)  # fmt: skip

# Folders and files about plans, statement counts, messages, locks and databases of one PostgreSQL.
# `make cluster` leaves them out, like the tests with the mark `one_server`.
ONE_SERVER_SUBJECTS = (
    "fast_entries", "query_plans", "query_counts", "generic_plans", "messages", "pipeline",
    "session_check", "both_ways", "limiter", "sales_summary", "test_backup", "test_citus",
    "test_roles", "test_upgrades", "order_locked_during_payment", "concurrent_indexes",
)  # fmt: skip

# Added to the tests that only `make endure` runs; the argument distinguishes it from their own.
IN_ENDURE = pytest.mark.slow(by="selection")
# The database of tests.support.cluster.
IS_CLUSTER = "TEST_KEPT_DATABASE" in os.environ
COLLECTED = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that do not apply to this database or machine, whatever `-m` says.

    First, so that `-m` sees the marks that tests get here.
    """
    config.stash[COLLECTED] = [*items]
    left_out = {item for item in items if not (applies(item) and can_run(item))}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    for item in select_slow(items):
        item.add_marker(IN_ENDURE)


def applies(item: pytest.Item) -> bool:
    """Return whether a test concerns this database; those without a database run on SQLite."""
    # With fast entries, which need PostgreSQL, nothing behaves as in the run on SQLite.
    if IS_CLUSTER and concerns_one_server(item):
        return False
    once = set() if item.config.getoption("before_django") else {"once"}
    foreign = {"postgres"} if settings.IS_SQLITE else {"sqlite"} | once
    return not foreign & set(item.keywords) and (settings.IS_SQLITE or uses_database(item))


def concerns_one_server(item: pytest.Item) -> bool:
    place = item.path.relative_to(ROOT).as_posix()
    named = any(subject in place for subject in ONE_SERVER_SUBJECTS)
    return named or "one_server" in item.keywords


def can_run(item: pytest.Item) -> bool:
    """Return whether this machine has what a test needs."""
    return not missing_programs() & set(item.keywords)


@cache
def missing_programs() -> frozenset[str]:
    """Return the markers of tests that this machine cannot run."""
    there = {
        "redis": redis_server.is_available(),
        "pdf": can_draw_pdf(),
        "fonts": not list_missing_packages(),
        "npm": which("npm") is not None,
        "browser": which("chromium") is not None,
        "epoll": hasattr(select, "epoll"),
    }
    return frozenset(name for name, is_there in there.items() if not is_there)


def select_slow(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return the tests of this database that only `make endure` runs."""
    slow = {item for item in items if is_slow(item)}
    slow |= select_beyond_sample(item for item in items if item not in slow)
    return slow | select_other_database(item for item in items if item not in slow)


def is_slow(item: pytest.Item) -> bool:
    """Return whether a test is slow by its own marker or by its folder."""
    folder = item.path.relative_to(ROOT).parts[1]
    return any(not mark.kwargs for mark in item.iter_markers("slow")) or (
        folder in SLOW_FOLDERS and "sample" not in item.keywords
    )


def select_beyond_sample(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the cases of each test beyond its sample, which the checksums of their names decide.

    So the sample of a table of routes and roles contains neither only one role nor only one route,
    and a new case changes one other case at most.
    """
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if uses_database(item):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {
        case
        for cases in tests.values()
        for case in sorted(cases, key=lambda case: crc32(case.nodeid.encode()))[SAMPLE_SIZE:]
    }


def select_other_database(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return tests that `make test` runs on the other database, except one of each folder."""
    others = [
        item
        for item in items
        if not is_for_one_database(item) and is_about_postgres(item) == settings.IS_SQLITE
    ]
    first = {item.path.parent: item for item in reversed(others) if "sample" not in item.keywords}
    return {item for item in others if first.get(item.path.parent) is not item}


def is_for_one_database(item: pytest.Item) -> bool:
    return bool({"postgres", "sqlite", "once"} & set(item.keywords)) or not uses_database(item)


def is_about_postgres(item: pytest.Item) -> bool:
    """Return whether `make test` runs this test on PostgreSQL."""
    commits = bool(COMMITTING_FIXTURES & set(getattr(item, "fixturenames", ()))) or any(
        mark.kwargs.get("transaction") for mark in item.iter_markers("django_db")
    )
    return (
        commits
        or "race" in item.keywords
        or bool(DATABASE_FOLDERS & set(item.path.relative_to(ROOT).parts))
        or any(subject in item.path.stem for subject in DATABASE_SUBJECTS)
    )


def uses_database(item: pytest.Item) -> bool:
    """Return whether a test uses the database; all others run once, on SQLite."""
    fixtures = DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or DATABASE_MARKS & {mark.name for mark in item.iter_markers()})


def can_draw_pdf() -> bool:
    """Return whether Pango is installed, without loading it, which takes seconds."""
    return find_library("pango-1.0") is not None and find_library("pangoft2-1.0") is not None


def pytest_report_header() -> list[str]:
    """Name what is missing, because the tests that need it are deselected."""
    return [f"no {name}: its tests are left out" for name in sorted(missing_programs())]

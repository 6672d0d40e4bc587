"""Test selection: which tests run on which database, and which of them are slow.

A test that uses the database runs on both. `make test` runs it on one: on PostgreSQL if it commits,
races or concerns the database itself, otherwise on SQLite. On the other database it runs the first
test of each folder, and `make endure` runs the rest.
"""

from ctypes.util import find_library

import pytest
from django.conf import settings

from tests.support import redis_server
from tests.support.schema_digest import ROOT

DATABASE_MARKS = {"django_db", "postgres"}
SLOW_FOLDERS = {"fuzz", "live", "stateful"}
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}
COMMITTING_FIXTURES = {"transactional_db", "live_server"}
# Files about statements, plans, constraints, triggers, locks and policies.
DATABASE_FOLDERS = {"database", "performance", "reports"}
DATABASE_SUBJECTS = (
    "append_only", "bulk_insert", "change_feed", "constraints", "filters", "idempotency_keys",
    "immutable", "limiter", "lists", "outbox", "pagination", "pruning",
    "query_counts", "search",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that do not apply to this database or machine, for any value of `-m`.

    First, so that `-m` sees the marks that tests get here.
    """
    mark_slow_folders(config, items)
    foreign = {"postgres"} if settings.IS_SQLITE else {"sqlite", "once"}
    if not redis_server.is_available():
        foreign.add("redis")
    if not can_draw_pdf():
        foreign.add("pdf")
    left_out = {
        item
        for item in items
        if foreign & set(item.keywords) or not (settings.IS_SQLITE or uses_database(item))
    }
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    mark_other_database(items)


def mark_slow_folders(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the fuzz, live and stateful tests as slow, except the sample that `make test` runs."""
    for item in items:
        folder = item.path.relative_to(config.rootpath).parts[1]
        if folder in SLOW_FOLDERS and "sample" not in item.keywords:
            item.add_marker(pytest.mark.slow)


def mark_other_database(items: list[pytest.Item]) -> None:
    """Mark tests as slow that `make test` runs on the other database, except one of each folder."""
    sampled = set()
    for item in items:
        if is_for_one_database(item) or is_about_postgres(item) != settings.IS_SQLITE:
            continue
        if item.path.parent in sampled:
            item.add_marker(pytest.mark.slow)
        elif "slow" not in item.keywords:
            sampled.add(item.path.parent)


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
    """Name the libraries that are missing, because their tests are deselected."""
    there = {"Redis": redis_server.is_available(), "Pango": can_draw_pdf()}
    return [
        f"no {name}: its tests are left out" for name, is_there in there.items() if not is_there
    ]

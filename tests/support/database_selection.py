"""Which tests run where: each engine has its own lane, and what is alike runs in one of them."""

from ctypes.util import find_library

import pytest
from django.conf import settings

from tests.support import redis_server

DATABASE_MARKS = {"django_db", "postgres"}
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what means nothing on this database, also where nobody says `-m`."""
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


def uses_database(item: pytest.Item) -> bool:
    """What does not is the same on either engine, and is tested once: on SQLite."""
    fixtures = DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or DATABASE_MARKS & {mark.name for mark in item.iter_markers()})


def can_draw_pdf() -> bool:
    """Whether this machine has the library, without the seconds that loading it takes."""
    return find_library("pango-1.0") is not None and find_library("pangoft2-1.0") is not None


def pytest_report_header() -> list[str]:
    """Say so once: a run without Redis or Pango looks like any other."""
    there = {"Redis": redis_server.is_available(), "Pango": can_draw_pdf()}
    return [
        f"no {name}: its tests are left out" for name, is_there in there.items() if not is_there
    ]

"""All rows of the database, to check that a refusal changed none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps

from tenants.scope import across_tenants

OURS = {"tenants", "accounts", "orders"}
# Every request may write these: the key of a refused request, and the last use of a
# session.
WRITTEN_BY_EVERY_REQUEST = {"IdempotencyKey", "AuthSession"}

Rows = dict[str, list[dict[str, Any]]]


def snapshot_database(*, but: set[str] = frozenset()) -> Rows:  # type: ignore[assignment]
    """Return every column of every row of every table, by the name of its model."""
    with across_tenants():
        return {
            model.__name__: list(model._default_manager.order_by("pk").values())
            for model in apps.get_models()
            if model._meta.app_label in OURS
            and not model._meta.proxy
            and model.__name__ not in but | WRITTEN_BY_EVERY_REQUEST
        }


@contextmanager
def assert_no_row_changes(*, but: set[str] = frozenset()) -> Iterator[None]:  # type: ignore[assignment]
    """Assert that the block adds, changes and removes no row."""
    before = snapshot_database(but=but)
    yield
    assert snapshot_database(but=but) == before

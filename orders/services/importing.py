"""Importing a catalog: a whole file, or nothing of it."""

import json
from dataclasses import dataclass
from typing import IO, Any

from django.db import IntegrityError

from accounts.models import User
from orders.exceptions import CatalogChanged, RowsInvalid
from orders.services.catalog_file import CatalogFile
from orders.services.comparing import Comparison
from tenants import audit, idempotency
from tenants.exceptions import FieldError
from tenants.ids import is_duplicate
from tenants.scope import deed


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would have done: how many products, and no errors."""

    created: int
    updated: int
    unchanged: int
    error_count: int = 0
    errors: tuple[FieldError, ...] = ()


def import_products(file: IO[bytes], *, dry_run: bool = False, by: User) -> ImportReport:
    """List what the shop does not have yet, and change what the file says otherwise.

    What the file does not name stays as it is. With `dry_run` nothing is written.
    """
    if done := idempotency.left():
        return ImportReport(**json.loads(done))
    catalog = CatalogFile(file)
    return _compared(catalog, write=False) if dry_run else _import(catalog, by)


@deed
def _import(catalog: CatalogFile, by: User) -> ImportReport:
    try:
        report = _compared(catalog, write=True)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise CatalogChanged from error
    figures: dict[str, Any] = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
    }
    audit.record("products_imported", actor=by, **figures)
    idempotency.note(left=json.dumps(figures))
    return report


def _compared(catalog: CatalogFile, *, write: bool) -> ImportReport:
    comparison = Comparison(catalog, write=write)
    comparison.run()
    errors = comparison.errors
    report = ImportReport(comparison.created, comparison.updated, comparison.unchanged)
    if errors.count:
        raise RowsInvalid(
            errors=tuple(errors.told),
            error_count=errors.count,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
        )
    return report

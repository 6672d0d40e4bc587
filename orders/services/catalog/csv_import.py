"""CSV import of the catalog: a whole file or nothing."""

import json
from dataclasses import asdict, dataclass
from typing import IO, Any

from accounts.models import User
from orders.exceptions import CatalogChanged, InvalidRows
from orders.services.catalog.csv_diff import CatalogDiff
from orders.services.catalog.csv_file import CatalogFile
from tenants import audit, idempotency
from tenants.exceptions import FieldError
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import or of a dry run: counts of products, and the errors."""

    created: int
    updated: int
    unchanged: int
    error_count: int = 0
    errors: tuple[FieldError, ...] = ()


def import_products(file: IO[bytes], *, dry_run: bool = False, by: User) -> ImportReport:
    """Create the products that are new and update those that differ from the file.

    Products and columns that the file does not name stay unchanged. With `dry_run` nothing is
    written and the report contains the errors. Raises `InvalidRows`, `CatalogChanged`.
    """
    if done := idempotency.resume_data():
        return ImportReport(**json.loads(done))
    catalog = CatalogFile(file)
    return _diff(catalog, write=False) if dry_run else _import(catalog, by)


@atomic_with_retry
def _import(catalog: CatalogFile, by: User) -> ImportReport:
    with unique_or(CatalogChanged):
        report = _diff(catalog, write=True)
    if report.error_count:
        raise InvalidRows(**asdict(report) | {"errors": report.errors})
    figures: dict[str, Any] = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
    }
    audit.record("products_imported", actor=by, **figures)
    idempotency.save_key(resume_data=json.dumps(figures))
    return report


def _diff(catalog: CatalogFile, *, write: bool) -> ImportReport:
    diff = CatalogDiff(catalog, write=write)
    diff.run()
    return ImportReport(
        diff.created,
        diff.updated,
        diff.unchanged,
        diff.errors.count,
        tuple(diff.errors.listed),
    )

"""Import of a catalog file: a whole file or nothing."""

import json
from dataclasses import asdict, dataclass
from typing import IO, Any

from accounts.exceptions import ScopeMissing
from accounts.models import User
from accounts.services.store_assignments import ensure_works_in
from orders.exceptions import CatalogChanged, InvalidRows
from orders.services.catalog.csv_diff import CatalogDiff
from orders.services.catalog.csv_file import CatalogFile
from orders.services.catalog.file_columns import ImportOptions
from tenants import audit, idempotency
from tenants.exceptions import FieldError
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry

# Which a service key needs to import a file with stock.
STOCK_SCOPE = "stock:write"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import or of a dry run: counts of products, errors and warnings.

    `format` is the system that the file comes from. `skipped` counts rows that are no products,
    and `stock_set` levels with opening stock.
    """

    created: int
    updated: int
    unchanged: int
    format: str = ""
    skipped: int = 0
    stock_set: int = 0
    error_count: int = 0
    errors: tuple[FieldError, ...] = ()
    warning_count: int = 0
    warnings: tuple[FieldError, ...] = ()


def import_products(
    file: IO[bytes], options: ImportOptions | None = None, *, dry_run: bool = False, by: User
) -> ImportReport:
    """Create the products that are new and update those that differ from the file.

    Products and columns that the file does not name stay unchanged. With `dry_run` nothing is
    written and the report contains the errors. Raises `InvalidRows`, `CatalogChanged`, and
    `ScopeMissing` or `NotPermitted` for stock and prices that a service key must not set.
    """
    if done := idempotency.resume_data():
        return _load_report(done)
    catalog = CatalogFile(file, options)
    _ensure_may_set_stock(catalog, by)
    return _diff(catalog, by, write=False) if dry_run else _import(catalog, by)


def _ensure_may_set_stock(catalog: CatalogFile, by: User) -> None:
    stores = catalog.columns.list_stores() if catalog.has_readable_header else ()
    if not stores:
        return
    if by.scopes is not None and STOCK_SCOPE not in by.scopes:
        raise ScopeMissing(scope=STOCK_SCOPE)
    ensure_works_in(stores, by)


@atomic_with_retry
def _import(catalog: CatalogFile, by: User) -> ImportReport:
    with unique_or(CatalogChanged):
        report = _diff(catalog, by, write=True)
    if report.error_count:
        raise InvalidRows(
            **asdict(report) | {"errors": report.errors, "warnings": _list_facts(report.warnings)}
        )
    figures: dict[str, Any] = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "format": report.format,
        "stock_set": report.stock_set,
    }
    audit.record("products_imported", actor=by, **figures)
    idempotency.save_key(resume_data=json.dumps(asdict(report)))
    return report


def _load_report(saved: str) -> ImportReport:
    data = json.loads(saved)
    lists = {
        name: tuple(FieldError(**each) for each in data[name]) for name in ("errors", "warnings")
    }
    return ImportReport(**data | lists)


def _list_facts(errors: tuple[FieldError, ...]) -> list[dict[str, Any]]:
    return [asdict(each) for each in errors]


def _diff(catalog: CatalogFile, by: User, *, write: bool) -> ImportReport:
    diff = CatalogDiff(catalog, write=write, by=by)
    diff.run()
    warnings = catalog.warnings.copy()
    if diff.created and (no_stock := catalog.stock_warning):
        warnings.add(no_stock)
    return ImportReport(
        created=diff.created,
        updated=diff.updated,
        unchanged=diff.unchanged,
        format=catalog.format,
        skipped=catalog.skipped,
        stock_set=diff.stock_set,
        error_count=diff.errors.count,
        errors=tuple(diff.errors.listed),
        warning_count=warnings.count,
        warnings=tuple(warnings.listed),
    )

"""A catalog file before anything is written: its rows, and what they claim of each other."""

from collections.abc import Iterator
from typing import IO

from orders.models import TaxClass
from orders.services.catalog.csv_rows import COLUMNS, KEY, RowReader, Wanted
from tenants.csv import CSVFile, Row
from tenants.exceptions import FieldError
from tenants.scope import current_tenant

MOST_ROWS = 100_000
MOST_CODES = 200_000
# As many as an answer names; all are counted.
MOST_ERRORS = 100


class Errors:
    """What is wrong with a file: all of it counted, the first of it told."""

    def __init__(self) -> None:
        self.told: list[FieldError] = []
        self.count = 0

    def add(self, *errors: FieldError) -> None:
        self.count += len(errors)
        self.told += errors[: MOST_ERRORS - len(self.told)]

    def copy(self) -> "Errors":
        other = Errors()
        other.told, other.count = list(self.told), self.count
        return other


class CatalogFile:
    """Read twice: once to see whether it is right in itself, once to compare it with the shop.

    Held in memory are only its SKUs, its barcodes and the names of its shelves.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.sheet = CSVFile(file, columns=COLUMNS, required=KEY)
        taxes = {each.name: each for each in TaxClass.objects.all()}
        self.reader = RowReader(taxes, current_tenant().currency_exponent)
        self.errors = Errors()
        # In which row a SKU is, and on which SKU a barcode.
        self.skus: dict[str, int] = {}
        self.codes: dict[str, str] = {}
        self.categories: set[str] = set()
        self.survey()

    def survey(self) -> None:
        self.errors.add(*self.sheet.errors)
        if self.sheet.errors:
            return
        for number, row in enumerate(self.sheet.rows(), 1):
            if number > MOST_ROWS or len(self.codes) > MOST_CODES:
                self.errors.add(too_much(row))
                return
            found = self.read(row)
            if isinstance(found, Wanted):
                self.errors.add(*self.claim(found))
            else:
                self.errors.add(*found)

    def read(self, row: Row | FieldError) -> Wanted | list[FieldError]:
        return self.reader.read(row) if isinstance(row, Row) else [row]

    def claim(self, wanted: Wanted) -> Iterator[FieldError]:
        """Two rows are never of one product, and a barcode is never on two."""
        first = self.skus.setdefault(wanted.sku, wanted.row)
        if first != wanted.row:
            yield duplicate("sku", f"Row {first} has this SKU too.", wanted)
            return
        for code in wanted.barcodes or ():
            owner = self.codes.setdefault(code, wanted.sku)
            if owner != wanted.sku:
                detail = f"Row {self.skus[owner]} has barcode {code} too."
                yield duplicate("barcodes", detail, wanted)
        if wanted.category:
            self.categories.add(wanted.category)

    def products(self) -> Iterator[Wanted]:
        """The rows that are right in themselves."""
        if self.sheet.errors:
            return
        for row in self.sheet.rows():
            found = self.read(row)
            if isinstance(found, Wanted) and self.is_first(found):
                yield found

    def is_first(self, wanted: Wanted) -> bool:
        return self.skus.get(wanted.sku) == wanted.row and all(
            self.codes.get(code) == wanted.sku for code in wanted.barcodes or ()
        )


def duplicate(column: str, detail: str, wanted: Wanted) -> FieldError:
    return FieldError(column, "duplicate", detail, row=wanted.row)


def too_much(row: Row | FieldError) -> FieldError:
    number = row.number if isinstance(row, Row) else row.row
    detail = f"A file may have {MOST_ROWS} products and {MOST_CODES} barcodes: make several of it."
    return FieldError("", "too_many_rows", detail, row=number)

"""Catalog CSV file: limits, errors and duplicates within the file itself."""

from collections.abc import Iterator
from typing import IO

from orders.models import TaxClass
from orders.models.catalog import build_barcode_key
from orders.services.catalog.csv_rows import COLUMNS, KEY_COLUMN, ProductRow, RowParser
from tenants.csv import CSVFile, Row
from tenants.exceptions import FieldError
from tenants.scope import current_tenant

MAX_ROWS = 100_000
MAX_BARCODES = 200_000
# A response lists this many errors and counts all of them.
MAX_LISTED_ERRORS = 100


class ErrorList:
    """The errors of a file: the first `MAX_LISTED_ERRORS` are listed, all are counted."""

    def __init__(self) -> None:
        self.listed: list[FieldError] = []
        self.count = 0

    def add(self, *errors: FieldError) -> None:
        self.count += len(errors)
        self.listed += errors[: MAX_LISTED_ERRORS - len(self.listed)]

    def copy(self) -> "ErrorList":
        other = ErrorList()
        other.listed, other.count = list(self.listed), self.count
        return other


class CatalogFile:
    """A catalog file that is read twice: to validate it, and to compare it with the database.

    Memory holds only its SKUs, barcodes, PLUs, deposits and category names.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.sheet = CSVFile(file, columns=COLUMNS, required=KEY_COLUMN)
        taxes = {each.name: each for each in TaxClass.objects.all()}
        self.row_parser = RowParser(taxes, current_tenant().currency_exponent)
        self.errors = ErrorList()
        # Row number per SKU, and SKU per barcode key and per PLU.
        self.skus: dict[str, int] = {}
        self.barcodes: dict[str, str] = {}
        self.plus: dict[str, str] = {}
        # SKU of the deposit per SKU, empty where the row removes it.
        self.deposits: dict[str, str] = {}
        # By SKU, where the row says it.
        self.returnables: dict[str, bool] = {}
        self.categories: set[str] = set()
        self.validate()

    def validate(self) -> None:
        self.errors.add(*self.sheet.errors)
        if self.sheet.errors:
            return
        for number, row in enumerate(self.sheet.rows(), 1):
            if number > MAX_ROWS or len(self.barcodes) > MAX_BARCODES:
                self.errors.add(build_size_error(row))
                return
            found = self.parse_row(row)
            if isinstance(found, ProductRow):
                self.errors.add(*self.find_duplicates(found))
            else:
                self.errors.add(*found)

    def parse_row(self, row: Row | FieldError) -> ProductRow | list[FieldError]:
        return self.row_parser.parse_row(row) if isinstance(row, Row) else [row]

    def find_duplicates(self, product_row: ProductRow) -> Iterator[FieldError]:
        """Yield an error for a repeated SKU, and for a barcode or PLU of another row."""
        first = self.skus.setdefault(product_row.sku, product_row.row)
        if first != product_row.row:
            yield build_duplicate_error("sku", f"Row {first} has the same SKU.", product_row)
            return
        for code in product_row.barcodes or ():
            owner = self.barcodes.setdefault(build_barcode_key(code), product_row.sku)
            if owner != product_row.sku:
                detail = f"Row {self.skus[owner]} has the same barcode {code}."
                yield build_duplicate_error("barcodes", detail, product_row)
        plu = product_row.values.get("plu")
        if plu and (owner := self.plus.setdefault(plu, product_row.sku)) != product_row.sku:
            detail = f"Row {self.skus[owner]} has the same PLU {plu}."
            yield build_duplicate_error("plu", detail, product_row)
        self.collect_names(product_row)

    def collect_names(self, product_row: ProductRow) -> None:
        if product_row.category:
            self.categories.add(product_row.category)
        if product_row.deposit is not None:
            self.deposits[product_row.sku] = product_row.deposit
        if "returnable" in product_row.values:
            self.returnables[product_row.sku] = product_row.values["returnable"]

    def valid_rows(self) -> Iterator[ProductRow]:
        """Yield the rows without errors."""
        if self.sheet.errors:
            return
        for row in self.sheet.rows():
            found = self.parse_row(row)
            if isinstance(found, ProductRow) and self.is_first_occurrence(found):
                yield found

    def is_first_occurrence(self, product_row: ProductRow) -> bool:
        sku, plu = product_row.sku, product_row.values.get("plu")
        owners = [self.barcodes.get(build_barcode_key(code)) for code in product_row.barcodes or ()]
        owners += [self.plus.get(plu)] if plu else []
        return self.skus.get(sku) == product_row.row and all(owner == sku for owner in owners)


def build_duplicate_error(column: str, detail: str, product_row: ProductRow) -> FieldError:
    return FieldError(column, "duplicate", detail, row=product_row.row)


def build_size_error(row: Row | FieldError) -> FieldError:
    number = row.number if isinstance(row, Row) else row.row
    detail = (
        f"A file may have at most {MAX_ROWS} products and {MAX_BARCODES} barcodes. "
        "Split it into several files."
    )
    return FieldError("", "too_many_rows", detail, row=number)

"""Catalog file: limits, errors and duplicates within the file itself."""

from collections.abc import Iterator
from typing import IO, Any

from orders.models import TaxClass
from orders.services.catalog.barcode_keys import load_barcode_keys
from orders.services.catalog.csv_relations import RelatedRows
from orders.services.catalog.csv_rows import ProductRow, RowParser, TaxClasses
from orders.services.catalog.file_columns import FileColumns, ImportOptions
from tenants.csv import Record
from tenants.exceptions import FieldError
from tenants.scope import current_tenant
from tenants.tables import find_file_errors, open_table

MAX_ROWS = 100_000
MAX_BARCODES = 200_000
# A response lists this many errors and counts all of them.
MAX_LISTED_ERRORS = 100
MAX_HEADING_LENGTH = 100


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
    """A catalog file that is read repeatedly: for the way in which it writes numbers, to validate
    it, and to compare it with the database.

    Memory holds only its SKUs, barcodes, PLUs, deposits and category names.
    """

    def __init__(self, file: IO[bytes], options: ImportOptions | None = None) -> None:
        self.options = options or ImportOptions()
        self.errors = ErrorList()
        self.warnings = ErrorList()
        self.skipped = 0
        # Row number per SKU, and SKU per barcode key and per PLU.
        self.skus: dict[str, int] = {}
        self.barcodes: dict[str, str] = {}
        self.plus: dict[str, str] = {}
        self.external_ids: dict[str, str] = {}
        # SKU of the deposit per SKU, empty where the row removes it.
        self.deposits: dict[str, str] = {}
        # Whether the product is returnable, by SKU; only of rows that set it.
        self.returnables: dict[str, bool] = {}
        self.related = RelatedRows()
        # Products that no row has: those of variants in files of other systems.
        self.parent_rows: list[ProductRow] = []
        # What the file says of parents whose name or price a variant takes, by SKU.
        self.parent_values: dict[str, dict[str, Any]] = {}
        self.categories: set[str] = set()
        self.barcode_keys = load_barcode_keys()
        self.open(file)
        self.has_readable_header = not self.errors.count
        if self.has_readable_header:
            self.read_rows()

    def read_rows(self) -> None:
        """Read all rows: how they are written, what they name and which errors they have."""
        self.see_cells()
        self.validate()
        self.name_parents()
        self.load_parent_values()

    def open(self, file: IO[bytes]) -> None:
        """Find out how the file is written, and read its header."""
        self.errors.add(*find_file_errors(file))
        if not self.errors.count:
            self.table = open_table(file, max_rows=MAX_ROWS + 1)
            self.errors.add(*self.table.errors)
        if not self.errors.count:
            self.read_header()

    def read_header(self) -> None:
        self.columns = FileColumns(self.table.header, self.options)
        modifier_lists = self.columns.load_modifier_lists()
        self.errors.add(*self.columns.errors)
        self.warnings.add(*self.columns.warnings)
        self.taxes = TaxClasses(
            {each.name: each for each in TaxClass.objects.order_by("name")}, self.options.tax_class
        )
        self.row_parser = RowParser(
            self.taxes,
            current_tenant().currency_exponent,
            numbers=self.columns.numbers,
            headings=self.columns.get_heading,
            modifier_lists=modifier_lists,
            barcode_keys=self.barcode_keys,
        )
        self.read_positions = sorted(self.columns.places.list_all())
        default = self.taxes.get_default() if self.columns.is_foreign else self.options.tax_class
        self.default_values: dict[str, Any] = {} if default is None else {"tax_class": default}
        may_create = self.columns.is_foreign and not self.columns.is_stock_only
        if default is None and may_create and not self.columns.has_taxes:
            detail = "The file has no taxes. Select a tax class for new products (`tax_class`)."
            self.warnings.add(FieldError("tax_class", "no_tax_class", detail, row=1))

    @property
    def format(self) -> str:
        return self.columns.name if self.has_readable_header else ""

    @property
    def stock_warning(self) -> FieldError | None:
        """Return the warning that new products of this file do not track stock, or None."""
        if not self.has_readable_header or self.columns.list_stores():
            return None
        if not self.columns.is_foreign and "track_stock" in self.columns.places.fields:
            return None
        detail = (
            "The file has no stock, so that new products are sold without tracking it. "
            "Import a file with their stock to begin that."
        )
        return FieldError("stock", "no_stock", detail, row=1)

    def see_cells(self) -> None:
        """Let the columns with numbers, and the groups of variants, see all their cells, before
        one of them is parsed."""
        columns = list(self.columns.iterate_number_columns())
        is_foreign = self.columns.format is not None
        for record in self.table.rows() if columns or is_foreign else ():
            if isinstance(record, Record):
                for position, column in columns:
                    if position < len(record.cells):
                        column.see(record.cells[position])
                if is_foreign and len(record.cells) >= len(self.columns.headings):
                    self.columns.rows.see(record.cells)
        errors, warnings = self.columns.find_location_problems()
        self.errors.add(*errors)
        self.warnings.add(*warnings)

    def validate(self) -> None:
        self.columns.rows.restart()
        for number, record in enumerate(self.table.rows(), 1):
            if number > MAX_ROWS or len(self.barcodes) > MAX_BARCODES:
                self.errors.add(build_size_error(record))
                return
            found = self.parse_record(record)
            if isinstance(found, ProductRow):
                self.errors.add(*self.collect(found))
            elif found is None:
                self.skipped += 1
            else:
                self.errors.add(*found)

    def collect(self, product_row: ProductRow) -> Iterator[FieldError]:
        """Note what the row names, and yield an error for what another row has."""
        if product_row.group and product_row.group.is_parent:
            self.related.add_product(product_row.group, product_row)
            self.skipped += 1
        else:
            yield from self.find_duplicates(product_row)

    def parse_record(self, record: Record | FieldError) -> ProductRow | list[FieldError] | None:
        """Return the product in a row, or the errors in it, or None if it is no product."""
        if not isinstance(record, Record):
            return [record]
        error = self.find_record_error(record)
        if error is not None:
            return [error]
        found = self.columns.rows.read(record.cells)
        return None if found is None else self.row_parser.parse_row(record.number, found)

    def find_record_error(self, record: Record) -> FieldError | None:
        """Return the error of a row with other cells than the header, or of its first cell with
        letters that are not in the encoding of the file."""
        number, cells = record.number, record.cells
        if len(cells) != len(self.columns.headings):
            error = self.columns.find_cell_count_error(number, cells)
            if error is not None:
                return error
        # Most rows have no such letters at all.
        for position in () if all(map(str.isascii, cells)) else self.read_positions:
            if self.table.is_undecoded(cells[position]):
                heading = self.columns.headings[position][:MAX_HEADING_LENGTH]
                detail = "Has letters that cannot be read."
                return FieldError(heading, "malformed_encoding", detail, row=number)
        return None

    def build_new_values(self, product_row: ProductRow) -> dict[str, Any]:
        """Return the values that a new product has unless its row says otherwise.

        They track stock only if the file has their stock, so that they can be sold at once.
        """
        return self.default_values | {"track_stock": bool(product_row.stock)}

    def find_duplicates(self, product_row: ProductRow) -> Iterator[FieldError]:
        """Yield an error for a repeated SKU, and for a barcode or PLU of another row."""
        first = self.skus.setdefault(product_row.sku, product_row.row)
        if first != product_row.row:
            yield build_duplicate_error("sku", f"Row {first} has the same SKU.", product_row)
            return
        for code in product_row.barcodes or ():
            owner = self.barcodes.setdefault(self.barcode_keys.build(code), product_row.sku)
            if owner != product_row.sku:
                detail = f"Row {self.skus[owner]} has the same barcode {code}."
                yield build_duplicate_error("barcodes", detail, product_row)
        plu = product_row.values.get("plu")
        if plu and (owner := self.plus.setdefault(plu, product_row.sku)) != product_row.sku:
            detail = f"Row {self.skus[owner]} has the same PLU {plu}."
            yield build_duplicate_error("plu", detail, product_row)
        other = product_row.values.get("external_id")
        if other and (owner := self.external_ids.setdefault(other, product_row.sku)) != (
            product_row.sku
        ):
            detail = f"Row {self.skus[owner]} has the same external ID {other}."
            yield build_duplicate_error("external_id", detail, product_row)
        self.collect_names(product_row)

    def collect_names(self, product_row: ProductRow) -> None:
        if product_row.category:
            self.categories.add(product_row.category)
        if product_row.deposit is not None:
            self.deposits[product_row.sku] = product_row.deposit
        if "returnable" in product_row.values:
            self.returnables[product_row.sku] = product_row.values["returnable"]
        self.related.add(product_row)

    def name_parents(self) -> None:
        self.parent_rows = self.related.name_parents(self.skus)
        self.skipped -= self.related.count_used_products()
        for product_row in self.parent_rows:
            self.skus[product_row.sku] = product_row.row
            if product_row.category:
                self.categories.add(product_row.category)

    def load_parent_values(self) -> None:
        """Note what the rows of parents say, if variants leave a name or price to them."""
        wanted = self.related.list_needed_parents() & self.skus.keys()
        found = {row.sku: row.values for row in self.parent_rows if row.sku in wanted}
        if wanted - found.keys():
            self.columns.rows.restart()
            for record in self.table.rows():
                row = self.parse_record(record)
                if isinstance(row, ProductRow) and row.sku in wanted:
                    found.setdefault(row.sku, row.values)
        self.parent_values = found

    def valid_rows(self) -> Iterator[ProductRow]:
        """Yield the rows without errors."""
        if not self.has_readable_header:
            return
        self.columns.rows.restart()
        yield from self.parent_rows
        for record in self.table.rows():
            found = self.parse_record(record)
            if isinstance(found, ProductRow) and self.is_first_occurrence(found):
                yield found

    def is_first_occurrence(self, product_row: ProductRow) -> bool:
        """Return whether the row is a product that no row before it has."""
        if product_row.group and product_row.group.is_parent:
            return False
        sku, plu = product_row.sku, product_row.values.get("plu")
        keys = map(self.barcode_keys.build, product_row.barcodes or ())
        owners = [self.barcodes.get(key) for key in keys]
        owners += [self.plus.get(plu)] if plu else []
        other = product_row.values.get("external_id")
        owners += [self.external_ids.get(other)] if other else []
        return self.skus.get(sku) == product_row.row and all(owner == sku for owner in owners)


def build_duplicate_error(column: str, detail: str, product_row: ProductRow) -> FieldError:
    return FieldError(column, "duplicate", detail, row=product_row.row)


def build_size_error(record: Record | FieldError) -> FieldError:
    number = record.number if isinstance(record, Record) else record.row
    detail = (
        f"A file may have at most {MAX_ROWS} products and {MAX_BARCODES} barcodes. "
        "Split it into several files."
    )
    return FieldError("", "too_many_rows", detail, row=number)

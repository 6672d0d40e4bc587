"""Rows of a catalog file: columns, parsing of cells, and error messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from orders.codes import normalize_plu
from orders.models import Product, TaxClass
from orders.models.catalog import MAX_PLU_LENGTH, build_barcode_key, normalize_code
from orders.models.columns import MAX_AMOUNT
from tenants.api.formats import FormatError, parse_number, parse_text
from tenants.csv import Row
from tenants.exceptions import FieldError

COLUMNS = (
    "sku",
    "name",
    "price",
    "barcodes",
    "category",
    "tax_class",
    "sold_by",
    "open_price",
    "track_stock",
    "is_active",
    "plu",
    "weight_unit",
    "deposit",
    "returnable",
)
KEY_COLUMN = "sku"
# Required for new products only.
REQUIRED_COLUMNS = ("name", "price")
MAX_BARCODES_PER_PRODUCT = 50
SEPARATORS = "|;"
ESCAPE = "\\"
BOOLEAN_VALUES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
ERROR_MESSAGES = {
    "blank": "Must not be empty.",
    "max_length": "At most {max_length} characters.",
    "max_digits": "At most {digits} digits before the decimal point.",
    "max_decimal_places": "At most {decimals} decimals.",
    "control_character": "Control characters are not allowed.",
    "not_a_number": "Enter an amount such as 12.50.",
    "invalid_choice": "Must be one of: {choices}.",
    "too_many_barcodes": "At most {maximum} barcodes.",
    "unknown_tax_class": "Tax class not found.",
    "not_digits": "Enter digits that are not all zeros.",
}


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A parsed row: the values of its columns; the category by its name.

    `deposit` is a SKU; it is empty to remove the deposit, and None without the column.
    """

    row: int
    sku: str
    values: dict[str, Any]
    category: str | None
    barcodes: tuple[str, ...] | None
    deposit: str | None


def raise_format_error(code: str, **facts: object) -> NoReturn:
    raise FormatError(code, **facts)


class RowParser:
    """Parser of rows, for the tax classes and the currency decimals of one tenant."""

    def __init__(self, tax_classes: Mapping[str, TaxClass], decimals: int) -> None:
        self.tax_classes = tax_classes
        self.decimals = decimals
        self.unit = Decimal(1).scaleb(-decimals)
        self.parsers: dict[str, Callable[[str], Any]] = {
            "sku": self.parse_sku,
            "name": self.parse_name,
            "price": self.parse_price,
            "barcodes": self.parse_barcodes,
            "category": self.parse_category,
            "tax_class": self.parse_tax_class,
            "sold_by": self.parse_sold_by,
            "open_price": self.parse_boolean,
            "track_stock": self.parse_boolean,
            "is_active": self.parse_boolean,
            "plu": self.parse_plu,
            "weight_unit": self.parse_weight_unit,
            "deposit": self.parse_code,
            "returnable": self.parse_boolean,
        }

    def parse_row(self, row: Row) -> ProductRow | list[FieldError]:
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for column, cell in row.cells.items():
            try:
                values[column] = self.parsers[column](cell)
            except FormatError as error:
                detail = ERROR_MESSAGES[error.code].format(**error.facts)
                errors.append(FieldError(column, error.code, detail, row=row.number))
        return errors or build_product_row(row.number, values)

    def parse_sku(self, cell: str) -> str:
        return self.parse_code(cell) or raise_format_error("blank")

    def parse_code(self, cell: str) -> str:
        return parse_text(normalize_code(parse_text(cell, max_length=64)), max_length=64)

    def parse_name(self, cell: str) -> str:
        return parse_text(cell, max_length=200) or raise_format_error("blank")

    def parse_price(self, cell: str) -> Decimal:
        if not cell:
            raise_format_error("blank")
        try:
            number = parse_number(cell, decimals=self.decimals, digits=MAX_AMOUNT.adjusted())
        except FormatError as error:
            raise_format_error(
                "not_a_number" if error.code == "invalid" else error.code, **error.facts
            )
        return number.quantize(self.unit)

    def parse_barcodes(self, cell: str) -> tuple[str, ...]:
        codes: dict[str, str] = {}
        for code in filter(None, map(self.parse_code, split_barcodes(cell))):
            codes.setdefault(build_barcode_key(code), code)
        if len(codes) > MAX_BARCODES_PER_PRODUCT:
            raise_format_error("too_many_barcodes", maximum=MAX_BARCODES_PER_PRODUCT)
        return tuple(codes.values())

    def parse_category(self, cell: str) -> str:
        return parse_text(cell, max_length=100)

    def parse_tax_class(self, cell: str) -> TaxClass | None:
        if not cell:
            return None
        found = self.tax_classes.get(parse_text(cell, max_length=100))
        return found or raise_format_error("unknown_tax_class")

    def parse_sold_by(self, cell: str) -> str | None:
        """Parse the unit of sale. None, for an empty cell, keeps the stored value."""
        if cell and cell.lower() not in Product.SoldBy.values:
            raise_format_error("invalid_choice", choices=", ".join(Product.SoldBy.values))
        return cell.lower() or None

    def parse_plu(self, cell: str) -> str | None:
        if not cell:
            return None
        text = parse_text(cell, max_length=MAX_PLU_LENGTH)
        is_number = text.isascii() and text.isdigit()
        return (normalize_plu(text) if is_number else "") or raise_format_error("not_digits")

    def parse_weight_unit(self, cell: str) -> str | None:
        if cell and cell.lower() not in Product.WeightUnit.values:
            raise_format_error("invalid_choice", choices=", ".join(Product.WeightUnit.values))
        return cell.lower() or None

    def parse_boolean(self, cell: str) -> bool | None:
        """Parse a boolean, also as spreadsheets write it (TRUE). None keeps the stored value."""
        if cell and cell.lower() not in BOOLEAN_VALUES:
            raise_format_error("invalid_choice", choices="true, false")
        return BOOLEAN_VALUES.get(cell.lower())


KEPT_WHEN_EMPTY = (
    *("sold_by", "weight_unit", "open_price", "track_stock", "is_active", "returnable"),
)


def build_product_row(number: int, values: dict[str, Any]) -> ProductRow:
    sku = values.pop(KEY_COLUMN)
    barcodes, category, deposit = (
        values.pop(name, None) for name in ("barcodes", "category", "deposit")
    )
    values_to_set = {
        name: value
        for name, value in values.items()
        if value is not None or name not in KEPT_WHEN_EMPTY
    }
    return ProductRow(number, sku, values_to_set, category, barcodes, deposit)


def split_barcodes(cell: str) -> list[str]:
    """Split a cell at | or ;. A backslash escapes a separator that is part of a barcode."""
    if ESCAPE not in cell:
        return cell.replace(";", "|").split("|")
    codes, place = [""], 0
    while place < len(cell):
        sign, following = cell[place], cell[place + 1 : place + 2]
        if sign == ESCAPE and following and following in SEPARATORS + ESCAPE:
            codes[-1] += following
            place += 1
        elif sign in SEPARATORS:
            codes.append("")
        else:
            codes[-1] += sign
        place += 1
    return codes


def join_barcodes(codes: list[str]) -> str:
    """Join barcodes into a cell that `split_barcodes` reads."""
    return "|".join(map(escape_barcode, codes))


def escape_barcode(code: str) -> str:
    for sign in (ESCAPE, *SEPARATORS):
        code = code.replace(sign, ESCAPE + sign)
    return code

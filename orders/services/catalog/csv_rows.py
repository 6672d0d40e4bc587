"""Rows of a catalog file: what they say of a product, and what is wrong with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from orders.models import Product, TaxClass
from orders.models.catalog import normalize_code
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
)
KEY_COLUMN = "sku"
# What a new product cannot do without.
REQUIRED_COLUMNS = ("name", "price")
MAX_BARCODES_PER_PRODUCT = 50
SEPARATORS = "|;"
ESCAPE = "\\"
BOOLEAN_VALUES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
ERROR_MESSAGES = {
    "blank": "This may not be empty.",
    "max_length": "At most {max_length} characters.",
    "max_digits": "At most {digits} digits before the decimal point.",
    "max_decimal_places": "At most {decimals} decimals.",
    "control_character": "Control characters are not possible here.",
    "not_a_number": 'Write a plain decimal number, for example "12.50".',
    "invalid_choice": "One of {choices}.",
    "too_many_barcodes": "At most {most} barcodes.",
    "unknown_tax_class": "The shop has no such tax class.",
}


@dataclass(frozen=True, slots=True)
class ProductRow:
    """What a row wants: the values of its columns, the shelf by its name."""

    row: int
    sku: str
    values: dict[str, Any]
    category: str | None
    barcodes: tuple[str, ...] | None


def raise_format_error(code: str, **facts: object) -> NoReturn:
    raise FormatError(code, **facts)


class RowParser:
    """Reads rows for a shop of these tax classes and so many decimals."""

    def __init__(self, tax_classes: Mapping[str, TaxClass], decimals: int) -> None:
        self.tax_classes = tax_classes
        self.decimals = decimals
        self.unit = Decimal(1).scaleb(-decimals)
        self.parsers: dict[str, Callable[[str], Any]] = {
            "sku": self.sku,
            "name": self.name,
            "price": self.price,
            "barcodes": self.barcodes,
            "category": self.category,
            "tax_class": self.tax_class,
            "sold_by": self.sold_by,
            "open_price": self.parse_boolean,
            "track_stock": self.parse_boolean,
            "is_active": self.parse_boolean,
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

    def sku(self, cell: str) -> str:
        return self.code(cell) or raise_format_error("blank")

    def code(self, cell: str) -> str:
        return parse_text(normalize_code(parse_text(cell, max_length=64)), max_length=64)

    def name(self, cell: str) -> str:
        return parse_text(cell, max_length=200) or raise_format_error("blank")

    def price(self, cell: str) -> Decimal:
        if not cell:
            raise_format_error("blank")
        try:
            number = parse_number(cell, decimals=self.decimals, digits=MAX_AMOUNT.adjusted())
        except FormatError as error:
            raise_format_error(
                "not_a_number" if error.code == "invalid" else error.code, **error.facts
            )
        return number.quantize(self.unit)

    def barcodes(self, cell: str) -> tuple[str, ...]:
        codes = tuple(dict.fromkeys(filter(None, map(self.code, split(cell)))))
        if len(codes) > MAX_BARCODES_PER_PRODUCT:
            raise_format_error("too_many_barcodes", most=MAX_BARCODES_PER_PRODUCT)
        return codes

    def category(self, cell: str) -> str:
        return parse_text(cell, max_length=100)

    def tax_class(self, cell: str) -> TaxClass | None:
        if not cell:
            return None
        found = self.tax_classes.get(parse_text(cell, max_length=100))
        return found or raise_format_error("unknown_tax_class")

    def sold_by(self, cell: str) -> str | None:
        """None, as of the truths below, leaves the value as it is."""
        if cell and cell.lower() not in Product.SoldBy.values:
            raise_format_error("invalid_choice", choices=", ".join(Product.SoldBy.values))
        return cell.lower() or None

    def parse_boolean(self, cell: str) -> bool | None:
        """In the words of spreadsheets too, which write TRUE."""
        if cell and cell.lower() not in BOOLEAN_VALUES:
            raise_format_error("invalid_choice", choices="true, false")
        return BOOLEAN_VALUES.get(cell.lower())


KEPT_WHEN_EMPTY = ("sold_by", "open_price", "track_stock", "is_active")


def build_product_row(number: int, values: dict[str, Any]) -> ProductRow:
    sku, barcodes, category = (
        values.pop(KEY_COLUMN),
        values.pop("barcodes", None),
        values.get("category"),
    )
    values.pop("category", None)
    given = {
        name: value
        for name, value in values.items()
        if value is not None or name not in KEPT_WHEN_EMPTY
    }
    return ProductRow(number, sku, given, category, barcodes)


def split(cell: str) -> list[str]:
    """Barcodes with | or ; between them; one that is part of a code has a backslash before it."""
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
    """The cell that `split` reads."""
    return "|".join(map(escape_barcode, codes))


def escape_barcode(code: str) -> str:
    for sign in (ESCAPE, *SEPARATORS):
        code = code.replace(sign, ESCAPE + sign)
    return code

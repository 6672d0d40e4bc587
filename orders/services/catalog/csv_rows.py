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
KEY = "sku"
# What a new product cannot do without.
NEEDED = ("name", "price")
MOST_BARCODES = 50
SEPARATORS = "|;"
ESCAPE = "\\"
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
MESSAGES = {
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
class Wanted:
    """What a row wants: the values of its columns, the shelf by its name."""

    row: int
    sku: str
    values: dict[str, Any]
    category: str | None
    barcodes: tuple[str, ...] | None


def refuse(code: str, **facts: object) -> NoReturn:
    raise FormatError(code, **facts)


class RowReader:
    """Reads rows for a shop of these tax classes and so many decimals."""

    def __init__(self, tax_classes: Mapping[str, TaxClass], decimals: int) -> None:
        self.tax_classes = tax_classes
        self.decimals = decimals
        self.unit = Decimal(1).scaleb(-decimals)
        self.readers: dict[str, Callable[[str], Any]] = {
            "sku": self.sku,
            "name": self.name,
            "price": self.price,
            "barcodes": self.barcodes,
            "category": self.category,
            "tax_class": self.tax_class,
            "sold_by": self.sold_by,
            "open_price": self.truth,
            "track_stock": self.truth,
            "is_active": self.truth,
        }

    def read(self, row: Row) -> Wanted | list[FieldError]:
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for column, cell in row.cells.items():
            try:
                values[column] = self.readers[column](cell)
            except FormatError as error:
                detail = MESSAGES[error.code].format(**error.facts)
                errors.append(FieldError(column, error.code, detail, row=row.number))
        return errors or wanted(row.number, values)

    def sku(self, cell: str) -> str:
        return self.code(cell) or refuse("blank")

    def code(self, cell: str) -> str:
        return parse_text(normalize_code(parse_text(cell, max_length=64)), max_length=64)

    def name(self, cell: str) -> str:
        return parse_text(cell, max_length=200) or refuse("blank")

    def price(self, cell: str) -> Decimal:
        if not cell:
            refuse("blank")
        try:
            number = parse_number(cell, decimals=self.decimals, digits=MAX_AMOUNT.adjusted())
        except FormatError as error:
            refuse("not_a_number" if error.code == "invalid" else error.code, **error.facts)
        return number.quantize(self.unit)

    def barcodes(self, cell: str) -> tuple[str, ...]:
        codes = tuple(dict.fromkeys(filter(None, map(self.code, split(cell)))))
        if len(codes) > MOST_BARCODES:
            refuse("too_many_barcodes", most=MOST_BARCODES)
        return codes

    def category(self, cell: str) -> str:
        return parse_text(cell, max_length=100)

    def tax_class(self, cell: str) -> TaxClass | None:
        if not cell:
            return None
        found = self.tax_classes.get(parse_text(cell, max_length=100))
        return found or refuse("unknown_tax_class")

    def sold_by(self, cell: str) -> str | None:
        """None, as of the truths below, leaves the value as it is."""
        if cell and cell.lower() not in Product.SoldBy.values:
            refuse("invalid_choice", choices=", ".join(Product.SoldBy.values))
        return cell.lower() or None

    def truth(self, cell: str) -> bool | None:
        """In the words of spreadsheets too, which write TRUE."""
        if cell and cell.lower() not in TRUTHS:
            refuse("invalid_choice", choices="true, false")
        return TRUTHS.get(cell.lower())


LEFT_WHEN_EMPTY = ("sold_by", "open_price", "track_stock", "is_active")


def wanted(number: int, values: dict[str, Any]) -> Wanted:
    sku, barcodes, category = values.pop(KEY), values.pop("barcodes", None), values.get("category")
    values.pop("category", None)
    given = {
        name: value
        for name, value in values.items()
        if value is not None or name not in LEFT_WHEN_EMPTY
    }
    return Wanted(number, sku, given, category, barcodes)


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


def joined(codes: list[str]) -> str:
    """The cell that `split` reads."""
    return "|".join(map(escaped, codes))


def escaped(code: str) -> str:
    for sign in (ESCAPE, *SEPARATORS):
        code = code.replace(sign, ESCAPE + sign)
    return code

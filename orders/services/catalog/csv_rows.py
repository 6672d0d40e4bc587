"""Rows of a catalog file: columns, parsing of cells, and error messages."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from orders.codes import normalize_plu
from orders.models import Product, TaxClass
from orders.models.barcode_rule import BarcodeKeys
from orders.models.catalog import MAX_PLU_LENGTH, normalize_code
from orders.models.columns import MAX_AMOUNT, QUANTITY_DECIMALS
from orders.money import ContentUnit
from orders.services.catalog.code_cells import (
    check_no_spreadsheet_error,
    read_code,
    split_barcodes,
    split_list_names,
)
from orders.services.catalog.csv_options import parse_options, split_options
from tenants.api.formats import FormatError, parse_number, parse_text
from tenants.csv import unescape_formula
from tenants.exceptions import FieldError
from tenants.models import Store
from tenants.models.owned import MAX_EXTERNAL_ID_LENGTH
from tenants.written_numbers import NumberColumn
from tenants.xlsx import NumberCell

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
    "parent",
    "options",
    "cost",
    "content",
    "content_unit",
    "external_id",
    "modifier_lists",
)
# Read, but not exported: opening stock, the currency of the prices, and the total rate of taxes.
EXTRA_COLUMNS = ("stock", "currency", "tax_percent")
# Stock of one store, such as "stock [Main Street]".
STORE_STOCK = re.compile(r"stock \[(?P<store>.+)\]")
KEY_COLUMN = "sku"
# Damage by spreadsheets is undone in these.
CODE_COLUMNS = frozenset({"sku", "barcodes", "plu", "deposit", "parent", "external_id"})
NUMBER_FIELDS = ("price", "stock", "tax_percent", "cost", "content")
# Required for new products only.
REQUIRED_COLUMNS = ("name", "price")
MAX_BARCODES_PER_PRODUCT = 50
MAX_MODIFIER_LISTS_PER_PRODUCT = 20
# A rate in the name of a tax, such as "19% VAT".
PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
# Also as spreadsheets in other languages write them.
YES = (
    "true 1 yes y on ja j oui o si sì sí s sim tak t "
    "wahr vrai vero verdadero verdadeiro prawda waar"
)
NO = "false 0 no n off nein non nee nie não falsch faux falso fałsz onwaar"
BOOLEAN_VALUES = dict.fromkeys(YES.split(), True) | dict.fromkeys(NO.split(), False)
# Most prices: they need no look at the other cells of their column.
PLAIN_PRICE = re.compile(r"[0-9]+(?:\.[0-9]{1,2})?")
MAX_QUANTITY_DIGITS = 6
MAX_TAX_PERCENT_DIGITS, TAX_PERCENT_DECIMALS = 3, 4
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
    "unknown_modifier_list": "Modifier list {name} not found. Create it first.",
    "too_many_modifier_lists": "At most {maximum} modifier lists.",
    "not_digits": "Enter digits that are not all zeros.",
    "ambiguous_number": "The separator may be one of decimals or of thousands. "
    "Remove it if it separates thousands, or add a zero if it separates decimals.",
    "wrong_currency": "The currency of the shop is {currency}. Convert the price.",
    "unknown_tax_rate": "No tax class has this rate, or several have it. "
    "Create one, or select a tax class for new products (`tax_class`).",
    "digits_lost": "A spreadsheet has shortened this code, so that digits are lost. "
    "Format the column as text and export the file again.",
    "date_in_code": "A spreadsheet has turned this code into a date. "
    "Format the column as text and enter the code again, or with an apostrophe in front.",
    "formula_in_code": "The cell has a formula instead of a code. "
    "Enter the code, with an apostrophe in front if it begins with =.",
    "spreadsheet_error": "The spreadsheet shows an error here. Correct the formula.",
    "not_positive": "Must be greater than zero.",
    "malformed_options": "Write the options as in: Size: M | Color: Red.",
    "too_many_options": "At most {maximum} options.",
    "repeated_option": "Each option must have another name.",
    "comma_in_barcode": "Separate barcodes with |. "
    "Write \\, for a comma that is part of a barcode.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """What tells the variants of one product apart in files of other systems: a handle or SKU.

    `is_parent` is set for the row of the product itself, which some systems have.
    """

    key: str
    name: str
    is_parent: bool = False


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a row by field, those with stock by store, and those with options by name.

    `options` is None if the file has no columns for single options.
    """

    values: dict[str, str]
    stock: tuple[tuple[Store, str], ...] = ()
    options: tuple[tuple[str, str], ...] | None = None
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A parsed row: the values of its columns; the category by its name.

    `deposit` and `parent` are SKUs; they are empty to remove them, and None without the column, as
    are the options. `blank` are required columns without a value, which variants and parents may
    have.
    """

    row: int
    sku: str
    values: dict[str, Any]
    category: str | None
    barcodes: tuple[str, ...] | None
    deposit: str | None
    stock: tuple[tuple[Store, Decimal], ...] = ()
    parent: str | None = None
    options: list[list[str]] | None = None
    group: Group | None = None
    blank: tuple[str, ...] = ()


def raise_format_error(code: str, **facts: object) -> NoReturn:
    raise FormatError(code, **facts)


def clean_cell(name: str, cell: str) -> str:
    """Return the text of a cell. Codes keep what a spreadsheet has put around them.

    Numbers of a spreadsheet stay marked where a number is expected.
    """
    if name in NUMBER_FIELDS and isinstance(cell, NumberCell):
        return cell
    return cell if name in CODE_COLUMNS else unescape_formula(cell).strip()


def parse_boolean_word(cell: str) -> bool | None:
    """Return what yes or no mean, in several languages; None for anything else."""
    return BOOLEAN_VALUES.get(cell.strip().casefold())


@dataclass(slots=True)
class TaxClasses:
    """The tax classes of the shop by name and by total rate. `chosen` stands for unknown ones."""

    by_name: Mapping[str, TaxClass]
    chosen: TaxClass | None = None
    by_percent: dict[Decimal, TaxClass | None] = field(default_factory=dict)
    by_folded_name: dict[str, TaxClass] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, tax_class in self.by_name.items():
            self.by_folded_name[name.casefold()] = tax_class
            rates = tax_class.tax_rates
            total = sum((rate.percent for rate in rates), Decimal(0))
            if not any(rate.compound for rate in rates):
                self.by_percent[total] = None if total in self.by_percent else tax_class

    def get_default(self) -> TaxClass | None:
        """Return the tax class of imported products that name none."""
        return self.chosen or (
            next(iter(self.by_name.values())) if len(self.by_name) == 1 else None
        )

    def find(self, name: str) -> TaxClass:
        found = self.by_name.get(name)
        return found or raise_format_error("unknown_tax_class")

    def has_name(self, name: str) -> bool:
        return name.casefold() in self.by_folded_name

    def find_foreign(self, name: str) -> TaxClass:
        """Return the class with a name that another system uses."""
        found = self.by_folded_name.get(name.casefold()) or self.chosen
        return found or raise_format_error("unknown_tax_class")

    def find_by_percent(self, percent: Decimal) -> TaxClass | None:
        found = self.by_percent.get(percent)
        if found is None and not percent:
            return None
        return found or self.chosen or raise_format_error("unknown_tax_rate")


class RowParser:
    """Parser of rows, for the tax classes and the currency of one tenant, and for one file."""

    def __init__(
        self,
        taxes: TaxClasses,
        decimals: int,
        *,
        numbers: Mapping[str, NumberColumn],
        headings: Callable[[str], str],
        modifier_lists: Mapping[str, UUID],
        barcode_keys: BarcodeKeys,
    ) -> None:
        self.taxes = taxes
        # Ids by name.
        self.modifier_lists = modifier_lists
        self.decimals = decimals
        self.numbers = numbers
        self.headings = headings
        self.barcode_keys = barcode_keys
        self.unit = Decimal(1).scaleb(-decimals)
        self.parsers: dict[str, Callable[[str], Any]] = {
            "sku": self.parse_sku,
            "name": self.parse_name,
            "price": self.parse_price,
            "barcodes": self.parse_barcodes,
            "category": self.parse_category,
            "tax_class": self.parse_tax_class,
            "tax_class_name": self.parse_foreign_tax_class,
            "tax_percent": self.parse_tax_percent,
            "sold_by": self.parse_sold_by,
            "open_price": self.parse_boolean,
            "track_stock": self.parse_boolean,
            "is_active": self.parse_boolean,
            "plu": self.parse_plu,
            "weight_unit": self.parse_weight_unit,
            "deposit": self.parse_deposit,
            "parent": self.parse_deposit,
            "options": split_options,
            "returnable": self.parse_boolean,
            "currency": self.parse_currency,
            "cost": self.parse_cost,
            "content": self.parse_content,
            "content_unit": self.parse_content_unit,
            "external_id": self.parse_external_id,
            "modifier_lists": self.parse_modifier_lists,
            "tax_names": self.parse_tax_names,
        }

    def parse_row(self, number: int, cells: Cells) -> ProductRow | list[FieldError]:
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        blank = tuple(name for name in REQUIRED_COLUMNS if cells.values.get(name) == "")
        for column, cell in cells.values.items():
            if column in blank:
                continue
            try:
                values[column] = self.parsers[column](cell)
            except FormatError as error:
                errors.append(self.build_cell_error(column, error, number))
        stock = self.parse_stock(number, cells, errors) if cells.stock else ()
        options = self.parse_options(number, values.pop("options", None), cells, errors)
        if errors:
            return [*self.find_blank_name(number, cells, blank), *errors]
        return build_product_row(
            number, values, stock, options=options, group=cells.group, blank=blank
        )

    def find_blank_name(
        self, number: int, cells: Cells, blank: tuple[str, ...]
    ) -> Iterator[FieldError]:
        """Yield the error of an empty name in a row with other errors, unless it is a variant."""
        if "name" in blank and not (cells.values.get("parent") or cells.group):
            yield self.build_cell_error("name", FormatError("blank"), number)

    def parse_options(
        self,
        number: int,
        pairs: list[tuple[str, str]] | None,
        cells: Cells,
        errors: list[FieldError],
    ) -> list[list[str]] | None:
        """Return the options of one cell and of single columns; None if the file has neither."""
        if pairs is None and cells.options is None:
            return None
        try:
            return parse_options([*(pairs or ()), *(cells.options or ())])
        except FormatError as error:
            errors.append(self.build_cell_error("options", error, number))
            return None

    def build_cell_error(self, column: str, error: FormatError, number: int) -> FieldError:
        detail = ERROR_MESSAGES[error.code].format(**error.facts)
        return FieldError(self.headings(column), error.code, detail, row=number)

    def parse_stock(
        self, number: int, cells: Cells, errors: list[FieldError]
    ) -> tuple[tuple[Store, Decimal], ...]:
        """Return the opening stock by store. Less than nothing counts as nothing."""
        found = []
        for store, cell in cells.stock:
            try:
                if cell:
                    found.append((store, max(self.parse_quantity(cell), Decimal(0))))
            except FormatError as error:
                errors.append(self.build_cell_error("stock", error, number))
        return tuple(found)

    def parse_quantity(self, cell: str) -> Decimal:
        text = self.numbers["stock"].normalize(cell, decimals=QUANTITY_DECIMALS)
        return parse_number(
            text, decimals=QUANTITY_DECIMALS, digits=MAX_QUANTITY_DIGITS, signed=True
        )

    def parse_sku(self, cell: str) -> str:
        return self.parse_code(read_code(cell)) or raise_format_error("blank")

    def parse_code(self, code: str) -> str:
        return parse_text(normalize_code(parse_text(code, max_length=64)), max_length=64)

    def parse_deposit(self, cell: str) -> str:
        return self.parse_code(read_code(cell))

    def parse_name(self, cell: str) -> str:
        check_no_spreadsheet_error(cell)
        return parse_text(cell, max_length=200) or raise_format_error("blank")

    def parse_external_id(self, cell: str) -> str | None:
        text = read_code(cell).strip()
        return parse_text(text, max_length=MAX_EXTERNAL_ID_LENGTH) or None

    def parse_modifier_lists(self, cell: str) -> list[str] | None:
        """Parse names of modifier lists into ids, in their order; None without any."""
        ids: dict[str, None] = {}
        for name in split_list_names(cell):
            found = self.modifier_lists.get(name)
            if found is None:
                raise_format_error("unknown_modifier_list", name=name[:100])
            ids[str(found)] = None
        if len(ids) > MAX_MODIFIER_LISTS_PER_PRODUCT:
            raise_format_error("too_many_modifier_lists", maximum=MAX_MODIFIER_LISTS_PER_PRODUCT)
        return list(ids) or None

    def parse_currency(self, cell: str) -> str:
        currency = self.numbers["price"].currency
        if cell and cell.upper() != currency:
            raise_format_error("wrong_currency", currency=currency)
        return cell

    def parse_price(self, cell: str) -> Decimal:
        return self.parse_amount(cell, "price") if cell else raise_format_error("blank")

    def parse_cost(self, cell: str) -> Decimal | None:
        return self.parse_amount(cell, "cost") if cell else None

    def parse_content(self, cell: str) -> Decimal | None:
        if not cell:
            return None
        text = self.numbers["content"].normalize(cell, decimals=QUANTITY_DECIMALS)
        number = parse_number(text, decimals=QUANTITY_DECIMALS, digits=MAX_QUANTITY_DIGITS)
        return number or raise_format_error("not_positive")

    def parse_content_unit(self, cell: str) -> str | None:
        units = [unit.value for unit in ContentUnit]
        if cell and cell.lower() not in units:
            raise_format_error("invalid_choice", choices=", ".join(units))
        return cell.lower() or None

    def parse_amount(self, cell: str, column: str) -> Decimal:
        if not PLAIN_PRICE.fullmatch(cell):
            cell = self.numbers[column].normalize(cell, decimals=self.decimals)
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
            codes.setdefault(self.barcode_keys.build(code), code)
        if len(codes) > MAX_BARCODES_PER_PRODUCT:
            raise_format_error("too_many_barcodes", maximum=MAX_BARCODES_PER_PRODUCT)
        return tuple(codes.values())

    def parse_category(self, cell: str) -> str:
        check_no_spreadsheet_error(cell)
        return parse_text(cell, max_length=100)

    def parse_tax_class(self, cell: str) -> TaxClass | None:
        return self.taxes.find(parse_text(cell, max_length=100)) if cell else None

    def parse_foreign_tax_class(self, cell: str) -> TaxClass | None:
        return self.taxes.find_foreign(parse_text(cell, max_length=100)) if cell else None

    def parse_tax_percent(self, cell: str) -> TaxClass | None:
        """Parse one rate, or several with a plus between them, and return the class with them."""
        if not cell:
            return None
        rates: Iterable[str] = [cell]
        if not isinstance(cell, NumberCell):
            rates = (each.strip().removesuffix("%").strip() for each in cell.split("+"))
        column = self.numbers["tax_percent"]
        texts = [column.normalize(rate, decimals=TAX_PERCENT_DECIMALS) for rate in rates]
        return self.taxes.find_by_percent(
            sum(
                (
                    parse_number(text, decimals=TAX_PERCENT_DECIMALS, digits=MAX_TAX_PERCENT_DIGITS)
                    for text in texts
                ),
                Decimal(0),
            )
        )

    def parse_tax_names(self, cell: str) -> TaxClass | None:
        """Parse names of taxes, such as "19% VAT": the class of this name, else with its rates."""
        name = parse_text(cell, max_length=200)
        percents = [Decimal(each.replace(",", ".")) for each in PERCENT.findall(name)]
        if self.taxes.has_name(name) or not percents:
            return self.taxes.find_foreign(name)
        return self.taxes.find_by_percent(sum(percents, Decimal(0)))

    def parse_sold_by(self, cell: str) -> str | None:
        """Parse the unit of sale. None, for an empty cell, keeps the stored value."""
        if cell and cell.lower() not in Product.SoldBy.values:
            raise_format_error("invalid_choice", choices=", ".join(Product.SoldBy.values))
        return cell.lower() or None

    def parse_plu(self, cell: str) -> str | None:
        code = read_code(cell)
        if not code:
            return None
        text = parse_text(code, max_length=MAX_PLU_LENGTH)
        is_number = text.isascii() and text.isdigit()
        return (normalize_plu(text) if is_number else "") or raise_format_error("not_digits")

    def parse_weight_unit(self, cell: str) -> str | None:
        if cell and cell.lower() not in Product.WeightUnit.values:
            raise_format_error("invalid_choice", choices=", ".join(Product.WeightUnit.values))
        return cell.lower() or None

    def parse_boolean(self, cell: str) -> bool | None:
        """Parse a boolean, also as spreadsheets write it (TRUE). None keeps the stored value."""
        value = parse_boolean_word(cell)
        if cell and value is None:
            raise_format_error("invalid_choice", choices="true, false")
        return value


KEPT_WHEN_EMPTY = (
    *("sold_by", "weight_unit", "open_price", "track_stock", "is_active", "returnable"),
)


def build_product_row(
    number: int, values: dict[str, Any], stock: tuple[tuple[Store, Decimal], ...], **others: Any
) -> ProductRow:
    sku = values.pop(KEY_COLUMN)
    barcodes, category, deposit, parent = (
        values.pop(name, None) for name in ("barcodes", "category", "deposit", "parent")
    )
    values.pop("currency", None)
    for name in ("tax_class_name", "tax_percent", "tax_names"):
        if name in values:
            values["tax_class"] = values.pop(name)
    values_to_set = {
        name: value
        for name, value in values.items()
        if value is not None or name not in KEPT_WHEN_EMPTY
    }
    return ProductRow(
        number, sku, values_to_set, category, barcodes, deposit, stock, parent, **others
    )

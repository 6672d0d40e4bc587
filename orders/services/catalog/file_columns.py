"""Columns of a catalog file: which field each of them has."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from orders.models import ModifierList, TaxClass
from orders.services.catalog.column_places import ColumnPlaces
from orders.services.catalog.csv_options import OPTION_COLUMN
from orders.services.catalog.csv_rows import (
    COLUMNS,
    EXTRA_COLUMNS,
    KEY_COLUMN,
    NUMBER_FIELDS,
    STORE_STOCK,
)
from orders.services.catalog.file_formats import (
    MODIFIER_HEADING,
    TAX_HEADING,
    FileFormat,
    detect_format,
    normalize_heading,
)
from orders.services.catalog.foreign_rows import ForeignRows
from orders.services.catalog.own_rows import OwnRows
from orders.services.catalog.stock_rows import StockRows
from tenants.csv import unescape_formula
from tenants.exceptions import FieldError
from tenants.models import Store
from tenants.scope import current_tenant
from tenants.written_numbers import POINT, NumberColumn, get_country_separator

AMOUNTS = ("price", "cost")
OWN_FORMAT, MAPPED_FORMAT = "till", "mapping"
MAX_NAME_LENGTH = 100
# Currencies with so many decimals as there are digits between separators of thousands.
MAX_EXPONENT = 3


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says about a file.

    `mapping` has the field of each heading that is not recognized, or its English heading in files
    of another system. `store` is where stock without the name of a store is, and `tax_class` is
    for new products whose file names none.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    store: Store | None = None
    tax_class: TaxClass | None = None


def drop_empty_end(headings: list[str]) -> list[str]:
    while headings and not headings[-1]:
        headings.pop()
    return headings


class FileColumns:
    """The columns of one file."""

    def __init__(self, header: Sequence[str], options: ImportOptions) -> None:
        self.options = options
        self.headings = drop_empty_end([unescape_formula(cell).strip() for cell in header])
        self.given = [normalize_heading(heading) for heading in self.headings]
        self.normalized = self.given
        self.read_mapping()
        self.format = self.find_format()
        self.name = self.format.name if self.format else self.name_own_format()
        self.places = ColumnPlaces()
        self.errors: list[FieldError] = []
        self.warnings: list[FieldError] = []
        self.assign_columns()
        self.places.named_options += self.find_named_options()
        self.errors += self.find_header_errors()
        self.numbers = self.build_number_columns()
        self.rows = self.build_rows()

    def build_rows(self) -> OwnRows | ForeignRows:
        """Return the reader of the rows."""
        if self.format is None:
            return OwnRows(self.places)
        if self.format.is_stock_only:
            stores, chosen = self.load_stores()
            return StockRows(self.format, self.places, stores, chosen)
        return ForeignRows(self.format, self.places)

    def load_stores(self) -> tuple[dict[str, Store], Store | None]:
        """Return the stores by name, and the one of stock that names none."""
        stores = list(Store.objects.filter(is_active=True))
        by_name = {normalize_heading(store.name): store for store in stores}
        return by_name, self.options.store or (stores[0] if len(stores) == 1 else None)

    def list_stores(self) -> list[Store]:
        """Return the stores whose stock the file has."""
        if isinstance(self.rows, StockRows):
            return self.rows.list_stores()
        return [store for _, store in self.places.stock]

    def name_own_format(self) -> str:
        return MAPPED_FORMAT if self.mapping else OWN_FORMAT

    def read_mapping(self) -> None:
        given = {normalize_heading(name): each for name, each in self.options.mapping.items()}
        self.mapping = {name: normalize_heading(target) for name, target in given.items()}
        # With the spelling of the names of options.
        self.mapped_options = {
            name: found["name"]
            for name, target in given.items()
            if (found := OPTION_COLUMN.fullmatch(target.strip()))
        }

    def find_format(self) -> FileFormat | None:
        """Return the system that the file comes from, also by a mapping to its headings."""
        if not self.mapping:
            return detect_format(self.given)
        if all(map(self.is_own_field, self.mapping.values())):
            return None
        translated = [self.mapping.get(heading, heading) for heading in self.given]
        found = detect_format(translated)
        if found:
            self.normalized = translated
        return found

    @staticmethod
    def is_own_field(name: str) -> bool:
        by_name = STORE_STOCK.fullmatch(name) or OPTION_COLUMN.fullmatch(name)
        return name in COLUMNS or name in EXTRA_COLUMNS or by_name is not None

    # --- header -------------------------------------------------------------------------------

    @property
    def is_stock_only(self) -> bool:
        """Return whether the file has nothing but the stock of products."""
        return self.format is not None and self.format.is_stock_only

    @property
    def has_taxes(self) -> bool:
        """Return whether the file says which taxes its products have."""
        own = {"tax_class", "tax_class_name", "tax_percent", "tax_names"}
        return bool(self.places.tax_percents or own & self.places.fields.keys())

    @property
    def is_foreign(self) -> bool:
        """Return whether the file comes from another system."""
        return self.name != OWN_FORMAT

    def get_heading(self, name: str) -> str:
        """Return the heading of a field in this file, for error messages."""
        if name == "stock" and self.places.stock:
            return self.get_stock_heading(self.places.stock[0][1])
        if name == "stock" and self.is_stock_only:
            name = "quantity"
        places = self.places.fields.get(name)
        return self.headings[places[0]][:MAX_NAME_LENGTH] if places else name

    def get_stock_heading(self, store: Store) -> str:
        found = (place for place, each in self.places.stock if each == store)
        place = next(found, None)
        return (
            self.get_heading("stock") if place is None else self.headings[place][:MAX_NAME_LENGTH]
        )

    def assign_columns(self) -> None:
        stock: list[tuple[int, str]] = []
        for position, heading in enumerate(self.normalized):
            if heading in self.normalized[:position] or self.assign_option(position, heading):
                continue
            names = list(self.find_fields(heading))
            stock += [(position, store) for name, store in names if name == "stock"]
            for name in [name for name, _ in names if name != "stock"]:
                self.places.fields.setdefault(name, []).append(position)
            if not names and not self.assign_marks(position, heading):
                self.warn_unknown_column(position)
        if self.format:
            self.sort_by_preference(self.format)
        self.assign_stock(stock)

    def assign_option(self, position: int, heading: str) -> bool:
        """Return whether the column has one option of variants, and remember it."""
        if self.format:
            return False
        found = OPTION_COLUMN.fullmatch(self.headings[position])
        name = self.mapped_options.get(heading) or (found["name"] if found else None)
        if name and (heading not in self.mapping or heading in self.mapped_options):
            self.places.options_by_name.append((position, name))
            return True
        return False

    def find_named_options(self) -> Iterator[tuple[int | None, int]]:
        """Yield the positions of name, if there is one, and value of options in other systems."""
        places = {heading: place for place, heading in reversed([*enumerate(self.normalized)])}
        for name, value in self.format.named_options if self.format else ():
            if value in places:
                yield places.get(name), places[value]

    def assign_marks(self, position: int, heading: str) -> bool:
        """Return whether the column marks the products that have a tax or a modifier list."""
        return self.assign_tax_rate(position, heading) or self.assign_modifier_list(position)

    def assign_tax_rate(self, position: int, heading: str) -> bool:
        """Return whether the column has the products that have a rate, and remember it."""
        found = TAX_HEADING.fullmatch(heading) if self.format else None
        if found:
            self.places.tax_percents.append((position, Decimal(found["percent"].replace(",", "."))))
        return found is not None

    def assign_modifier_list(self, position: int) -> bool:
        """Return whether the column has the products of a modifier list, and remember it."""
        found = MODIFIER_HEADING.fullmatch(self.headings[position]) if self.format else None
        if found:
            self.places.modifier_lists.append((position, found["quoted"] or found["name"]))
        return found is not None

    def load_modifier_lists(self) -> dict[str, UUID]:
        """Return the ids of the modifier lists that the file may name, by their names.

        Files of other systems name lists in headings, without their modifiers: those that the shop
        does not have are ignored, with one warning each.
        """
        if not self.places.modifier_lists and "modifier_lists" not in self.places.fields:
            return {}
        ids = dict(ModifierList.objects.order_by("pk").values_list("name", "pk"))
        for position, name in self.places.modifier_lists:
            if name not in ids:
                heading = self.headings[position][:MAX_NAME_LENGTH]
                detail = (
                    "There is no modifier list of this name. The column is ignored. Create the "
                    "list with its modifiers, and import the file again."
                )
                self.warnings.append(FieldError(heading, "unknown_modifier_list", detail, row=1))
        self.places.modifier_lists = [each for each in self.places.modifier_lists if each[1] in ids]
        return ids

    def find_fields(self, heading: str) -> list[tuple[str, str]]:
        """Return the fields of a heading, with the name of the store for stock by store."""
        return self.format.find_fields(heading) if self.format else self.find_own_field(heading)

    def find_own_field(self, heading: str) -> list[tuple[str, str]]:
        plain = heading if "[" in heading else heading.replace(" ", "_")
        name = self.mapping.get(heading, plain)
        if name in COLUMNS or name in EXTRA_COLUMNS:
            return [(name, "")]
        by_store = STORE_STOCK.fullmatch(name)
        return [("stock", by_store["store"])] if by_store else []

    def sort_by_preference(self, file_format: FileFormat) -> None:
        """Sort the columns of a field by preference, so that the first that is not empty counts."""
        for name, places in self.places.fields.items():
            order = file_format.headings.get(name, ())
            places.sort(
                key=lambda place, order=order: (  # type: ignore[misc]  # a bound default
                    order.index(self.normalized[place])
                    if self.normalized[place] in order
                    else len(order)
                )
            )

    def warn_unknown_column(self, position: int) -> None:
        name = self.headings[position][:MAX_NAME_LENGTH]
        detail = "Unknown column. It is ignored."
        if not name:
            detail = f"Column {position + 1} has no heading. It is ignored."
        self.warnings.append(FieldError(name, "unknown_column", detail, row=1))

    def find_header_errors(self) -> Iterator[FieldError]:
        counts = Counter(self.normalized)
        for position in sorted(self.places.list_all()):
            if counts[self.normalized[position]] > 1:
                name = self.headings[position][:MAX_NAME_LENGTH]
                yield FieldError(name, "duplicate_column", "Must be given only once.", row=1)
        if self.format is None:
            yield from self.find_own_header_errors()
        for name in self.options.mapping:
            if normalize_heading(name) not in self.given:
                detail = "The file has no column with this heading."
                yield FieldError(name[:MAX_NAME_LENGTH], "unknown_column", detail, row=1)

    def find_own_header_errors(self) -> Iterator[FieldError]:
        """Yield an error for each column that is there twice, and for a missing SKU."""
        for name, places in self.places.fields.items():
            if len(places) > 1:
                heading = self.headings[places[1]][:MAX_NAME_LENGTH]
                detail = f"Another column is {name} already."
                yield FieldError(heading, "duplicate_column", detail, row=1)
        if KEY_COLUMN not in self.places.fields:
            detail = (
                "The header must contain this column. Files of other systems are recognized by "
                "their English headings; otherwise map a heading to it with `mapping`."
            )
            yield FieldError(KEY_COLUMN, "required", detail, row=1)

    def assign_stock(self, columns: Sequence[tuple[int, str]]) -> None:
        """Find the store of each column with stock."""
        if not columns:
            return
        by_name, only = self.load_stores()
        for position, name in columns:
            named = by_name.get(name) or by_name.get(name.replace("_", " "))
            # The only column of a file may be named otherwise than the store.
            store = named or (only if len(columns) == 1 else None)
            heading = self.headings[position][:MAX_NAME_LENGTH]
            if store is not None:
                self.places.stock.append((position, store))
            elif name:
                detail = "There is no store of this name. The column is ignored."
                self.warnings.append(FieldError(heading, "unknown_store", detail, row=1))
            else:
                self.errors.append(self.build_store_error(heading))

    def build_number_columns(self) -> dict[str, NumberColumn]:
        """Return how numbers are read. The other systems write a decimal point everywhere."""
        shop, in_file = current_tenant(), set[str]()
        by_country = get_country_separator(shop.country)
        three_decimals = None
        if shop.currency_exponent == MAX_EXPONENT:
            # The export writes a point in every country.
            is_export = self.normalized == list(COLUMNS)
            three_decimals = by_country + (POINT if self.format or is_export else "")
        return {
            name: NumberColumn(
                otherwise=POINT if self.format else by_country,
                currency=shop.currency,
                in_file=in_file,
                three_decimals=three_decimals if name in AMOUNTS else None,
            )
            for name in NUMBER_FIELDS
        }

    # --- rows ---------------------------------------------------------------------------------

    def iterate_number_columns(self) -> Iterator[tuple[int, NumberColumn]]:
        """Yield the positions of all columns with numbers."""
        for name, column in self.numbers.items():
            for position in self.places.fields.get(name, ()):
                yield position, column
        counted = [position for position, _ in self.places.stock]
        for position in (*counted, *self.places.fields.get("quantity", ())):
            yield position, self.numbers["stock"]

    def find_cell_count_error(self, number: int, cells: Sequence[str]) -> FieldError | None:
        """Return the error of a row with other cells than the header has; empty ones may miss."""
        expected = len(self.headings)
        if len(cells) >= expected and not any(map(str.strip, cells[expected:])):
            return None
        detail = f"Expected {expected} cells as in the header, found {len(cells)}."
        return FieldError("", "wrong_number_of_cells", detail, row=number)

    def find_location_problems(self) -> tuple[list[FieldError], list[FieldError]]:
        """Return the errors and warnings of locations, once all rows have been seen."""
        if not isinstance(self.rows, StockRows):
            return [], []
        heading = self.get_heading("location")
        if len(self.rows.locations) <= 1 and not self.rows.list_stores():
            return [self.build_store_error(heading)], []
        return [], list(self.rows.find_warnings(heading))

    def build_store_error(self, heading: str) -> FieldError:
        detail = "Select the store of this stock (`store`)."
        return FieldError(heading, "store_required", detail, row=1)

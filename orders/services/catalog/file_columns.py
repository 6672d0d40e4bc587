"""Columns of a catalog file: which field each of them has, and the cells of a row by field."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from orders.models import ModifierList, TaxClass
from orders.models.variant_options import join_names
from orders.services.catalog.code_cells import join_list_names
from orders.services.catalog.csv_options import OPTION_COLUMN
from orders.services.catalog.csv_rows import (
    COLUMNS,
    EXTRA_COLUMNS,
    KEY_COLUMN,
    NUMBER_FIELDS,
    STORE_STOCK,
    Cells,
    Group,
    clean_cell,
    parse_boolean_word,
)
from orders.services.catalog.file_formats import (
    ACTIVE_WORDS,
    DEFAULT_OPTION,
    MODIFIER_HEADING,
    STANDARD_TAX,
    TAX_HEADING,
    TYPED_PRICE,
    UNNAMED_OPTION,
    FileFormat,
    compose_sku,
    detect_format,
    drop_default_options,
    normalize_heading,
    read_category_path,
    split_joined_options,
)
from tenants.csv import unescape_formula
from tenants.exceptions import FieldError
from tenants.models import Store
from tenants.scope import current_tenant
from tenants.written_numbers import POINT, NumberColumn, get_country_separator

AMOUNTS = ("price", "cost")
OWN_FORMAT, MAPPED_FORMAT = "till", "mapping"
MAX_NAME_LENGTH = 100
# Rows of a product whose variants are distinguished by a name alone.
MIN_GROUP = 2
# Currencies with so many decimals as there are digits between separators of thousands.
MAX_EXPONENT = 3


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says about a file.

    `mapping` has the field of each heading that is not recognized, `store` is where stock without
    the name of a store is, and `tax_class` is for new products whose file names none.
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
        self.normalized = [normalize_heading(heading) for heading in self.headings]
        self.read_mapping()
        self.format = None if self.mapping else detect_format(self.normalized)
        self.name = self.format.name if self.format else self.name_own_format()
        self.positions: dict[str, list[int]] = {}
        self.stock: list[tuple[int, Store]] = []
        # Positions of single options by their name, in the own format.
        self.options_by_name: list[tuple[int, str]] = []
        # How many rows each group has.
        self.group_sizes: Counter[str] = Counter()
        # Positions of columns that mark products: by the rate of a tax, and by the name of a list.
        self.tax_percents: list[tuple[int, Decimal]] = []
        self.modifier_lists: list[tuple[int, str]] = []
        self.errors: list[FieldError] = []
        self.warnings: list[FieldError] = []
        self.assign_columns()
        self.named_options = list(self.find_named_options())
        self.errors += self.find_header_errors()
        self.numbers = self.build_number_columns()
        self.forget_group()
        self.plan = [(name, places[0]) for name, places in self.positions.items()]

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

    # --- header -------------------------------------------------------------------------------

    @property
    def is_foreign(self) -> bool:
        """Return whether the file comes from another system."""
        return self.name != OWN_FORMAT

    def get_heading(self, name: str) -> str:
        """Return the heading of a field in this file, for error messages."""
        if name == "stock" and self.stock:
            return self.get_stock_heading(self.stock[0][1])
        places = self.positions.get(name)
        return self.headings[places[0]][:MAX_NAME_LENGTH] if places else name

    def get_stock_heading(self, store: Store) -> str:
        return next(
            (self.headings[place][:MAX_NAME_LENGTH] for place, each in self.stock if each == store),
            "stock",
        )

    def assign_columns(self) -> None:
        stock: list[tuple[int, str]] = []
        for position, heading in enumerate(self.normalized):
            if heading in self.normalized[:position] or self.assign_option(position, heading):
                continue
            names = list(self.find_fields(heading))
            stock += [(position, store) for name, store in names if name == "stock"]
            for name in [name for name, _ in names if name != "stock"]:
                self.positions.setdefault(name, []).append(position)
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
            self.options_by_name.append((position, name))
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
            self.tax_percents.append((position, Decimal(found["percent"].replace(",", "."))))
        return found is not None

    def assign_modifier_list(self, position: int) -> bool:
        """Return whether the column has the products of a modifier list, and remember it."""
        found = MODIFIER_HEADING.fullmatch(self.headings[position]) if self.format else None
        if found:
            self.modifier_lists.append((position, found["quoted"] or found["name"]))
        return found is not None

    def load_modifier_lists(self) -> dict[str, UUID]:
        """Return the ids of the modifier lists that the file may name, by their names.

        Files of other systems name lists in headings, without their modifiers: those that the shop
        does not have are ignored, with one warning each.
        """
        if not self.modifier_lists and "modifier_lists" not in self.positions:
            return {}
        ids = dict(ModifierList.objects.order_by("pk").values_list("name", "pk"))
        for position, name in self.modifier_lists:
            if name not in ids:
                heading = self.headings[position][:MAX_NAME_LENGTH]
                detail = (
                    "There is no modifier list of this name. The column is ignored. Create the "
                    "list with its modifiers, and import the file again."
                )
                self.warnings.append(FieldError(heading, "unknown_modifier_list", detail, row=1))
        self.modifier_lists = [each for each in self.modifier_lists if each[1] in ids]
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
        for name, places in self.positions.items():
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
        for position in sorted(self.iterate_read_positions()):
            if counts[self.normalized[position]] > 1:
                name = self.headings[position][:MAX_NAME_LENGTH]
                yield FieldError(name, "duplicate_column", "Must be given only once.", row=1)
        if self.format is None:
            yield from self.find_own_header_errors()
        for name in self.options.mapping:
            if normalize_heading(name) not in counts:
                detail = "The file has no column with this heading."
                yield FieldError(name[:MAX_NAME_LENGTH], "unknown_column", detail, row=1)

    def find_own_header_errors(self) -> Iterator[FieldError]:
        """Yield an error for each column that is there twice, and for a missing SKU."""
        for name, places in self.positions.items():
            if len(places) > 1:
                heading = self.headings[places[1]][:MAX_NAME_LENGTH]
                detail = f"Another column is {name} already."
                yield FieldError(heading, "duplicate_column", detail, row=1)
        if KEY_COLUMN not in self.positions:
            detail = "The header must contain this column. Or map a heading to it with `mapping`."
            yield FieldError(KEY_COLUMN, "required", detail, row=1)

    def assign_stock(self, columns: Sequence[tuple[int, str]]) -> None:
        """Find the store of each column with stock."""
        if not columns:
            return
        stores = list(Store.objects.filter(is_active=True))
        by_name = {normalize_heading(store.name): store for store in stores}
        only = self.options.store or (stores[0] if len(stores) == 1 else None)
        for position, name in columns:
            named = by_name.get(name) or by_name.get(name.replace("_", " "))
            # The only column of a file may be named otherwise than the store.
            store = named or (only if len(columns) == 1 else None)
            heading = self.headings[position][:MAX_NAME_LENGTH]
            if store is not None:
                self.stock.append((position, store))
            elif name:
                detail = "There is no store of this name. The column is ignored."
                self.warnings.append(FieldError(heading, "unknown_store", detail, row=1))
            else:
                detail = "Select the store of this stock (`store`)."
                self.errors.append(FieldError(heading, "store_required", detail, row=1))

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
            for position in self.positions.get(name, ()):
                yield position, column
        for position, _ in self.stock:
            yield position, self.numbers["stock"]

    def find_cell_count_error(self, number: int, cells: Sequence[str]) -> FieldError | None:
        """Return the error of a row with other cells than the header has; empty ones may miss."""
        expected = len(self.headings)
        if len(cells) >= expected and not any(map(str.strip, cells[expected:])):
            return None
        detail = f"Expected {expected} cells as in the header, found {len(cells)}."
        return FieldError("", "wrong_number_of_cells", detail, row=number)

    def iterate_read_positions(self) -> set[int]:
        """Return the positions of all columns that are read."""
        read = {place for places in self.positions.values() for place in places}
        read |= {place for place, _ in self.options_by_name}
        read |= {place for place, _ in self.modifier_lists}
        return read | {place for place, _ in self.stock} | {place for place, _ in self.tax_percents}

    def read(self, cells: Sequence[str]) -> Cells | None:
        """Return the cells of a row by field, or None for a row that is no product."""
        stock = tuple((store, clean_cell("stock", cells[place])) for place, store in self.stock)
        if self.format is not None:
            found = self.read_foreign(cells, self.format)
            return None if found is None else replace(found, stock=stock)
        values = {name: clean_cell(name, cells[place]) for name, place in self.plan}
        if not self.options_by_name:
            return Cells(values, stock)
        by_name = self.options_by_name
        options = tuple((name, clean_cell("options", cells[place])) for place, name in by_name)
        return Cells(values, stock, options)

    def get_first(self, name: str, cells: Sequence[str]) -> str:
        """Return the first cell of a field that is not empty."""
        for place in self.positions.get(name, ()):
            if cells[place].strip():
                return clean_cell(name, cells[place])
        return ""

    def get_all(self, name: str, cells: Sequence[str]) -> list[str]:
        found = (clean_cell(name, cells[place]) for place in self.positions.get(name, ()))
        return [cell for cell in found if cell]

    def get_inherited(self, name: str, cells: Sequence[str]) -> list[str]:
        """Return the cells of a field, or those of the first row of the product if it has none."""
        return self.get_all(name, cells) or self.get_all(name, self.group_cells)

    def is_skipped(self, cells: Sequence[str], file_format: FileFormat) -> bool:
        """Return whether a row of another system is no product."""
        has_product = any(self.get_first(name, cells) for name in ("name", "price", "sku"))
        return bool(self.read_kinds(cells) & file_format.skipped_kinds) or not has_product

    def read_kinds(self, cells: Sequence[str]) -> frozenset[str]:
        kinds = self.get_first("kind", cells).casefold().split(",")
        return frozenset(map(str.strip, kinds))

    def see_group(self, cells: Sequence[str]) -> None:
        """Count the rows of a group, before one of them is read."""
        if self.format and not self.is_skipped(cells, self.format):
            self.group_sizes[self.get_first("group", cells)] += 1

    def read_foreign(self, cells: Sequence[str], file_format: FileFormat) -> Cells | None:
        """Return the cells of a row of another system as the fields of this one."""
        self.follow_group(self.get_first("name", cells), cells)
        if self.is_skipped(cells, file_format):
            return None
        options = self.read_options(cells)
        shown = drop_default_options([value for _, value in options])
        sku = self.get_first("sku", cells) or self.build_spare_sku(cells, shown)
        group = self.read_group(cells, options, sku, file_format)
        is_variant = group is not None and not group.is_parent
        if is_variant:
            shown = [value for _, value in options]
        values = {"sku": sku, "name": self.read_name(cells, shown, file_format)}
        values |= self.read_price(cells, file_format, is_optional=bool(group) and not is_variant)
        if "barcodes" in self.positions:
            values["barcodes"] = "|".join(self.get_all("barcodes", cells))
        if self.has_category:
            values["category"] = self.read_category(cells) or self.read_category(self.group_cells)
        if cost := self.get_first("cost", cells):
            values["cost"] = cost
        values |= self.read_flags(cells) | self.read_taxes(cells)
        values |= self.read_modifier_lists(cells)
        return Cells(values, options=tuple(options) if is_variant else None, group=group)

    def read_name(
        self, cells: Sequence[str], options: Sequence[str], file_format: FileFormat
    ) -> str:
        name = self.get_first("name", cells)
        if name and file_format.variant_kinds:
            return name
        name = name or self.get_first("name", self.group_cells)
        return join_names(name, options) if name else ""

    def read_price(
        self, cells: Sequence[str], file_format: FileFormat, *, is_optional: bool
    ) -> dict[str, str]:
        """Return the price, and whether the cashier types it."""
        if "price" not in self.positions:
            return {}
        price = self.get_first("price", cells)
        is_typed = price.casefold() == TYPED_PRICE
        values = {"price": "0" if is_typed or (is_optional and not price) else price}
        if file_format.has_typed_prices:
            values["open_price"] = "true" if is_typed else "false"
        return values

    def read_options(self, cells: Sequence[str]) -> list[tuple[str, str]]:
        """Return name and value of each option; the first row of a product has the names."""
        options = []
        for number, (name_at, value_at) in enumerate(self.named_options, 1):
            value = clean_cell("options", cells[value_at])
            name = self.get_inherited_at(name_at, cells) or f"Option {number}"
            if value and (name.casefold(), value.casefold()) != DEFAULT_OPTION:
                options.append((name, value))
        for cell in self.get_all("joined_options", cells):
            options += split_joined_options(cell)
        unnamed = self.get_all("options", cells)
        return options or [(UNNAMED_OPTION, value) for value in unnamed]

    def get_inherited_at(self, place: int | None, cells: Sequence[str]) -> str:
        if place is None:
            return ""
        own = clean_cell("options", cells[place])
        return own or (clean_cell("options", self.group_cells[place]) if self.group_cells else "")

    def read_group(
        self,
        cells: Sequence[str],
        options: Sequence[tuple[str, str]],
        sku: str,
        file_format: FileFormat,
    ) -> Group | None:
        """Return the group of a row that is a variant, or the product of variants."""
        kinds, name = self.read_kinds(cells), self.get_first("name", cells)
        if kinds & file_format.parent_kinds:
            return Group(sku, name, is_parent=True)
        group = self.get_first("group", cells)
        is_variant = not file_format.variant_kinds or bool(kinds & file_format.variant_kinds)
        is_named = all(name != UNNAMED_OPTION for name, _ in options)
        if not (group and options and is_variant):
            return None
        if not is_named and self.group_sizes[group] < MIN_GROUP:
            return None
        # WooCommerce writes the id where the product has no SKU.
        return Group(group.removeprefix("id:"), name or self.get_first("name", self.group_cells))

    def forget_group(self) -> None:
        """Start with the first row: no product whose variants follow."""
        self.group, self.group_cells = "", list[str]()

    def follow_group(self, name: str, cells: Sequence[str]) -> None:
        """Remember the first row of a product: its other variants may leave cells empty."""
        group = self.get_first("group", cells)
        if group and group == self.group and not name:
            return
        self.group, self.group_cells = group, list(cells)

    @property
    def has_taxes(self) -> bool:
        """Return whether the file says which taxes its products have."""
        own = {"tax_class", "tax_class_name", "tax_percent", "tax_names"}
        return bool(self.tax_percents or own & self.positions.keys())

    @property
    def has_category(self) -> bool:
        return "category" in self.positions or "category_path" in self.positions

    def read_category(self, cells: Sequence[str]) -> str:
        path = self.get_first("category_path", cells)
        separator = self.format.category_separator if self.format else ">"
        return self.get_first("category", cells) or read_category_path(path, separator)

    def build_spare_sku(self, cells: Sequence[str], options: Sequence[str]) -> str:
        """Return the SKU of a row without one: a barcode, or what the other system calls it."""
        for place in self.positions.get("spare_sku", ()):
            cell = clean_cell(KEY_COLUMN, cells[place])
            if cell and place in self.positions.get("group", ()):
                return compose_sku(cell, options)
            if cell:
                return cell
        return ""

    def read_flags(self, cells: Sequence[str]) -> dict[str, str]:
        values = {}
        if "is_active" in self.positions:
            found = self.get_inherited("is_active", cells)
            words = [ACTIVE_WORDS.get(cell.casefold(), cell) for cell in found] or [""]
            # By store in some systems: one that sells it is enough.
            values["is_active"] = next(filter(parse_boolean_word, words), words[0])
        if "archived" in self.positions:
            is_archived = parse_boolean_word(self.get_first("archived", cells))
            values["is_active"] = "false" if is_archived else "true"
        for cell in self.get_inherited("sold_by_weight", cells)[:1]:
            values["sold_by"] = "weight" if parse_boolean_word(cell) else "unit"
        if "tracked_by" in self.positions:
            values["track_stock"] = "true" if self.get_first("tracked_by", cells) else "false"
        if "track_stock" in self.positions:
            values["track_stock"] = next(iter(self.get_inherited("track_stock", cells)), "")
        return values

    def read_modifier_lists(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the names of the lists that a row, or the first one of its product, marks."""
        for row in (cells, self.group_cells):
            if any(row[place].strip() for place, _ in self.modifier_lists):
                names = [
                    name for place, name in self.modifier_lists if parse_boolean_word(row[place])
                ]
                return {"modifier_lists": join_list_names(names)}
        return {}

    def read_taxes(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the cell `tax_class` or `tax_percent`; neither means the default class."""
        is_taxable = parse_boolean_word(self.get_first("taxable", cells))
        if is_taxable is False or self.get_first("tax_status", cells).casefold() == "none":
            return {"tax_class": ""}
        if self.tax_percents:
            return self.read_tax_marks(cells)
        if percents := self.get_all("tax_percent", cells):
            return {"tax_percent": percents[0] if len(percents) == 1 else "+".join(percents)}
        for names in self.get_inherited("tax_names", cells)[:1]:
            return {"tax_names": names}
        name = self.get_first("tax_class_name", cells)
        return {} if name.casefold() in STANDARD_TAX or not name else {"tax_class_name": name}

    def read_tax_marks(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the total of the rates that a row marks; nothing if its marks are empty."""
        for row in (cells, self.group_cells):
            if any(row[place].strip() for place, _ in self.tax_percents):
                rates = [
                    rate for place, rate in self.tax_percents if parse_boolean_word(row[place])
                ]
                return {"tax_percent": f"{sum(rates, Decimal(0)):f}"}
        return {}

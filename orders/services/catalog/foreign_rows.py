"""Rows of the export files of other systems, as the cells of a product."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from orders.models.variant_options import join_names
from orders.services.catalog.code_cells import join_list_names
from orders.services.catalog.column_places import ColumnPlaces
from orders.services.catalog.csv_rows import (
    KEY_COLUMN,
    Cells,
    Group,
    clean_cell,
    parse_boolean_word,
)
from orders.services.catalog.file_formats import (
    ACTIVE_WORDS,
    DEFAULT_OPTION,
    STANDARD_TAX,
    TYPED_PRICE,
    UNNAMED_OPTION,
    FileFormat,
    compose_sku,
    drop_default_options,
    read_category_path,
    split_joined_options,
)

# Rows of a product whose variants are distinguished by a name alone.
MIN_GROUP = 2


class ForeignRows:
    """Reader of the rows of one file. Variants may leave cells to the first row of a product."""

    def __init__(self, file_format: FileFormat, places: ColumnPlaces) -> None:
        self.format = file_format
        self.places, self.fields = places, places.fields
        # How many rows each group has.
        self.group_sizes: Counter[str] = Counter()
        self.restart()

    def restart(self) -> None:
        """Start with the first row: no product whose variants follow."""
        self.group, self.group_cells = "", list[str]()

    def see(self, cells: Sequence[str]) -> None:
        """Count the rows of a group, before one of them is read."""
        if not self.is_skipped(cells):
            self.group_sizes[self.get_first("group", cells)] += 1

    def read(self, cells: Sequence[str]) -> Cells | None:
        """Return the cells of a row as the fields of a product, or None if it is none."""
        self.follow_group(self.get_first("name", cells), cells)
        if self.is_skipped(cells):
            return None
        options = self.read_options(cells)
        shown = drop_default_options([value for _, value in options])
        sku = self.get_first("sku", cells) or self.build_spare_sku(cells, shown)
        group = self.read_group(cells, options, sku)
        is_variant = group is not None and not group.is_parent
        if is_variant:
            shown = [value for _, value in options]
        values = {"sku": sku, "name": self.read_name(cells, shown)} | self.read_values(cells)
        stock = tuple(
            (store, clean_cell("stock", cells[place])) for place, store in self.places.stock
        )
        return Cells(values, stock, tuple(options) if is_variant else None, group)

    def read_values(self, cells: Sequence[str]) -> dict[str, str]:
        """Return all cells but those that say which product or variant a row is."""
        values = self.read_price(cells)
        if "barcodes" in self.fields:
            values["barcodes"] = "|".join(self.get_all("barcodes", cells))
        if "category" in self.fields or "category_path" in self.fields:
            values["category"] = self.read_category(cells) or self.read_category(self.group_cells)
        if cost := self.get_first("cost", cells):
            values["cost"] = cost
        values |= self.read_flags(cells) | self.read_taxes(cells)
        return values | self.read_modifier_lists(cells)

    # --- cells of a field ---------------------------------------------------------------------

    def get_first(self, name: str, cells: Sequence[str]) -> str:
        """Return the first cell of a field that is not empty."""
        for place in self.fields.get(name, ()) if cells else ():
            if cells[place].strip():
                return clean_cell(name, cells[place])
        return ""

    def get_all(self, name: str, cells: Sequence[str]) -> list[str]:
        found = (clean_cell(name, cells[place]) for place in self.fields.get(name, ()))
        return [cell for cell in found if cell]

    def get_inherited(self, name: str, cells: Sequence[str]) -> list[str]:
        """Return the cells of a field, or those of the first row of the product if it has none."""
        return self.get_all(name, cells) or self.get_all(name, self.group_cells)

    # --- products and their variants ----------------------------------------------------------

    def is_skipped(self, cells: Sequence[str]) -> bool:
        """Return whether a row is no product."""
        has_product = any(self.get_first(name, cells) for name in ("name", "price", "sku"))
        return bool(self.read_kinds(cells) & self.format.skipped_kinds) or not has_product

    def read_kinds(self, cells: Sequence[str]) -> frozenset[str]:
        kinds = self.get_first("kind", cells).casefold().split(",")
        return frozenset(map(str.strip, kinds))

    def follow_group(self, name: str, cells: Sequence[str]) -> None:
        """Remember the first row of a product: its other variants may leave cells empty.

        They may repeat its name, unless nothing but the name says that they belong together.
        """
        group = self.get_first("group", cells)
        is_named_after = name != group and name == self.get_first("name", self.group_cells)
        if group and group == self.group and (not name or is_named_after):
            return
        self.group, self.group_cells = group, list(cells)

    def read_group(
        self, cells: Sequence[str], options: Sequence[tuple[str, str]], sku: str
    ) -> Group | None:
        """Return the group of a row that is a variant, or the product of variants."""
        kinds, name = self.read_kinds(cells), self.get_first("name", cells)
        if kinds & self.format.parent_kinds:
            return Group(sku, name, is_parent=True)
        group = self.get_first("group", cells)
        variant_kinds = self.format.variant_kinds
        is_variant = not variant_kinds or bool(kinds & variant_kinds)
        is_named = all(name != UNNAMED_OPTION for name, _ in options)
        if not (group and options and is_variant):
            return None
        if not is_named and self.group_sizes[group] < MIN_GROUP:
            return None
        # WooCommerce writes the id where the product has no SKU.
        return Group(group.removeprefix("id:"), name or self.get_first("name", self.group_cells))

    def read_options(self, cells: Sequence[str]) -> list[tuple[str, str]]:
        """Return name and value of each option; the first row of a product has the names."""
        options = []
        for number, (name_at, value_at) in enumerate(self.places.named_options, 1):
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

    # --- values -------------------------------------------------------------------------------

    def read_name(self, cells: Sequence[str], options: Sequence[str]) -> str:
        name = self.get_first("name", cells)
        if name and self.format.variant_kinds:
            return name
        name = name or self.get_first("name", self.group_cells)
        return join_names(name, options) if name else ""

    def read_price(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the price, and whether the cashier types it."""
        if "price" not in self.fields:
            return {}
        price = self.get_first("price", cells)
        is_typed = price.casefold() == TYPED_PRICE
        values = {"price": "0" if is_typed else price}
        if self.format.has_typed_prices:
            values["open_price"] = "true" if is_typed else "false"
        return values

    def read_category(self, cells: Sequence[str]) -> str:
        path = self.get_first("category_path", cells)
        last = read_category_path(path, self.format.category_separator)
        return self.get_first("category", cells) or last

    def build_spare_sku(self, cells: Sequence[str], options: Sequence[str]) -> str:
        """Return the SKU of a row without one: a barcode, or what the other system calls it."""
        for place in self.fields.get("spare_sku", ()):
            cell = clean_cell(KEY_COLUMN, cells[place])
            if cell and place in self.fields.get("group", ()):
                return compose_sku(cell, options)
            if cell:
                return cell
        return ""

    def read_flags(self, cells: Sequence[str]) -> dict[str, str]:
        values = {}
        if "is_active" in self.fields:
            found = self.get_inherited("is_active", cells)
            words = [ACTIVE_WORDS.get(cell.casefold(), cell) for cell in found] or [""]
            # By store in some systems: one that sells it is enough.
            values["is_active"] = next(filter(parse_boolean_word, words), words[0])
        if "archived" in self.fields:
            is_archived = parse_boolean_word(self.get_first("archived", cells))
            values["is_active"] = "false" if is_archived else "true"
        for cell in self.get_inherited("sold_by_weight", cells)[:1]:
            values["sold_by"] = "weight" if parse_boolean_word(cell) else "unit"
        return values | self.read_tracking(cells)

    def read_tracking(self, cells: Sequence[str]) -> dict[str, str]:
        """Return whether stock is tracked, if the file says so and has it.

        Goods that track a stock that the file does not have could not be sold.
        """
        found = ""
        if "tracked_by" in self.fields:
            found = "true" if self.get_first("tracked_by", cells) else "false"
        if "track_stock" in self.fields:
            found = next(iter(self.get_inherited("track_stock", cells)), "")
        is_without_stock = parse_boolean_word(found) and not self.places.stock
        return {} if is_without_stock or not found else {"track_stock": found}

    def read_modifier_lists(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the names of the lists that a row, or the first one of its product, marks."""
        marks = self.places.modifier_lists
        for row in (cells, self.group_cells):
            if any(row[place].strip() for place, _ in marks):
                names = [name for place, name in marks if parse_boolean_word(row[place])]
                return {"modifier_lists": join_list_names(names)}
        return {}

    # --- taxes --------------------------------------------------------------------------------

    def read_taxes(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the cell `tax_class` or `tax_percent`; neither means the default class."""
        is_taxable = parse_boolean_word(self.get_first("taxable", cells))
        if is_taxable is False or self.get_first("tax_status", cells).casefold() == "none":
            return {"tax_class": ""}
        if self.places.tax_percents:
            return self.read_tax_marks(cells)
        if percents := self.get_all("tax_percent", cells):
            return {"tax_percent": percents[0] if len(percents) == 1 else "+".join(percents)}
        for names in self.get_inherited("tax_names", cells)[:1]:
            return {"tax_names": names}
        name = self.get_first("tax_class_name", cells)
        return {} if name.casefold() in STANDARD_TAX or not name else {"tax_class_name": name}

    def read_tax_marks(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the total of the rates that a row marks; nothing if its marks are empty."""
        marks = self.places.tax_percents
        for row in (cells, self.group_cells):
            if any(row[place].strip() for place, _ in marks):
                rates = [rate for place, rate in marks if parse_boolean_word(row[place])]
                return {"tax_percent": f"{sum(rates, Decimal(0)):f}"}
        return {}

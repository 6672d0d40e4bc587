"""Export files of other systems: which headings they have, and what their cells mean."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

# A column that exists once for each store, with the name of the store.
STORE = r"(?P<store>.+)"
# The name of an option that a system has not named, and the field of the headings of options.
UNNAMED_OPTION, NAMED_OPTIONS = "Variation", "named_options"
# Names that systems give to the only variant of a product.
DEFAULT_OPTIONS = frozenset({"default title", "default", "regular"})
# The option that Shopify writes for a product without variants.
DEFAULT_OPTION = ("title", "default title")
ACTIVE_WORDS = {
    **dict.fromkeys(("active", "unlisted"), "true"),
    **dict.fromkeys(("draft", "archived", "-1"), "false"),
}
# Square writes this instead of the price where the cashier types it, and so does Loyverse.
TYPED_PRICE = "variable"
# Names of the class of most products, which is the default class of the shop.
STANDARD_TAX = frozenset({"default", "default tax", "standard", "taxable", "item", "parent"})


def normalize_heading(heading: str) -> str:
    return " ".join(heading.split()).casefold()


@dataclass(frozen=True, slots=True)
class FileFormat:
    """An export file of another system.

    `headings` has the headings of each field, in order of preference: the first cell that is not
    empty counts. `group` names a product whose variants are rows of their own. `named_options` are
    the headings of name and value of what tells them apart, `options` those of values that have no
    name. `spare_sku` is the SKU of a row without one.
    """

    name: str
    signature: frozenset[str]
    headings: Mapping[str, tuple[str, ...]]
    store_headings: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    named_options: tuple[tuple[str, str], ...] = ()
    # Between a category and the one inside it; the last one counts.
    category_separator: str = ">"
    skipped_kinds: frozenset[str] = frozenset()
    # Of rows with the product of variants, and of its variants, which have names of their own.
    parent_kinds: frozenset[str] = frozenset()
    variant_kinds: frozenset[str] = frozenset()
    # The price may be a word that lets the cashier type it; any other price ends that.
    has_typed_prices: bool = False
    # Rows with the stock of a product in one location, and nothing else.
    is_stock_only: bool = False

    def matches(self, headings: Collection[str]) -> bool:
        return self.signature <= frozenset(headings)

    def find_fields(self, heading: str) -> list[tuple[str, str]]:
        """Return the fields that a heading has, each with the name of the store in it."""
        fields = [(name, "") for name, headings in self.headings.items() if heading in headings]
        fields += [(NAMED_OPTIONS, "") for pair in self.named_options if heading in pair]
        for name, pattern in self.store_headings.items():
            if by_store := pattern.fullmatch(heading):
                fields.append((name, by_store["store"]))
        return fields


def name_options(name: str, value: str, numbers: Iterable[object]) -> tuple[tuple[str, str], ...]:
    """Return the headings of several options."""
    return tuple((name.format(number), value.format(number)) for number in numbers)


SHOPIFY = FileFormat(
    name="shopify",
    signature=frozenset({"handle", "title", "variant price"}),
    headings={
        "sku": ("variant sku",),
        "name": ("title",),
        "price": ("variant price",),
        "cost": ("cost per item",),
        "barcodes": ("variant barcode",),
        "category": ("type",),
        "category_path": ("product category", "standardized product type"),
        "is_active": ("status",),
        "tracked_by": ("variant inventory tracker",),
        "taxable": ("variant taxable",),
        "stock": ("variant inventory qty",),
        "group": ("handle",),
        "spare_sku": ("variant barcode", "handle"),
    },
    named_options=name_options("option{} name", "option{} value", range(1, 4)),
)
# Since 2025, Shopify has other headings.
SHOPIFY_CURRENT = FileFormat(
    name="shopify",
    signature=frozenset({"url handle", "title"}),
    headings={
        "sku": ("sku",),
        "name": ("title",),
        "price": ("price",),
        "cost": ("cost per item",),
        "barcodes": ("barcode",),
        "category": ("type",),
        "category_path": ("product category",),
        "is_active": ("status",),
        "tracked_by": ("inventory tracker",),
        "taxable": ("charge tax",),
        "stock": ("inventory quantity",),
        "group": ("url handle",),
        "spare_sku": ("barcode", "url handle"),
    },
    named_options=name_options("option{} name", "option{} value", range(1, 4)),
)
# Stock by location, which the file of products does not have in shops with several.
SHOPIFY_INVENTORY = FileFormat(
    name="shopify",
    signature=frozenset({"handle", "title", "sku", "location"}),
    headings={
        "sku": ("sku",),
        "location": ("location",),
        "quantity": ("on hand (new)", "on hand (current)", "on hand", "available"),
        "group": ("handle",),
        "spare_sku": ("handle",),
    },
    named_options=name_options("option{} name", "option{} value", range(1, 4)),
    is_stock_only=True,
)
SQUARE = FileFormat(
    name="square",
    signature=frozenset({"token", "item name", "variation name"}),
    headings={
        "sku": ("sku",),
        "name": ("item name",),
        "price": ("price",),
        "cost": ("default unit cost",),
        "barcodes": ("gtin",),
        "category": ("reporting category", "category"),
        "category_path": ("categories",),
        "archived": ("archived",),
        "group": ("reference handle", "item name"),
        "options": ("variation name",),
        "spare_sku": ("gtin", "token"),
    },
    named_options=name_options("option name {}", "option value {}", range(1, 6)),
    store_headings={"stock": re.compile(f"current quantity {STORE}")},
    has_typed_prices=True,
)
LOYVERSE = FileFormat(
    name="loyverse",
    signature=frozenset({"handle", "sku", "name", "sold by weight"}),
    headings={
        "sku": ("sku",),
        "name": ("name",),
        "price": ("price", "default price"),
        "cost": ("cost",),
        "barcodes": ("barcode",),
        "category": ("category",),
        "sold_by_weight": ("sold by weight",),
        "track_stock": ("track stock",),
        "stock": ("in stock",),
        "group": ("handle",),
        "spare_sku": ("barcode", "handle"),
    },
    named_options=name_options("option {} name", "option {} value", range(1, 4)),
    store_headings={
        "price": re.compile(rf"price \[{STORE}\]"),
        "stock": re.compile(rf"in stock \[{STORE}\]"),
        "is_active": re.compile(rf"available for sale \[{STORE}\]"),
    },
    has_typed_prices=True,
)
WOOCOMMERCE = FileFormat(
    name="woocommerce",
    signature=frozenset({"type", "sku", "name", "regular price"}),
    headings={
        "sku": ("sku",),
        "name": ("name",),
        "price": ("regular price",),
        "cost": ("cost of goods",),
        "barcodes": ("gtin, upc, ean, or isbn",),
        "category_path": ("categories",),
        "is_active": ("published",),
        "tax_class_name": ("tax class",),
        "tax_status": ("tax status",),
        "stock": ("stock",),
        "kind": ("type",),
        "group": ("parent",),
        "spare_sku": ("gtin, upc, ean, or isbn", "id"),
    },
    named_options=name_options("attribute {} name", "attribute {} value(s)", range(1, 11)),
    # These are only links.
    skipped_kinds=frozenset({"grouped", "external"}),
    parent_kinds=frozenset({"variable"}),
    variant_kinds=frozenset({"variation"}),
)
LIGHTSPEED_X = FileFormat(
    name="lightspeed",
    signature=frozenset({"handle", "sku", "name", "supply_price", "retail_price"}),
    headings={
        "sku": ("sku",),
        "name": ("name",),
        "price": ("retail_price",),
        "cost": ("supply_price",),
        "barcodes": ("barcode", "upc", "ean"),
        "category": ("product_category", "type"),
        "is_active": ("active",),
        "track_stock": ("track_inventory",),
        "tax_class_name": ("tax_name",),
        "group": ("handle",),
        "spare_sku": ("barcode", "upc", "ean", "handle"),
    },
    named_options=name_options(
        "variant_option_{}_name", "variant_option_{}_value", ("one", "two", "three")
    ),
    store_headings={"stock": re.compile(f"inventory_{STORE}")},
)
LIGHTSPEED_R = FileFormat(
    name="lightspeed",
    signature=frozenset({"system id", "custom sku", "item", "price"}),
    headings={
        "sku": ("custom sku",),
        "name": ("item",),
        "price": ("price",),
        "cost": ("default cost",),
        "barcodes": ("upc", "ean"),
        "category": ("category",),
        "taxable": ("tax",),
        "tax_class_name": ("tax class",),
        "stock": ("qty.",),
        "spare_sku": ("manufact. sku", "ean", "upc", "system id"),
    },
)
OPENSOURCEPOS = FileFormat(
    name="opensourcepos",
    signature=frozenset({"barcode", "item name", "unit price"}),
    headings={
        "name": ("item name",),
        "price": ("unit price",),
        "cost": ("cost price",),
        "barcodes": ("barcode",),
        "category": ("category",),
        "tax_percent": ("tax 1 percent", "tax 2 percent"),
        "spare_sku": ("barcode", "id"),
    },
    store_headings={"stock": re.compile(f"location_{STORE}")},
)
ODOO = FileFormat(
    name="odoo",
    signature=frozenset({"internal reference", "name", "sales price"}),
    headings={
        "sku": ("internal reference",),
        "name": ("name",),
        "price": ("sales price",),
        "cost": ("cost",),
        "barcodes": ("barcode",),
        "category_path": ("product category",),
        "is_active": ("active",),
        "stock": ("quantity on hand",),
        "group": ("name",),
        # The label of newer versions, and of older ones.
        "tax_names": ("sales taxes", "customer taxes"),
        "joined_options": ("variant values", "attribute values"),
        "spare_sku": ("barcode", "external id", "id"),
    },
    category_separator="/",
)
# The export that Odoo can import again has the names of columns instead of their labels.
ODOO_COLUMNS = FileFormat(
    name="odoo",
    signature=frozenset({"default_code", "name"}),
    headings={
        "sku": ("default_code",),
        "name": ("name",),
        "price": ("lst_price", "list_price"),
        "cost": ("standard_price",),
        "barcodes": ("barcode",),
        "category_path": ("categ_id",),
        "is_active": ("active",),
        "stock": ("qty_available",),
        "group": ("name",),
        "tax_names": ("taxes_id", "taxes_id/name"),
        "joined_options": ("product_template_variant_value_ids",),
        "spare_sku": ("barcode", "id"),
    },
    category_separator="/",
)
FORMATS = (
    SHOPIFY,
    SHOPIFY_CURRENT,
    SHOPIFY_INVENTORY,
    SQUARE,
    LOYVERSE,
    WOOCOMMERCE,
    LIGHTSPEED_X,
    LIGHTSPEED_R,
    OPENSOURCEPOS,
    ODOO,
    ODOO_COLUMNS,
)
# Columns with the rate in their heading, and Y for each product that has it.
TAX_HEADING = re.compile(r"tax - .*\((?P<percent>\d+(?:[.,]\d+)?) ?%\)")
# Columns with the name of a modifier list in their heading, and Y for each product that has it.
MODIFIER_HEADING = re.compile(
    r"(?:modifier set - |modifier - )(?:\"(?P<quoted>.+)\"|(?P<name>.+))", re.IGNORECASE
)


def detect_format(headings: Collection[str]) -> FileFormat | None:
    """Return the format that has these normalized headings, or None."""
    return next((each for each in FORMATS if each.matches(headings)), None)


def is_known_heading(heading: str) -> bool:
    """Return whether files of another system have this normalized heading."""
    is_marked = TAX_HEADING.fullmatch(heading) or MODIFIER_HEADING.fullmatch(heading)
    return bool(is_marked) or any(each.find_fields(heading) for each in FORMATS)


def drop_default_options(values: Collection[str]) -> list[str]:
    return [each for each in values if each and each.casefold() not in DEFAULT_OPTIONS]


def compose_sku(handle: str, options: Collection[str]) -> str:
    """Return the SKU of a variant without one: "shirt" and "M", "Red" give "shirt-M-Red"."""
    return " ".join([handle, *drop_default_options(options)]).replace(" ", "-")


def read_category_path(cell: str, separator: str = ">") -> str:
    """Return the last name of the first path: "Drinks > Hot, New" gives "Hot".

    Odoo has one path, "Drinks / Hot", so that commas are part of a name.
    """
    first = cell
    if separator == ">":
        first = re.split(r"(?<!\\),", cell)[0].replace("\\,", ",")
    return first.rpartition(separator)[2].strip()


def split_joined_options(cell: str) -> list[tuple[str, str]]:
    """Return the pairs of "Size: M, Color: Red", as Odoo writes them."""
    parts = (each.partition(":") for each in re.split(r",\s*(?=[^,:]+:)", cell))
    return [(name.strip(), value.strip()) for name, _, value in parts if value.strip()]

"""Parents and options that the rows of a catalog file name, and the parents of grouped rows."""

from collections.abc import Iterable
from dataclasses import replace

from orders.models.catalog import MAX_SKU_LENGTH, normalize_code
from orders.services.catalog.csv_rows import REQUIRED_COLUMNS, Group, ProductRow

MAX_NAME_LENGTH = 200
# Added to the SKU of a parent if a variant has the same SKU.
OF_PARENT = "-parent"
# What the product of variants has from the first of them.
VALUES_OF_PARENT = ("price", "cost", "tax_class", "sold_by", "open_price", "is_active")


class RelatedRows:
    """The parents and options of the rows.

    In files of other systems, variants belong to a group. Its product is a row of its own, or is
    made of the first variant.
    """

    def __init__(self) -> None:
        # SKU of the parent per SKU, empty where the row removes it.
        self.parents: dict[str, str] = {}
        self.options: dict[str, list[list[str]]] = {}
        # By the key of the group.
        self.products: dict[str, ProductRow] = {}
        self.first_variants: dict[str, tuple[ProductRow, Group]] = {}
        # Variants without a name or price of their own.
        self.incomplete: set[str] = set()

    def add(self, row: ProductRow) -> None:
        if row.parent is not None:
            self.parents[row.sku] = row.parent
        # Most rows of an export have neither options nor a parent.
        if row.options is not None and (row.options or row.parent != ""):
            self.options[row.sku] = row.options
        if (row.parent or row.group) and not row.values.keys() >= set(REQUIRED_COLUMNS):
            self.incomplete.add(row.sku)
        if row.group:
            self.parents[row.sku] = row.group.key
            self.first_variants.setdefault(row.group.key, (row, row.group))

    def add_product(self, group: Group, row: ProductRow) -> None:
        self.products[group.key] = row

    def name_parents(self, skus: Iterable[str]) -> list[ProductRow]:
        """Return the products of the groups, with SKUs that no row has."""
        taken, found = set(skus), {}
        for key, (variant, group) in self.first_variants.items():
            product = self.products.get(key) or build_group_product(variant, group)
            sku = product.sku
            while sku in taken:
                sku = f"{sku[: MAX_SKU_LENGTH - len(OF_PARENT)]}{OF_PARENT}"
            taken.add(sku)
            values = product.values | {"track_stock": False}
            found[key] = replace(product, sku=sku, values=values, stock=(), group=None)
        if found:
            self.parents = {sku: found[key].sku for sku, key in self.parents.items()}
            self.parents |= {product.sku: "" for product in found.values()}
        return list(found.values())

    def list_needed_parents(self) -> set[str]:
        """Return the SKUs of parents whose name or price a variant takes."""
        return {self.parents.get(sku, "") for sku in self.incomplete} - {""}

    def count_used_products(self) -> int:
        """Return how many groups have a row for their product."""
        return len(self.products.keys() & self.first_variants.keys())


def build_group_product(variant: ProductRow, group: Group) -> ProductRow:
    """Return the product of variants for a file that has only the variants."""
    values = {name: variant.values[name] for name in VALUES_OF_PARENT if name in variant.values}
    sku = normalize_code(group.key)[:MAX_SKU_LENGTH].strip()
    if group.name:
        values["name"] = group.name[:MAX_NAME_LENGTH]
    return replace(
        variant, sku=sku, values=values, barcodes=None, deposit=None, options=None, blank=()
    )

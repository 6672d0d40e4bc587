"""Variants in the admin: their options as text, their parent, and the table of variants."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.http import urlencode

from accounts.admin.tables import (
    Table,
    TableRow,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
)
from orders.admin.stock import ProductParameterFilter
from orders.models import Product
from orders.models.catalog import normalize_code
from orders.models.variant_options import Options
from orders.services.catalog.variants import INHERITED_FIELDS, list_variants
from orders.services.documents.document import format_money

MAX_SHOWN_VARIANTS = 200
VARIANT_COLUMNS = ("SKU", "Barcodes", "Active")


class ParentFilter(ProductParameterFilter):
    """Filters by one parent, as linked from its page; it lists no choices."""

    title = "parent"
    parameter_name = "parent"

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(parent=self.value()) if self.value() in known else queryset


def find_by_sku(text: str) -> Product | None:
    sku = normalize_code(text)
    found = Product.objects.filter(sku=sku).first() if sku else None
    if sku and found is None:
        raise forms.ValidationError("Product not found.", code="does_not_exist")
    return found


def write_options(options: Options) -> str:
    return "\n".join(f"{name}: {value}" for name, value in options)


def read_options(text: str) -> dict[str, str]:
    """Return the options of lines such as "Size: M"."""
    options: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = map(str.strip, line.partition(":"))
        if not value or name in options:
            message = 'Write each option on a line of its own, such as "Size: M".'
            raise forms.ValidationError(message, code="invalid")
        options[name] = value
    return options


def build_initial_variant(parent: Product) -> dict[str, Any]:
    """Return what the form of a new variant begins with: the values and option names."""
    options = list_variants(parent).order_by("pk").values_list("options", flat=True).first()
    return {
        **{name: getattr(parent, name) for name in INHERITED_FIELDS},
        "parent": parent.sku,
        "options": "\n".join(f"{name}: " for name, _ in options or ()),
    }


def build_variants_table(product: Product) -> Table:
    """Build the matrix of the variants that are sold instead of a product."""
    variants: list[Product] = []
    if product.has_variants:
        rows = list_variants(product).with_barcodes().order_by("name", "pk")
        variants = list(rows[:MAX_SHOWN_VARIANTS])
    names = [name for name, _ in variants[0].options] if variants else []
    new = f"{reverse('shop:orders_product_add')}?{urlencode({'parent': product.sku})}"
    return Table(
        "Variants",
        tuple(build_variant_row(variant) for variant in variants),
        head=header_cells(("Name", *names, *VARIANT_COLUMNS), "Price"),
        note="They are sold instead of this product." if product.has_variants else "",
        nothing="This product has no variants.",
        more=(new, "Add a variant, such as a size or color"),
    )


def build_variant_row(variant: Product) -> TableRow:
    return table_row(
        text_cell(variant.name, admin_url(variant)),
        *(value for _, value in variant.options),
        variant.sku,
        ", ".join(variant.barcode_codes),
        "yes" if variant.is_active else "no",
        number_cell(format_money(variant.price)),
    )

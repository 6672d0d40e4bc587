"""CSV export of the catalog, in the format that the import reads."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from orders.models import Barcode, ModifierList, Product
from orders.services.catalog.code_cells import join_barcodes, join_list_names, protect_code
from orders.services.catalog.csv_options import write_options
from orders.services.catalog.csv_rows import COLUMNS
from tenants.api.formats import format_number
from tenants.csv import write_csv
from tenants.models import Tenant
from tenants.scope import tenant_scope

PAGE_SIZE = 1_000
# In the order of the columns; barcodes are loaded separately.
FIELDS = (
    "sku",
    "name",
    "price",
    "id",
    "category__name",
    "tax_class__name",
    "sold_by",
    "open_price",
    "track_stock",
    "is_active",
    "plu",
    "weight_unit",
    "deposit__sku",
    "returnable",
    "parent__sku",
    "options",
    "cost",
    "content",
    "content_unit",
    "external_id",
    "modifier_lists",
)
BOOLEAN_TEXTS = {True: "true", False: "false"}


def export_products(tenant: Tenant, *, with_cost: bool = True) -> Iterator[str]:
    """Generate the catalog as CSV text, ordered by SKU, page by page.

    Without the column of costs for those who may not see them.

    Each page is read in a tenant scope of its own, so that a slow client does not keep a
    transaction open.
    """
    shown = [place for place, name in enumerate(COLUMNS) if with_cost or name != "cost"]
    yield write_csv([[COLUMNS[place] for place in shown]])
    last: str | None = ""
    while last is not None:
        rows, last = _read_page_after(last, tenant)
        if rows:
            yield write_csv([[row[place] for place in shown] for row in rows])


def _read_page_after(sku: str, tenant: Tenant) -> tuple[list[list[str]], str | None]:
    """Return the next page of rows, and its last SKU, or None after the end."""
    with tenant_scope(tenant):
        products = (
            Product.objects.filter(sku__gt=sku).order_by("sku").values_list(*FIELDS)[:PAGE_SIZE]
        )
        codes = _load_barcodes([product[3] for product in products])
        names = _load_list_names({id for product in products for id in product[-1] or ()})
        rows = [_build_cells(product, codes, names, tenant) for product in products]
        return rows, products[len(rows) - 1][0] if rows else None


def _load_barcodes(products: list[UUID]) -> dict[UUID, list[str]]:
    codes = defaultdict(list)
    barcodes = Barcode.objects.filter(product__in=products).order_by("code")
    for product, code in barcodes.values_list("product_id", "code"):
        codes[product].append(code)
    return codes


def _load_list_names(ids: set[str]) -> dict[str, str]:
    """Return the names of these modifier lists by their ids."""
    rows = ModifierList.objects.filter(pk__in=ids).values_list("pk", "name") if ids else ()
    return {str(id): name for id, name in rows}


def _build_cells(
    product: Any, codes: dict[UUID, list[str]], names: dict[str, str], tenant: Tenant
) -> list[str]:
    sku, name, price, id, category, tax_class, sold_by, *truths = product[:10]
    plu, unit, deposit, back, parent, options, cost, content, content_unit = product[10:19]
    other, lists = product[19:]
    amount = str(tenant.quantize_amount(price))
    cells = [
        protect_code(sku),
        name,
        amount,
        join_barcodes(codes[id]),
        category or "",
        tax_class or "",
        sold_by,
    ]
    cells += [BOOLEAN_TEXTS[truth] for truth in truths]
    cells += [plu or "", unit, protect_code(deposit or ""), BOOLEAN_TEXTS[back]]
    cells += [protect_code(parent or ""), write_options(options or ())]
    cells.append("" if cost is None else str(tenant.quantize_amount(cost)))
    cells += ["" if content is None else format_number(content), content_unit or ""]
    return [*cells, protect_code(other or ""), join_list_names(names[id] for id in lists or ())]

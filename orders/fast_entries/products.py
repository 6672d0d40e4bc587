"""Products by barcode, by SKU, by id, and the list in its default order."""

import re

from orders.codes import build_key
from orders.fast_entries.reading import (
    BY_IDS,
    Filter,
    KeysetList,
    Read,
    parse_flag,
    parse_id,
    parse_time,
    read,
)
from orders.models import Product
from orders.serializers.rendering import render_products
from orders.serializers.rows import ProductRow
from tenants.api.conditional import build_version_etag
from tenants.api.fast_entry import FastAnswer, FastRequest
from tenants.database.postgres.pipeline import Prepared
from tenants.scope import tenant_context

COLUMNS = """
SELECT listed.id, listed.sku, listed.name, listed.price, listed.tax_class_id, listed.category_id,
 listed.sold_by, listed.open_price, listed.track_stock, listed.is_active, listed.plu,
 listed.version, listed.updated_at, ARRAY(SELECT b.code FROM orders_barcode b
  WHERE b.tenant_id = $1::uuid AND b.product_id = listed.id ORDER BY b.code)
"""
PAGES = KeysetList(
    model=Product,
    select=f"{COLUMNS} FROM orders_product listed WHERE listed.tenant_id = $1::uuid",
    ordering="name",
    columns=(("name", "text"), ("id", "uuid")),
    filters={
        "id": BY_IDS,
        "category": Filter("listed.category_id = {}::uuid", parse_id),
        "is_active": Filter("listed.is_active = {}::boolean", parse_flag),
        "updated_since": Filter(
            "listed.updated_at >= {}::timestamptz", parse_time, is_planned=True
        ),
    },
)
# Of another spelling only without rules: with them it may be a label.
SCANNED = """
 FROM orders_barcode scanned JOIN orders_product listed
 ON listed.tenant_id = scanned.tenant_id AND listed.id = scanned.product_id
 WHERE scanned.tenant_id = $1::uuid AND scanned.key = $2 AND (scanned.code = $3 OR NOT EXISTS
  (SELECT 1 FROM orders_barcoderule r WHERE r.tenant_id = $1::uuid AND r.is_active))
"""
BY_BARCODE = Prepared(f"{COLUMNS}{SCANNED}")
BY_SKU = Prepared(f"{PAGES.select} AND listed.sku = $2")
BY_ID = Prepared(f"{PAGES.select} AND listed.id = $2::uuid")
# With barcode rules these may be labels, or other spellings of a GTIN.
NUMBER = re.compile(r"[0-9]{8,14}")
# Codes that `normalize_code` does not change.
PLAIN_CODE = re.compile(r"[0-9A-Za-z._-]{1,64}")


def list_products(request: FastRequest) -> FastAnswer | None:
    if len(request.query) == 1:
        if (barcode := request.query.get("barcode")) is not None:
            return find_by_barcode(request, barcode)
        if (sku := request.query.get("sku")) is not None:
            return find_by_code(request, BY_SKU, sku)
    return list_page(request)


def list_page(request: FastRequest) -> FastAnswer | None:
    page = PAGES.read_page(request)
    if page is None:
        return None
    found = read(request, lambda token: [page.build_call(token.tenant)], scope=page.scope)
    if found is None:
        return None
    rows, *links = page.build_links(request, found.results[0].load(ProductRow._make))
    return answer_list(request, found, rows, *links)


def find_by_barcode(request: FastRequest, code: str) -> FastAnswer | None:
    """Return the product of a barcode. What may be a label of a scale is left to the view."""
    may_be_empty = NUMBER.fullmatch(code) is None
    return find_by_code(request, BY_BARCODE, build_key(code), code, may_be_empty=may_be_empty)


def find_by_code(
    request: FastRequest, statement: Prepared, *codes: str, may_be_empty: bool = True
) -> FastAnswer | None:
    if not all(map(PLAIN_CODE.fullmatch, codes)):
        return None
    values = [code.encode() for code in codes]
    found = read(request, lambda token: [(statement, (token.tenant, *values))])
    rows = found.results[0].load(ProductRow._make) if found else []
    if found is None or not (rows or may_be_empty):
        return None
    return answer_list(request, found, rows)


def retrieve_product(request: FastRequest) -> FastAnswer | None:
    if request.query or request.id is None:
        return None
    pk = request.id.encode()
    found = read(request, lambda token: [(BY_ID, (token.tenant, pk))])
    rows = found.results[0].load(ProductRow._make) if found else []
    if found is None or not rows:
        return None
    with tenant_context(found.session.known.tenant):
        (product,) = render_products(rows)
    return found.answer(product).with_etag(build_version_etag(product["version"]), request)


def answer_list(
    request: FastRequest, found: Read, rows: list[ProductRow], *links: str | None
) -> FastAnswer:
    with tenant_context(found.session.known.tenant):
        results = render_products(rows)
    return found.answer_list(request, results, *links)

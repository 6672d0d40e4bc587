"""Products by barcode, by SKU, by id and by search text, and the list in its default order."""
# ruff: noqa: S608  (the SQL consists of the names of columns)

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from accounts.fast_entries.reading import (
    BY_IDS,
    Filter,
    KeysetList,
    PageRequest,
    Read,
    parse_flag,
    parse_id,
    parse_time,
    read,
)
from orders.codes import build_key, may_be_label, remove_symbology
from orders.models import Product
from orders.serializers.rendering import render_products
from orders.serializers.rows import PRODUCT_COLUMNS, ProductRow
from orders.services.catalog.scanned_codes import read_gs1_code
from orders.services.catalog.search import (
    RANK_BARCODE,
    RANK_SUBSTRINGS,
    Matches,
    SearchText,
    parse_search_text,
)
from tenants.api.conditional import build_version_etag
from tenants.api.fast_entry import FastAnswer, FastRequest
from tenants.api.filters import MAX_VALUE_LENGTH
from tenants.database.postgres.pipeline import Prepared
from tenants.models.owned import RELEVANCE
from tenants.scope import tenant_context

PAGES = KeysetList(
    model=Product,
    select=f"{PRODUCT_COLUMNS} FROM orders_product listed WHERE listed.tenant_id = $1::uuid",
    ordering="name",
    columns=(("name", "text"), ("id", "uuid")),
    read_position=lambda row: (row.name, row.id),
    filters={
        "id": BY_IDS,
        "category": Filter("listed.category_id = {}::uuid", parse_id),
        "parent": Filter("listed.parent_id = {}::uuid", parse_id, is_planned=True),
        "is_active": Filter("listed.is_active = {}::boolean", parse_flag),
        "updated_since": Filter(
            "listed.updated_at >= {}::timestamptz", parse_time, is_planned=True
        ),
    },
)
# $2 is the GTIN, $3 what was scanned, $4 its key as a label. Of another spelling only without
# rules: with them it may be a label.
SCANNED = """
 FROM orders_barcode scanned JOIN orders_product listed
 ON listed.tenant_id = scanned.tenant_id AND listed.id = scanned.product_id
 WHERE scanned.tenant_id = $1::uuid AND scanned.key IN ($2, $4) AND (scanned.code = $3 OR (
  scanned.key = $2 AND NOT EXISTS
  (SELECT 1 FROM orders_barcoderule r WHERE r.tenant_id = $1::uuid AND r.is_active)))
 ORDER BY scanned.code = $3 DESC LIMIT 1
"""
BY_BARCODE = Prepared(f"{PRODUCT_COLUMNS}{SCANNED}")
BY_SKU = Prepared(f"{PAGES.select} AND listed.sku = $2")
BY_ID = Prepared(f"{PAGES.select} AND listed.id = $2::uuid")
# With barcode rules these may be labels, or other spellings of a GTIN.
NUMBER = re.compile(r"[0-9]{8,14}")
SEARCH = "search"
# Each number of words is a statement of its own.
MAX_WORDS = 6
ESCAPED_BY_LIKE = str.maketrans({each: f"\\{each}" for each in "\\%_"})
PRODUCT_OF_BARCODE = Prepared(f"SELECT listed.id {SCANNED}")
# Codes that `normalize_code` does not change.
PLAIN_CODE = re.compile(r"[0-9A-Za-z._-]{1,64}")


def list_products(request: FastRequest) -> FastAnswer | None:
    if len(request.query) == 1:
        if (barcode := request.query.get("barcode")) is not None:
            return find_by_barcode(request, barcode)
        if (sku := request.query.get("sku")) is not None:
            return find_by_code(request, BY_SKU, sku)
    return search_products(request) if SEARCH in request.query else list_page(request)


def list_page(request: FastRequest) -> FastAnswer | None:
    page = PAGES.read_page(request)
    if page is None:
        return None
    found = read(request, lambda token: [page.build_call(token.tenant)], scope=page.scope)
    if found is None:
        return None
    rows, *links = page.build_links(request, found.results[0].build(ProductRow))
    return answer_list(request, found, rows, *links)


def find_by_barcode(request: FastRequest, code: str) -> FastAnswer | None:
    """Return the product of a barcode. Labels of scales and GS1 codes are left to the view."""
    may_be_empty = not may_contain_more(code)
    return find_by_code(request, BY_BARCODE, *list_codes(code), may_be_empty=may_be_empty)


def list_codes(code: str) -> tuple[str, str, str]:
    """Return the parameters of `SCANNED`."""
    key = build_key(code)
    return key, code, code if may_be_label(code) else key


def may_contain_more(code: str) -> bool:
    """Return whether a code that is no barcode may name a product all the same."""
    is_plain = NUMBER.fullmatch(code) is None and remove_symbology(code) == code
    return not is_plain or read_gs1_code(code) is not None


def find_by_code(
    request: FastRequest, statement: Prepared, *codes: str, may_be_empty: bool = True
) -> FastAnswer | None:
    if not all(map(PLAIN_CODE.fullmatch, codes)):
        return None
    values = [code.encode() for code in codes]
    found = read(request, lambda token: [(statement, (token.tenant, *values))])
    rows = found.results[0].build(ProductRow) if found else []
    if found is None or not (rows or may_be_empty):
        return None
    return answer_list(request, found, rows)


def retrieve_product(request: FastRequest) -> FastAnswer | None:
    if request.query or request.id is None:
        return None
    pk = request.id.encode()
    found = read(request, lambda token: [(BY_ID, (token.tenant, pk))])
    rows = found.results[0].build(ProductRow) if found else []
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


# --- search ---------------------------------------------------------------------------------------


class FoundProduct(NamedTuple):
    """A product with its rank among the results."""

    product: ProductRow
    relevance: int


def build_found_product(*values: Any) -> FoundProduct:
    return FoundProduct(ProductRow(*values[:-1]), values[-1])


class Lookup(NamedTuple):
    """A condition in SQL, and its parameter for a text."""

    condition: str
    parameter: Callable[[str], str]


LIKE = "{column} LIKE {place}"
# By the names that Django's lookups have.
LOOKUPS = {
    "exact": Lookup("{column} = {place}", str),
    "iexact": Lookup("upper({column}) = upper({place})", str),
    "startswith": Lookup(LIKE, lambda text: f"{escape_for_like(text)}%"),
    "contains": Lookup(LIKE, lambda text: f"%{escape_for_like(text)}%"),
}
# Columns, and names of lookups.
Lookups = tuple[tuple[str, str], ...]


def escape_for_like(text: str) -> str:
    return text.translate(ESCAPED_BY_LIKE)


class SearchShape(NamedTuple):
    """A search without its texts: one statement."""

    ranks: tuple[tuple[int, Lookups], ...]
    exact: Lookups
    has_barcode: bool


def search_products(request: FastRequest, barcode: bytes | None = None) -> FastAnswer | None:
    """Answer if some products contain all words.

    The view looks for similar spellings, labels of scales and GS1 codes. `barcode` is the id of the
    product that has the text as its barcode, once it is known.
    """
    asked = read_search_text(request.query[SEARCH])
    page = asked and read_search_page(request, asked, has_barcode=barcode is not None)
    if asked is None or page is None:
        return None
    given = [*write_texts(asked), *([] if barcode is None else [barcode])]
    codes = [code.encode() for code in list_codes(asked.code)]
    found = read(
        request,
        lambda token: [
            (PRODUCT_OF_BARCODE, (token.tenant, *codes)),
            page.build_call(token.tenant, *given),
        ],
        scope=page.scope,
    )
    if found is None:
        return None
    scanned, products = found.results
    product = scanned.raw.get_value(0, 0) if scanned.raw.ntuples else None
    if product != barcode:
        return search_products(request, product) if barcode is None else None
    if barcode is None and (
        may_contain_more(asked.code) or may_contain_more(request.query[SEARCH])
    ):
        return None
    rows = products.build(build_found_product)
    if not rows and barcode is None and asked.may_have_typos:
        return None
    rows, *links = page.build_links(request, rows)
    return answer_list(request, found, [row.product for row in rows], *links)


def read_search_text(text: str) -> SearchText | None:
    """Return the search text, or None for one that the view refuses or treats differently."""
    if "\0" in text or len(text) > MAX_VALUE_LENGTH:
        return None
    asked = parse_search_text(text.strip())
    return asked if 1 <= len(asked.words) <= MAX_WORDS else None


def read_search_page(
    request: FastRequest, asked: SearchText, *, has_barcode: bool
) -> PageRequest | None:
    shape = SearchShape(
        tuple((rank, get_lookups(matches)) for rank, matches in asked.ranks),
        get_lookups(asked.exact),
        has_barcode,
    )
    other = {name: value for name, value in request.query.items() if name != SEARCH}
    return build_search(shape).read_page(request._replace(query=other))


def get_lookups(matches: Matches) -> Lookups:
    return tuple((match.column, match.lookup) for match in matches)


def write_texts(asked: SearchText) -> list[bytes]:
    """Return the parameters of the conditions, in the order of `build_search`."""
    ranked = (match for _, matches in asked.ranks for match in matches)
    return [
        LOOKUPS[match.lookup].parameter(match.text).encode() for match in (*ranked, *asked.exact)
    ]


@lru_cache(maxsize=64)
def build_search(shape: SearchShape) -> KeysetList:
    """Return the list of the results, best first. Its last parameter is the id by barcode."""
    places = count(2)

    def build_all(lookups: Lookups) -> str:
        return " AND ".join(
            LOOKUPS[name].condition.format(column=f"p.{column}", place=f"${next(places)}")
            for column, name in lookups
        )

    ranks = [(rank, build_all(lookups)) for rank, lookups in shape.ranks]
    condition = build_all(shape.exact)
    if shape.has_barcode:
        by_barcode = f"p.id = ${next(places)}::uuid"
        ranks.insert(0, (RANK_BARCODE, by_barcode))
        condition = f"({condition} OR {by_barcode})"
    cases = " ".join(f"WHEN {each} THEN {rank}" for rank, each in ranks)
    return KeysetList(
        model=Product,
        select=f"""{PRODUCT_COLUMNS}, listed.relevance
FROM (SELECT p.*, CASE {cases} ELSE {RANK_SUBSTRINGS} END AS relevance FROM orders_product p
 WHERE p.tenant_id = $1::uuid AND {condition}) listed WHERE listed.tenant_id = $1::uuid""",
        ordering=RELEVANCE,
        columns=((RELEVANCE, "int"), *PAGES.columns),
        read_position=lambda row: (row.relevance, row.product.name, row.product.id),
        filters=PAGES.filters,
        parameters=next(places) - 1,
    )

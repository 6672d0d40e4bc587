"""Orders by id, and the list of orders in its default order with the common filters."""
# ruff: noqa: S608  (the SQL consists of the names of columns)

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from accounts.fast_entries.reading import (
    BY_IDS,
    VISIBLE,
    Filter,
    KeysetList,
    PageRequest,
    Read,
    StoreRestriction,
    build_page_sql,
    parse_id,
    read_visible,
    write_time,
)
from accounts.services.session_check import VerifiedToken
from orders.models import Order
from orders.serializers.rendering import render_order, render_orders
from orders.serializers.rows import (
    LineRow,
    OrderRow,
    PaymentRow,
    PayoutRow,
    RefundLineRow,
    RefundRow,
)
from tenants.api.fast_entry import FastAnswer, FastRequest
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE, Call, PipelineFailed, Prepared
from tenants.scope import tenant_context


def columns(alias: str, row: type[Any], loaded: int = 0, **names: Any) -> str:
    """Return the columns of a row in its order, without the `loaded` ones at its end."""
    fields = row.__struct_fields__[: len(row.__struct_fields__) - loaded]
    return ", ".join(f"{alias}.{names.get(name, name)}" for name in fields)


def parse_status(text: str) -> bytes | None:
    return text.encode() if text in Order.Status.values else None


TEXTS: dict[str, Any] = {
    "discounts_text": "discounts",
    "taxes_text": "taxes",
    "modifiers_text": "modifiers",
    "missing_text": "missing_modifiers",
    "metadata_text": "metadata",
}
ORDER = columns("listed", OrderRow, 3, **TEXTS)
PAGES = KeysetList(
    model=Order,
    select=f"SELECT {ORDER} FROM orders_order listed WHERE listed.tenant_id = $1::uuid",
    ordering="-created_at",
    columns=(("created_at", "timestamptz"), ("id", "uuid")),
    read_position=lambda row: (write_time(row.created_at), row.id),
    filters={"id": BY_IDS}
    | {
        name: Filter(f"listed.{name}_id = {{}}::uuid", parse_id)
        for name in ("store", "register", "shift", "cashier")
    }
    | {"status": Filter("listed.status = {}", parse_status)},
)
LINES = (
    f"SELECT {columns('l', LineRow, **TEXTS)} FROM ({{page}}) page JOIN orders_orderline l "
    "ON l.tenant_id = $1::uuid AND l.order_id = page.id ORDER BY l.position"
)
PAYMENTS = (
    f"SELECT {columns('p', PaymentRow)} FROM ({{page}}) page JOIN orders_payment p "
    "ON p.tenant_id = $1::uuid AND p.order_id = page.id ORDER BY p.position"
)
REFUNDS = (
    f"SELECT {columns('r', RefundRow, 2, **TEXTS)} FROM ({{page}}) page "
    "JOIN orders_refund r ON r.tenant_id = $1::uuid AND r.order_id = page.id ORDER BY r.position"
)
REFUND_LINES = Prepared(
    f"SELECT {columns('l', RefundLineRow)} FROM orders_refundline l "
    "WHERE l.tenant_id = $1::uuid AND l.refund_id = ANY ($2::uuid[]) ORDER BY l.id"
)
PAYOUTS = Prepared(
    f"SELECT {columns('p', PayoutRow)} FROM orders_payout p "
    "WHERE p.tenant_id = $1::uuid AND p.refund_id = ANY ($2::uuid[]) ORDER BY p.id"
)


class Details(NamedTuple):
    """The statements of orders with everything in the answer."""

    orders: Prepared
    lines: Prepared
    payments: Prepared
    refunds: Prepared


def build_details(orders: str) -> Details:
    """Return the statements for the orders that `orders` selects."""
    page = orders.replace(f"SELECT {ORDER} FROM", "SELECT listed.id FROM")
    return Details(
        Prepared(orders), *(Prepared(each.format(page=page)) for each in (LINES, PAYMENTS, REFUNDS))
    )


@lru_cache(maxsize=256)
def prepare_pages(
    restrictions: int, names: tuple[str, ...], backwards: bool | None, limit: int
) -> Details:
    """Return the statements of a page with these filters."""
    return build_details(build_page_sql(PAGES, restrictions, names, backwards, limit))


@lru_cache(maxsize=len(VISIBLE))
def prepare_one(restrictions: int) -> Details:
    place = restrictions + 2
    return build_details(f"{PAGES.select}{VISIBLE[restrictions]} AND listed.id = ${place}::uuid")


def list_orders(request: FastRequest) -> FastAnswer | None:
    page = PAGES.read_page(request)
    if page is None:
        return None

    def build_calls(token: VerifiedToken, stores: StoreRestriction) -> Sequence[Call]:
        statements = prepare_pages(len(stores), page.names, page.direction, page.limit)
        parameters = (token.tenant, *stores, *page.values)
        return [(each, parameters) for each in statements]

    found = read_visible(request, build_calls)
    return answer_page(request, page, found) if found else None


def retrieve_order(request: FastRequest) -> FastAnswer | None:
    if request.query or request.id is None or request.if_none_match is not None:
        return None
    pk = request.id.encode()

    def build_calls(token: VerifiedToken, stores: StoreRestriction) -> Sequence[Call]:
        parameters = (token.tenant, *stores, pk)
        return [(each, parameters) for each in prepare_one(len(stores))]

    found = read_visible(request, build_calls)
    rows = load_orders(found) if found else None
    if not found or not rows:
        return None
    with tenant_context(found.session.known.tenant):
        order = render_order(rows[0])
    return found.answer(order, headers=(("ETag", f'"{order["version"]}"'),))


def answer_page(request: FastRequest, page: PageRequest, found: Read) -> FastAnswer | None:
    rows = load_orders(found)
    if rows is None:
        return None
    rows, following, previous = page.build_links(request, rows)
    with tenant_context(found.session.known.tenant):
        results = render_orders(rows)
    return found.answer_list(request, results, following, previous)


def load_orders(found: Read) -> list[OrderRow] | None:
    """Return the orders of a page with their parts."""
    orders, lines, payments, refunds = found.results
    refunded = load_refunds(found, refunds.rows()) if refunds.raw.ntuples else {}
    if refunded is None:
        return None
    lines_of = group(lines.build(LineRow), "order_id")
    payments_of = group(payments.build(PaymentRow), "order_id")
    details = (lines_of, payments_of, refunded)
    return [
        OrderRow(*values, *(each.get(values[0], []) for each in details))
        for values in orders.load(tuple)
    ]


def load_refunds(found: Read, rows: list[Any]) -> Mapping[str, list[RefundRow]] | None:
    """Return the refunds of each order, with the parts that a second message reads."""
    ids = b"{" + b",".join(row[1] for row in rows) + b"}"
    tenant = found.session.known.tenant_id.encode()
    try:
        _, lines, payouts = pipeline.send(
            (SCOPE, (tenant,)), (REFUND_LINES, (tenant, ids)), (PAYOUTS, (tenant, ids))
        )
    except PipelineFailed:
        return None
    lines_of = group(lines.build(RefundLineRow), "refund_id")
    payouts_of = group(payouts.build(PayoutRow), "refund_id")
    found_refunds = [
        RefundRow(*values, *(parts.get(values[1], []) for parts in (lines_of, payouts_of)))
        for values in found.results[3].load(tuple)
    ]
    return group(found_refunds, "order_id")


def group(rows: Iterable[Any], name: str) -> Mapping[str, list[Any]]:
    """Return the rows by an id of theirs, that of the row that they belong to."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    get_id = attrgetter(name)
    for row in rows:
        found[get_id(row)].append(row)
    return found

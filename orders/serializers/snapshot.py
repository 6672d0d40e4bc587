"""The snapshot of the catalog: all rows that a terminal keeps a copy of, as lines of JSON.

The first line is a header with the position in the change feed, the last line an end marker. A row
is rendered exactly as by its own endpoint. To add a kind of rows, add it to `KINDS`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from rest_framework.serializers import BaseSerializer

from accounts.serializers.shop import RegisterSerializer, StoreSerializer, TenantSerializer
from orders.models import (
    BarcodeRule,
    Category,
    CustomerGroup,
    ModifierList,
    Price,
    PriceList,
    Product,
    TaxClass,
)
from orders.serializers.barcode_rule import BarcodeRuleSerializer
from orders.serializers.catalog import CategorySerializer, ProductSerializer, TaxClassSerializer
from orders.serializers.customer import CustomerGroupSerializer
from orders.serializers.modifier_list import ModifierListSerializer
from orders.serializers.price_list import PriceListSerializer, PriceSerializer, render_prices
from orders.serializers.rendering import render_products
from orders.serializers.rows import PRODUCT_COLUMNS, ProductRow
from tenants.api.fast_entry import render_json
from tenants.database.postgres.pipeline import Prepared, Result
from tenants.events.change_feed import list_changed
from tenants.events.outbox import get_resource_type
from tenants.models import Register, Store, Tenant
from tenants.scope import current_tenant_id

FORMAT = 1
PAGE_SIZE = 2_000
HEADER, END = "header", "end"
Ids = Sequence[UUID]


@dataclass(frozen=True)
class SnapshotKind:
    """A kind of rows: its model, and the serializer of its endpoint.

    All users must be allowed to read the rows, and each change of one must have an event.
    """

    model: type[models.Model]
    serializer_class: type[BaseSerializer[Any]]

    @cached_property
    def name(self) -> str:
        """Return the name that rows of this kind have in the change feed."""
        return get_resource_type(self.model)

    def select(self) -> "models.QuerySet[Any]":
        """Return the rows of the current tenant, in any order."""
        return self.model._default_manager.all()

    def read_page(self, after: Any) -> list[Any]:
        """Return the next PAGE_SIZE rows after an id, or the first ones, in the order of ids."""
        rows = self.select() if after is None else self.select().filter(pk__gt=after)
        return list(rows.order_by("pk")[:PAGE_SIZE])

    def read_some(self, ids: Ids) -> list[Any]:
        """Return those of at most PAGE_SIZE rows that exist, in the order of ids."""
        return list(self.select().filter(pk__in=ids).order_by("pk"))

    def render(self, rows: list[Any]) -> Sequence[Any]:
        """Return what the endpoint answers for each row."""
        rendered: Sequence[Any] = self.serializer_class(rows, many=True).data
        return rendered

    def count(self) -> int:
        return self.select().count()


class TenantKind(SnapshotKind):
    """The settings of the shop."""

    def select(self) -> "models.QuerySet[Any]":
        return Tenant.objects.filter(pk=current_tenant_id())


class ModifierListKind(SnapshotKind):
    """Modifier lists with their modifiers."""

    def select(self) -> "models.QuerySet[Any]":
        return ModifierList.objects.with_modifiers()


class PriceKind(SnapshotKind):
    """Prices of price lists, of which there may be as many as products."""

    def render(self, rows: list[Any]) -> Sequence[Any]:
        return render_prices(rows)


class ProductKind(SnapshotKind):
    """Products with their barcodes, on PostgreSQL without building model instances."""

    def select(self) -> "models.QuerySet[Any]":
        return Product.objects.with_barcodes()

    def read_page(self, after: Any) -> list[Any]:
        if not is_read_as_rows():
            return super().read_page(after)
        condition = "listed.id > %(after)s ORDER BY listed.id LIMIT %(size)s"
        return load_product_rows(condition, after=after or UUID(int=0), size=PAGE_SIZE)

    def read_some(self, ids: Ids) -> list[Any]:
        if not is_read_as_rows():
            return super().read_some(ids)
        return load_product_rows("listed.id = ANY (%(ids)s) ORDER BY listed.id", ids=list(ids))

    def render(self, rows: list[Any]) -> Sequence[Any]:
        return render_products(rows)


def is_read_as_rows() -> bool:
    return bool(settings.FAST_PATHS) and connection.vendor == "postgresql"


PRODUCTS = Prepared(
    f"{PRODUCT_COLUMNS} FROM orders_product listed WHERE listed.tenant_id = $1::uuid"
)


def load_product_rows(condition: str, **parameters: Any) -> list[ProductRow]:
    """Read products in the transaction of the snapshot, with their values as text."""
    select = PRODUCTS.sql.decode().replace("$1", "%(tenant)s")
    with connection.cursor() as cursor:
        cursor.execute(f"{select} AND {condition}", {"tenant": current_tenant_id(), **parameters})
        raw: Any = cursor.cursor.pgresult
        return Result(raw, PRODUCTS, None).build(ProductRow)


# In the order of the lines.
KINDS: tuple[SnapshotKind, ...] = (
    TenantKind(Tenant, TenantSerializer),
    SnapshotKind(Store, StoreSerializer),
    SnapshotKind(Register, RegisterSerializer),
    SnapshotKind(TaxClass, TaxClassSerializer),
    SnapshotKind(Category, CategorySerializer),
    SnapshotKind(BarcodeRule, BarcodeRuleSerializer),
    SnapshotKind(CustomerGroup, CustomerGroupSerializer),
    ModifierListKind(ModifierList, ModifierListSerializer),
    ProductKind(Product, ProductSerializer),
    SnapshotKind(PriceList, PriceListSerializer),
    PriceKind(Price, PriceSerializer),
)


def list_types() -> list[str]:
    """Return the types of the rows, as in the change feed."""
    return [kind.name for kind in KINDS]


@cache
def build_shape() -> str:
    """Return a digest of the fields, because a new version of Till may have more of them."""
    fields = [(kind.name, *kind.serializer_class().fields) for kind in KINDS]
    return blake2b(repr([FORMAT, *fields]).encode(), digest_size=4).hexdigest()


def generate_lines(position: int, after: int | None) -> Iterator[bytes]:
    """Yield the snapshot, or what changed after a position, in blocks of lines.

    Must run within `read_snapshot`, in which `position` is the current one.
    """
    ids = list_ids(position, after)
    counts = {kind.name: count_lines(kind, ids[kind.name]) for kind in KINDS}
    header = {"format": FORMAT, "position": position, "after": after, "counts": counts}
    yield write_line({"type": HEADER, **header})
    for kind in KINDS:
        yield from generate_rows(kind, ids[kind.name])
    yield write_line({"type": END, "rows": sum(counts.values())})


def count_lines(kind: SnapshotKind, ids: Ids | None) -> int:
    return kind.count() if ids is None else len(ids)


def list_ids(position: int, after: int | None) -> dict[str, Ids | None]:
    """Return the ids of the changed rows of each kind; None is all rows."""
    if after is None:
        return dict.fromkeys(list_types())
    changed = list_changed(list_types(), after, position)
    return {name: changed.get(name, []) for name in list_types()}


def generate_rows(kind: SnapshotKind, ids: Ids | None) -> Iterator[bytes]:
    if ids is None:
        yield from (write_rows(kind, page) for page in read_pages(kind))
        return
    for start in range(0, len(ids), PAGE_SIZE):
        asked = ids[start : start + PAGE_SIZE]
        rows = kind.read_some(asked)
        found = {str(row.id) for row in rows}
        yield write_rows(kind, rows)
        yield write_deletions(kind, (str(id) for id in asked if str(id) not in found))


def read_pages(kind: SnapshotKind) -> Iterator[list[Any]]:
    """Yield all rows of a kind, page by page, so that memory holds one page."""
    page = kind.read_page(None)
    while page:
        yield page
        page = kind.read_page(page[-1].id) if len(page) == PAGE_SIZE else []


def write_rows(kind: SnapshotKind, rows: list[Any]) -> bytes:
    start = b'{"type":"%b","data":' % kind.name.encode()
    return b"".join([start + render_json(row) + b"}\n" for row in kind.render(rows)])


def write_deletions(kind: SnapshotKind, ids: Iterable[str]) -> bytes:
    return b"".join([write_line({"type": kind.name, "id": id, "deleted": True}) for id in ids])


def write_line(data: Mapping[str, Any]) -> bytes:
    return render_json(data) + b"\n"

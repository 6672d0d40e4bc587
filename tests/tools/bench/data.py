"""Fill an empty database for the bench.

`python -m tests.tools.bench.data --products N --orders N --tokens FILE [--renew]`.

The first order of each cashier is sold by Till itself, and the others are its copies with their own
ids, numbers, products and times, made by the database.
"""
# ruff: noqa: S608  (the SQL is put together from the models' own names)

import argparse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

from config import wsgi  # noqa: F401  (sets Django up, before anything asks for a model)

# isort: split
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import issue_access
from orders.models import (
    Barcode,
    ChainEntry,
    Order,
    Product,
    Receipt,
    RegisterSeries,
    StockLevel,
    TaxClass,
)
from tenants.models import OutboxEvent, Register, Store, Tenant
from tenants.models.change_feed import ChangeFeed
from tenants.scope import across_tenants, tenant_context
from tests.tools.bench import layout
from tests.tools.bench.layout import EVERYBODY, LINES, PEOPLE, SHOPS, Table, compute_id, id_in_sql
from tests.tools.bench.requests import sale

VAT = {"name": "VAT", "percent": "20", "included": True, "compound": False}


def own(table: Table, number: int) -> uuid.UUID:
    return uuid.UUID(compute_id(table, number))


def give_defaults() -> None:
    """Let the database fill in what an older program that writes the same tables does not know."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            default = field.default if field.has_default() else ""
            if callable(default) or field.null or not isinstance(default, bool | str):
                continue
            if isinstance(default, bool) or isinstance(field, models.CharField | models.TextField):
                value = str(default).lower() if isinstance(default, bool) else f"'{default}'"
                execute(
                    f"ALTER TABLE {model._meta.db_table} "
                    f"ALTER COLUMN {field.column} SET DEFAULT {value}"
                )


def open_shops(products: int) -> list[str]:
    """Open twenty shops, each with ten cashiers at ten registers, a manager and one product.

    Returns an access token of each cashier, and then of each manager.
    """
    password = make_password(layout.PASSWORD)
    for shop in range(SHOPS):
        tenant = Tenant(
            id=own(Table.TENANT, shop),
            slug=layout.build_slug(shop),
            name=f"Shop {shop}",
            currency="EUR",
            shifts_required=False,
        )
        # A limit that a refund has to ask for, and that no run reaches.
        tenant.limits = tenant.merge_limits({Role.CASHIER: {"refund_amount": str(layout.PLENTY)}})
        tenant.save(force_insert=True)
        with tenant_context(tenant):
            store = Store(id=own(Table.STORE, shop), name="Main")
            store.save(force_insert=True)
            stock_first_product(shop, store, shop * products)
            for number in range(PEOPLE):
                person = shop * PEOPLE + number
                open_register(store, person)
                create_user(tenant, person, Role.CASHIER, password)
            create_user(tenant, EVERYBODY + shop, Role.MANAGER, password)
    return issue_tokens()


def stock_first_product(shop: int, store: Store, number: int) -> None:
    taxes = TaxClass(id=own(Table.TAX_CLASS, shop), name="Standard", rates=[VAT])
    taxes.save(force_insert=True)
    product = Product(
        id=own(Table.PRODUCT, number),
        sku="P00000",
        name="Product name number 0",
        price=Decimal(layout.amount(layout.compute_price_in_cents(number))),
        tax_class=taxes,
    )
    product.save(force_insert=True)
    code = str(layout.FIRST_BARCODE)
    Barcode(id=own(Table.BARCODE, number), product=product, code=code).save(force_insert=True)
    StockLevel(
        id=own(Table.STOCK_LEVEL, number),
        store=store,
        product=product,
        quantity=Decimal(layout.PLENTY),
    ).save(force_insert=True)


def open_register(store: Store, person: int) -> None:
    number = person % PEOPLE + 1
    register = Register(
        id=own(Table.REGISTER, person), store=store, name=f"Till {number}", number=number
    )
    register.save(force_insert=True)
    RegisterSeries(id=own(Table.SERIES, person), register=register).save(force_insert=True)


def create_user(tenant: Tenant, person: int, role: Role, password: str) -> None:
    user = User(
        id=own(Table.USER, person),
        tenant=tenant,
        username=layout.build_username(person),
        role=role,
        password=password,
    )
    user.save(force_insert=True)
    session = AuthSession(id=own(Table.SESSION, person), user=user)
    session.start(timezone.now())
    session.save(force_insert=True)


def issue_tokens() -> list[str]:
    """Start everybody's session, again in a kept database, and return the access tokens."""
    tokens = []
    with across_tenants():
        for person in range(EVERYBODY + SHOPS):
            session = AuthSession.objects.get(pk=own(Table.SESSION, person))
            session.start(timezone.now())
            session.save()
            tokens.append(issue_access(session))
    return tokens


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def unchecked_references() -> Iterator[None]:
    """Copies of consistent rows are consistent; checking each would take most of the time."""
    execute("SET session_replication_role = replica")
    yield
    execute("SET session_replication_role = DEFAULT")


def copy(model: type[models.Model], changes: dict[str, str], source: str) -> None:
    """Insert what `source` gives as `one`, with other values in some columns."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    columns = [field.column for field in fields if field.column]
    values = [changes.get(column, f"one.{column}") for column in columns]
    execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
        f"SELECT {', '.join(values)} FROM {source}"
    )


def fill_catalog(products: int) -> None:
    """Copies of each shop's first product."""
    number = f"(shop * {products} + k)"
    product = id_in_sql(Table.PRODUCT, number)
    code = f"({layout.FIRST_BARCODE} + k)::text"
    changes: dict[type[models.Model], tuple[Table, dict[str, str]]] = {
        Product: (
            Table.PRODUCT,
            {
                "sku": "'P' || lpad(k::text, 5, '0')",
                "name": "'Product name number ' || k",
                "search_text": "' product name number ' || k || ' p' || lpad(k::text, 5, '0')",
                "price": f"(100 + {number} % 900) / 100.0",
            },
        ),
        Barcode: (
            Table.BARCODE,
            {"product_id": product, "code": code, "key": layout.barcode_key_in_sql(code)},
        ),
        StockLevel: (Table.STOCK_LEVEL, {"product_id": product}),
    }
    for model, (table, changed) in changes.items():
        source = (
            f"generate_series(0, {SHOPS - 1}) shop JOIN {model._meta.db_table} one "
            f"ON one.id = {id_in_sql(table, f'shop * {products}')}, "
            f"generate_series(1, {products - 1}) k"
        )
        copy(model, {"id": id_in_sql(table, number)} | changed, source)


def sell_first_orders(products: int, tokens: list[str]) -> None:
    """Every cashier sells the shop's first five products, with everything that Till does for it."""
    for person, token in enumerate(tokens[:EVERYBODY]):
        first = person // PEOPLE * products
        body = sale(
            compute_id(Table.ORDER, person), person, dict.fromkeys(range(first, first + LINES), 1)
        )
        answer = Client(SERVER_NAME="127.0.0.1").post(
            "/api/v1/orders/",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == HTTPStatus.CREATED, answer.content
        assert answer.json()["status"] == "completed"


def fill_orders(products: int, orders: int) -> None:
    """Copies of the first orders with all rows of a sale, the older the smaller their number."""
    tables: dict[Any, int] = {
        Order: Table.ORDER,
        ChainEntry: Table.CHAIN_ENTRY,
        OutboxEvent: Table.EVENT,
    }
    for table, relation in enumerate(Order._meta.related_objects, Table.OF_AN_ORDER):
        tables[relation.related_model] = table
    indexes = drop_indexes([model._meta.db_table for model in tables])
    changes = shift_times(Order, orders) | {
        "id": id_in_sql(Table.ORDER, "g"),
        "number": f"(g % {PEOPLE} + 1) || '-' || lpad((g / {EVERYBODY} + 1)::text, 6, '0')",
        "receipt_number": f"g / {EVERYBODY} + 1",
    }
    source = (
        f"{count_orders(orders)} "
        f"JOIN orders_order one ON one.id = {id_in_sql(Table.ORDER, find_first_order('g'))}"
    )
    copy(Order, changes, source)
    for relation in Order._meta.related_objects:
        assert isinstance(relation.field, models.ForeignKey)
        model: Any = relation.related_model
        fill_parts(model, relation.field.column, tables[model], products, orders)
    fill_chain(tables[Receipt], orders)
    fill_outbox(orders)
    for definition in indexes:
        execute(definition)


def count_orders(orders: int) -> str:
    return f"generate_series({EVERYBODY}::bigint, {orders - 1}) g"


def find_first_order(order: str) -> str:
    return f"{order} % {EVERYBODY}"


def drop_indexes(tables: list[str]) -> list[str]:
    """Drop the indexes that no constraint needs; returns how to build them from sorted rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary AND NOT EXISTS "
            "(SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            [tables],
        )
        found = cursor.fetchall()
    for name, _ in found:
        execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def fill_parts(model: Any, column: str, table: int, products: int, orders: int) -> None:
    """The rows that belong to the copied orders: at most ten for each."""
    number_parts(model, f"one.{column}", f"one.{column} IS NOT NULL")
    product = f"(g % {EVERYBODY} / {PEOPLE} * {products} + (g * 7919 + place * 997) % {products})"
    changes = shift_times(model, orders) | {
        "id": id_in_sql(table, "g * 10 + place"),
        column: id_in_sql(Table.ORDER, "g"),
        "number": f"g / {EVERYBODY} + 1",
        "product_id": id_in_sql(Table.PRODUCT, product),
    }
    copy_parts(model, changes, orders)


def number_parts(model: Any, order: str, condition: str) -> None:
    """Note to which order each row belongs, and the how many-th of it it is."""
    execute(
        f"CREATE TEMP TABLE part AS SELECT one.*, {order} AS of_order, "
        f"row_number() OVER (PARTITION BY {order} ORDER BY id) - 1 AS place "
        f"FROM {model._meta.db_table} one WHERE {condition}; ANALYZE part"
    )


def copy_parts(model: Any, changes: dict[str, str], orders: int) -> None:
    first = id_in_sql(Table.ORDER, find_first_order("g"))
    copy(model, changes, f"{count_orders(orders)} JOIN part one ON one.of_order = {first}")
    execute("DROP TABLE part")


def fill_chain(receipts: int, orders: int) -> None:
    """An entry for each receipt, of the size of a real one; the hashes are made up."""
    number_parts(
        ChainEntry,
        "(SELECT order_id FROM orders_receipt receipt WHERE receipt.id = one.subject)",
        "one.kind = 'receipt'",
    )
    changes = shift_times(ChainEntry, orders) | {
        "id": id_in_sql(Table.CHAIN_ENTRY, "g"),
        "subject": id_in_sql(receipts, "g * 10"),
        "sequence": f"g / {EVERYBODY} + 1",
        "previous_hash": make_up_hash(f"g - {EVERYBODY}"),
        "hash": make_up_hash("g"),
    }
    copy_parts(ChainEntry, changes, orders)


def make_up_hash(number: str) -> str:
    return f"encode(sha256(({number})::text::bytea), 'hex')"


def fill_outbox(orders: int) -> None:
    """The events of each sale, as the relay leaves them: dispatched, and in the change feed."""
    number_parts(OutboxEvent, "(one.data ->> 'order')::uuid", "one.data ? 'order'")
    changes = shift_times(OutboxEvent, orders) | {
        "id": id_in_sql(Table.EVENT, "g * 10 + place"),
        "subject": f"CASE subject_type WHEN 'order' THEN {id_in_sql(Table.ORDER, 'g')} "
        f"ELSE {id_in_sql(Table.EVENT, 'g * 10 + place')} END",
        "relayed_at": f"one.created_at - ({orders} - g) * interval '1 second'",
        "position": "g * 10 + place",
    }
    copy_parts(OutboxEvent, changes, orders)
    feed = ChangeFeed._meta.db_table
    execute(
        f"INSERT INTO {feed} (id, version, created_at, updated_at, tenant_id, last, pruned) "
        f"SELECT gen_random_uuid(), 1, now(), now(), id, {orders * 10}, 0 FROM tenants_tenant "
        f"ON CONFLICT (tenant_id) DO UPDATE SET last = excluded.last"
    )


def shift_times(model: type[models.Model], orders: int) -> dict[str, str]:
    """Every moment of an order, a second after the same of the order before."""
    return {
        str(field.column): f"one.{field.column} - ({orders} - g) * interval '1 second'"
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField)
    }


def advance_series() -> None:
    """Every order has its receipt here, so that both numbers are the same."""
    series, receipts = RegisterSeries._meta.db_table, Receipt._meta.db_table
    execute(
        f"UPDATE {series} SET last_order = last.number, last_receipt = last.number, "
        f"last_entry = last.number "
        f"FROM (SELECT register_id, max(number) AS number FROM {receipts} GROUP BY 1) last "
        f"WHERE last.register_id = {series}.register_id"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.data", description=__doc__)
    parser.add_argument("--products", type=int, required=True, help="in each shop")
    parser.add_argument("--orders", type=int, required=True, help="in all shops together")
    parser.add_argument("--tokens", type=Path, required=True, help="where to write the tokens")
    parser.add_argument("--renew", action="store_true", help="only create new sessions and tokens")
    given = parser.parse_args()
    if given.renew:
        given.tokens.write_text("\n".join(issue_tokens()))
        return
    fill(given)


def fill(given: argparse.Namespace) -> None:
    give_defaults()
    tokens = open_shops(given.products)
    given.tokens.write_text("\n".join(tokens))
    with unchecked_references():
        fill_catalog(given.products)
    sell_first_orders(given.products, tokens)
    with unchecked_references():
        fill_orders(given.products, given.orders)
        advance_series()
    connection.set_autocommit(True)
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")


if __name__ == "__main__":
    main()

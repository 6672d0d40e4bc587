"""Fill an empty database for the bench.

`python -m tests.tools.bench.data --products N --orders N --tokens FILE`.

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
from django.contrib.auth.hashers import make_password
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import issue_access
from orders.models import Barcode, Order, Product, Receipt, RegisterSeries, StockLevel, TaxClass
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_context
from tests.tools.bench import layout
from tests.tools.bench.layout import EVERYBODY, LINES, PEOPLE, SHOPS, Table, compute_id, id_in_sql
from tests.tools.bench.requests import sale

VAT = {"name": "VAT", "percent": "20", "included": True, "compound": False}


def own(table: Table, number: int) -> uuid.UUID:
    return uuid.UUID(compute_id(table, number))


def open_shops(products: int) -> list[str]:
    """Twenty shops with ten people at ten tills each, one product, and everybody logged in."""
    password = make_password(layout.PASSWORD)
    tokens: list[str] = []
    for shop in range(SHOPS):
        tenant = Tenant(
            id=own(Table.TENANT, shop),
            slug=layout.build_slug(shop),
            name=f"Shop {shop}",
            currency="EUR",
            shifts_required=False,
        )
        tenant.save(force_insert=True)
        with tenant_context(tenant):
            store = Store(id=own(Table.STORE, shop), name="Main")
            store.save(force_insert=True)
            stock_first_product(shop, store, shop * products)
            for number in range(PEOPLE):
                tokens.append(create_user(tenant, store, shop * PEOPLE + number, password))
    return tokens


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


def create_user(tenant: Tenant, store: Store, person: int, password: str) -> str:
    """Somebody with a till and an open session; gives the access token."""
    number = person % PEOPLE + 1
    register = Register(
        id=own(Table.REGISTER, person), store=store, name=f"Till {number}", number=number
    )
    register.save(force_insert=True)
    RegisterSeries(id=own(Table.SERIES, person), register=register).save(force_insert=True)
    user = User(
        id=own(Table.USER, person),
        tenant=tenant,
        username=layout.build_username(person),
        role=Role.CASHIER,
        password=password,
    )
    user.save(force_insert=True)
    session = AuthSession(id=own(Table.SESSION, person), user=user)
    session.start(timezone.now())
    session.save(force_insert=True)
    return issue_access(session)


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
            {"product_id": product, "code": f"({layout.FIRST_BARCODE} + k)::text"},
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
    for person, token in enumerate(tokens):
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
    """Copies of the first orders, the older the smaller their number."""
    first = f"generate_series({EVERYBODY}::bigint, {orders - 1}) g"
    changes = shift_times(Order, orders) | {
        "id": id_in_sql(Table.ORDER, "g"),
        "number": f"(g % {PEOPLE} + 1) || '-' || lpad((g / {EVERYBODY} + 1)::text, 6, '0')",
        "receipt_number": f"g / {EVERYBODY} + 1",
    }
    source = (
        f"{first} JOIN orders_order one ON one.id = {id_in_sql(Table.ORDER, find_first_order('g'))}"
    )
    copy(Order, changes, source)
    for table, relation in enumerate(Order._meta.related_objects, Table.OF_AN_ORDER):
        assert isinstance(relation.field, models.ForeignKey)
        fill_parts(relation.related_model, relation.field.column, table, products, orders)


def find_first_order(order: str) -> str:
    return f"{order} % {EVERYBODY}"


def fill_parts(model: Any, column: str, table: int, products: int, orders: int) -> None:
    """The rows that belong to the copied orders: at most ten for each."""
    execute(
        f"CREATE TEMP TABLE part AS SELECT *, row_number() OVER "
        f"(PARTITION BY {column} ORDER BY id) - 1 AS place FROM {model._meta.db_table} "
        f"WHERE {column} IS NOT NULL; ANALYZE part"
    )
    product = f"(g % {EVERYBODY} / {PEOPLE} * {products} + (g * 7919 + place * 997) % {products})"
    changes = shift_times(model, orders) | {
        "id": id_in_sql(table, "g * 10 + place"),
        column: id_in_sql(Table.ORDER, "g"),
        "number": f"g / {EVERYBODY} + 1",
        "product_id": id_in_sql(Table.PRODUCT, product),
    }
    source = (
        f"generate_series({EVERYBODY}::bigint, {orders - 1}) g "
        f"JOIN part one ON one.{column} = {id_in_sql(Table.ORDER, find_first_order('g'))}"
    )
    copy(model, changes, source)
    execute("DROP TABLE part")


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
        f"UPDATE {series} SET last_order = last.number, last_receipt = last.number "
        f"FROM (SELECT register_id, max(number) AS number FROM {receipts} GROUP BY 1) last "
        f"WHERE last.register_id = {series}.register_id"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.data", description=__doc__)
    parser.add_argument("--products", type=int, required=True, help="in each shop")
    parser.add_argument("--orders", type=int, required=True, help="in all shops together")
    parser.add_argument("--tokens", type=Path, required=True, help="where to write the tokens")
    given = parser.parse_args()
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

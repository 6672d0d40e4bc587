"""Query plans of lists: PostgreSQL reads an index in the order of the list.
10,000 rows of this shop and 10,000 of another; the statement of each list is explained.
"""

from itertools import chain

import pytest
from django.db import connection
from django.db.models import F

from orders.models import Order, Product, StockLevel
from tenants.scope import across_tenants, tenant_scope
from tests.factories.customers import CustomerFactory
from tests.factories.orders import (
    BarcodeFactory,
    OrderFactory,
    ProductFactory,
    StockMovementFactory,
)
from tests.support.query_plans import (
    MINUTES,
    ROWS,
    SINCE,
    analyze,
    explain_pages,
    for_both_pages,
    multiply_rows,
)
from tests.support.variants import create_variant

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def products(product, foreign):
    """Create twice as many rows: with fewer, a sequential scan is as fast as the trigram index."""
    for row in (product, foreign.product):
        multiply_rows(
            row,
            times=2 * ROWS,
            sku="'X-' || n",
            name="'Name ' || lpad((n * 7919 %% 20000)::text, 5, '0')",
            search_text="' name ' || lpad((n * 7919 %% 20000)::text, 5, '0') || ' x-' || n",
            price="n / 100.0",
            updated_at=MINUTES,
        )
    code = BarcodeFactory(product=product, code="42")
    multiply_rows(code, code="'C-' || n", key="'C-' || n")
    analyze(type(product), type(code))


@pytest.fixture
def orders(cashier, register, foreign):
    order = OrderFactory(cashier=cashier, register=register)
    for row in (order, foreign.order):
        multiply_rows(row, number="'O-' || n", created_at=MINUTES, updated_at=MINUTES)
    with tenant_scope(order.tenant):
        few = Order.objects.filter(number__endswith="77")
        few.filter(number__contains="1").update(price_overridden=True)
        few.update(discount_total=1, customer_email="ada@customer.example")
        Order.objects.filter(number__endswith="7").update(external_id=F("number"))
    analyze(type(order))


@pytest.fixture
def customers(shop, foreign):
    """Create customers with names, addresses and phone numbers of their own."""
    for tenant in (shop, foreign.tenant):
        row = CustomerFactory(tenant=tenant, name="Name")
        multiply_rows(
            row,
            name="'Name ' || lpad(n::text, 5, '0')",
            search_text="' name ' || lpad(n::text, 5, '0')",
            email_key="lpad(n::text, 4, '0') || '@customer.example'",
            phone_digits="'4930555' || lpad(n::text, 4, '0')",
            phone_tail="'555' || lpad(n::text, 4, '0')",
            external_id="'C-' || n",
        )
    analyze(type(row))


@pytest.fixture
def movements(shop, product, store, foreign):
    """Create movements of two products of this shop, and of another shop."""
    other = StockMovementFactory(product=ProductFactory(tenant=shop), store=store)
    for row in (StockMovementFactory(product=product, store=store), other):
        multiply_rows(row, created_at=MINUTES)
    theirs = StockMovementFactory(product=foreign.product, store=foreign.store)
    multiply_rows(theirs, created_at=MINUTES)
    analyze(type(other))


@pytest.fixture
def levels(product, store, foreign):
    """Create a level per product, alternating between the shops; some have a reorder point."""
    for row in (product, foreign.product):
        multiply_rows(row, sku="'X-' || n")
    pairs = []
    for place in (store, foreign.store):
        with tenant_scope(place.tenant):
            stocked = enumerate(Product.objects.filter(stock_levels=None))
            reorder_points = ((each, None if number % 5 else 5) for number, each in stocked)
            pairs.append(
                [
                    StockLevel(store=place, product=each, reorder_point=reorder_point)
                    for each, reorder_point in reorder_points
                ]
            )
    with across_tenants():
        StockLevel.objects.bulk_create(chain.from_iterable(zip(*pairs, strict=False)))
    analyze(StockLevel)


# A code matches at most one row, so sorting is cheap.
ONE_BY_SKU = {"product_sku_is_unique", "Sort"}
ONE_BY_BARCODE = {"orders_product_by_id", "Sort"}
FEW_BY_TRIGRAMS = {"product_search", "Bitmap Heap Scan", "Sort"}
# A parent has few variants.
FEW_BY_PARENT = {"variant_options_are_unique", "Sort"}
ONE_BY_NUMBER = {"order_number_is_unique", "Sort"}
ONE_BY_RECEIPT_NUMBER = {"receipt_number_is_unique", "Sort"}


def index_on(table, column):
    """Return the name of the index that Django made for a foreign key, which ends in a hash."""
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, table)
    (name,) = (
        name for name, each in indexes.items() if each["columns"] == [column] and each["index"]
    )
    return name


@pytest.mark.usefixtures("products")
def test_product_lists_use_indexes(till, product):
    for size in ("S", "M", "L"):
        create_variant(product, Size=size)
    analyze(Product)
    expected = [
        ({}, {"product_by_name"}),
        ({"ordering": "-name"}, {"product_by_name"}),
        ({"is_active": "true"}, {"product_by_name"}),
        ({"category": str(product.category_id)}, {"product_by_name"}),
        ({"parent": str(product.pk)}, FEW_BY_PARENT),
        ({"ordering": "price"}, {"product_by_price"}),
        ({"ordering": "-price", "price_max": "100"}, {"product_by_price"}),
        (SINCE, {"product_updated"}),
        ({"barcode": "42"}, ONE_BY_BARCODE),
        ({"sku": "X-77"}, ONE_BY_SKU),
        ({"search": "0077"}, FEW_BY_TRIGRAMS),
        ({"search": "name 00077"}, FEW_BY_TRIGRAMS),
        ({"search": "mane 00077"}, FEW_BY_TRIGRAMS),
    ]

    found = explain_pages(till, "products/", "orders_product", [query for query, _ in expected])

    assert found == for_both_pages(expected)


@pytest.mark.usefixtures("orders")
def test_order_lists_use_indexes(till, register, cashier):
    expected = [
        ({}, {"order_by_time"}),
        ({"ordering": "created_at"}, {"order_by_time"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"order_by_time"}),
        ({"status": "open"}, {"order_by_time"}),
        ({"store": str(register.store_id)}, {"order_by_time"}),
        ({"register": str(register.pk)}, {"order_by_time"}),
        ({"cashier": str(cashier.pk)}, {"order_by_cashier"}),
        ({"discounted": "true"}, {"order_discounted"}),
        ({"discounted": "true", "ordering": "created_at"}, {"order_discounted"}),
        ({"discounted": "false"}, {"order_by_time"}),
        ({"price_overridden": "true"}, {"order_price_overridden"}),
        ({"price_overridden": "false"}, {"order_by_time"}),
        ({"customer": "ada"}, {"order_with_customer"}),
        ({"external_id": "O-77"}, {"order_external_id_is_unique", "Sort"}),
        ({"register": str(register.pk), "receipt_number": "1"}, ONE_BY_RECEIPT_NUMBER),
        (SINCE, {"order_updated"}),
        ({"number": "O-77"}, ONE_BY_NUMBER),
    ]

    found = explain_pages(till, "orders/", "orders_order", [query for query, _ in expected])

    assert found == for_both_pages(expected)


@pytest.mark.usefixtures("orders")
def test_search_of_a_cashier_for_orders_of_a_customer_uses_an_index(client_of, cashier):
    query = {"customer": "ada"}

    found = explain_pages(client_of(cashier), "orders/", "orders_order", [query])

    assert found == for_both_pages([(query, {"order_with_customer"})])


@pytest.mark.usefixtures("customers")
@pytest.mark.parametrize("who", ["manager", "cashier"])
def test_customer_search_uses_indexes(request, client_of, who):
    expected = [
        ({"search": "name 00077"}, {"customer_search", "Bitmap Heap Scan", "Sort"}),
        ({"search": "0077@customer.example"}, {"customer_by_email", "Sort"}),
        ({"search": "+49 30 5550077"}, {"customer_by_phone", "Sort"}),
        ({"external_id": "C-77"}, {"customer_external_id_is_unique", "Sort"}),
    ]
    if who == "cashier":
        expected = expected[:3]
    client = client_of(request.getfixturevalue(who))

    found = explain_pages(client, "customers/", "orders_customer", [each for each, _ in expected])

    assert found == for_both_pages(expected)


@pytest.mark.usefixtures("movements")
def test_movement_lists_use_indexes(till, product, store):
    expected = [
        ({}, {"movement_by_time"}),
        ({"type": "receive"}, {"movement_by_time"}),
        ({"store": str(store.pk)}, {"movement_by_time"}),
        ({"product": str(product.pk)}, {"movement_of_product"}),
        ({"product": str(product.pk), "store": str(store.pk)}, {"movement_of_product"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"movement_by_time"}),
        ({"occurred_after": "2026-01-01T00:00:00Z"}, {"movement_by_time"}),
        ({"occurred_before": "2999-01-01T00:00:00Z"}, {"movement_by_time"}),
        ({"transfer": str(product.pk)}, {"movement_of_transfer", "Sort"}),
        ({"order": str(product.pk)}, {index_on("orders_stockmovement", "order_id"), "Sort"}),
    ]

    found = explain_pages(
        till, "stock/movements/", "orders_stockmovement", [query for query, _ in expected]
    )

    assert found == for_both_pages(expected)


@pytest.mark.usefixtures("levels")
def test_stock_lists_use_indexes(till, product, store):
    expected = [
        ({}, {"orders_stocklevel_pkey"}),
        ({"store": str(store.pk)}, {"orders_stocklevel_pkey"}),
        ({"product": str(product.pk)}, {index_on("orders_stocklevel", "product_id"), "Sort"}),
        ({"low": "true"}, {"stock_level_watched"}),
        ({"low": "true", "store": str(store.pk)}, {"stock_level_watched"}),
    ]

    found = explain_pages(till, "stock/", "orders_stocklevel", [query for query, _ in expected])

    # On PostgreSQL the primary key has the columns of SQLite's index: both are suitable.
    equivalent = {"stock_level_by_id": "orders_stocklevel_pkey"}
    found = {
        query: {equivalent.get(name, name) for name in names} for query, names in found.items()
    }
    assert found == for_both_pages(expected)

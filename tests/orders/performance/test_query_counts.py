"""Number of SQL statements per request, independent of the number of rows.
BEGIN and COMMIT are counted. A read is one transaction on PostgreSQL and none on SQLite.
"""

import pytest
from django.db import connection

from orders.services.pricing.basket import PRODUCTS_BY_ID
from tests.factories.customers import CustomerFactory
from tests.factories.orders import BarcodeFactory, CategoryFactory, TaxClassFactory
from tests.support.till import card, cash, line, new_id, percent

pytestmark = pytest.mark.django_db(transaction=True)

IN_TRANSACTION = 2 if connection.vendor == "postgresql" else 0
# Session, user and shop are loaded by one statement.
SESSION = 1
# PostgreSQL gets the rows of all tables in one message, SQLite a statement for each table.
SALE = {"postgresql": 8, "sqlite": 15}
OPEN_ORDER = {"postgresql": 7, "sqlite": 10}
# With the query for the card reader of the register.
CARD = {"postgresql": 21, "sqlite": 29}
LATER_CASH = {"postgresql": 15, "sqlite": 20}
LINE = {"postgresql": 16, "sqlite": 14}
# Saved once, with its result; card refunds are saved before and after the gateway call.
CASH_REFUND = {"postgresql": 18, "sqlite": 24}
CARD_REFUND = {"postgresql": 32, "sqlite": 38}
# On SQLite with the rate limits, which PostgreSQL gets in messages.
RECEIPT_MAIL = {"postgresql": 6, "sqlite": 11}


@pytest.fixture
def make_products(make_product, shop):
    """`make_products(5)`: products with two barcodes each, of one tax class and category."""
    tax_class, category = TaxClassFactory(tenant=shop), CategoryFactory(tenant=shop)

    def fill(count):
        products = [
            make_product("1.00", tax_class=tax_class, category=category) for _ in range(count)
        ]
        for product in products:
            BarcodeFactory(product=product, code=f"1-{product.sku}")
            BarcodeFactory(product=product, code=f"2-{product.sku}")
        return products

    return fill


# --- reading -------------------------------------------------------------------------------------


def test_product_by_barcode_statement_count(till, make_products, assert_queries):
    for product in make_products(3):
        query = {"barcode": f"2-{product.sku}"}
        page = assert_queries(
            SESSION + 3 + IN_TRANSACTION, lambda query=query: till.get("products/", query)
        )
        assert [each["sku"] for each in page.json()["results"]] == [product.sku]


@pytest.mark.parametrize("page_size", [1, 50])
def test_search_statement_count(till, make_products, assert_queries, page_size):
    till.get("products/", {"search": "word"})  # looks up the trigram index once
    found = make_products(3)[0].name.split()[-1]
    query = {"search": found, "page_size": page_size}

    assert_queries(SESSION + 3 + IN_TRANSACTION, lambda: till.get("products/", query))


@pytest.mark.postgres
def test_search_with_typos_runs_one_more_statement(till, make_products, assert_queries):
    make_products(3)
    till.get("products/", {"search": "word"})

    for typed, statements in {"product": 4, "prodcut": 5}.items():
        query = {"search": typed}
        page = assert_queries(
            SESSION + statements + IN_TRANSACTION, lambda query=query: till.get("products/", query)
        )
        assert len(page.json()["results"]) == 3


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("products/", 2),
        ("orders/", 4),
        ("stock/", 1),
        ("stock/movements/", 1),
        ("categories/", 1),
        ("tax-classes/", 1),
        ("registers/", 1),
        ("stores/", 1),
    ],
)
def test_list_statement_count_is_independent_of_row_count(
    till, make_products, assert_queries, path, statements
):
    for more in (2, 20):
        products = make_products(more)
        till.sold(*[line(each) for each in products], payments=[cash(f"{more}.00")])
        till.sold(line(products[0], "1"), payments=[cash("0.10"), cash("0.20")])

        page = assert_queries(SESSION + statements + IN_TRANSACTION, lambda: till.get(path))

        assert page.json()["results"]


def test_next_page_runs_as_many_statements_as_the_first(till, make_products, assert_queries):
    make_products(5)
    first = till.get("products/", {"page_size": 2}).json()
    path = first["next"].split("/api/v1/")[1]

    assert_queries(SESSION + 2 + IN_TRANSACTION, lambda: till.get(path))


def test_order_detail_statement_count(till, make_products, assert_queries):
    for count in (1, 10):
        order = till.sold(*[line(each) for each in make_products(count)], payments=[cash("0.50")])
        path = f"orders/{order['id']}/"

        assert_queries(SESSION + 4 + IN_TRANSACTION, lambda path=path: till.get(path))


def test_order_list_with_refunds_runs_two_more_statements(
    till, manager_client, make_products, assert_queries
):
    """The two load refund lines and payouts, for any number of orders."""
    for count in (1, 4):
        for product in make_products(count):
            order = till.sold(line(product), payments=[cash("1.00")])
            body = {"id": new_id(), "reason": "Broken"}
            assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201

        assert_queries(SESSION + 6 + IN_TRANSACTION, lambda: till.get("orders/"))


def test_calculate_statement_count(till, make_products, assert_queries):
    for count in (1, 20):
        body = {"lines": [line(each) for each in make_products(count)]}

        assert_queries(
            SESSION + 1 + IN_TRANSACTION,
            lambda body=body: till.post("orders/calculate/", body),
        )


# --- sales ---------------------------------------------------------------------------------------


@pytest.fixture
def after_the_first_sale(till, make_products):
    """Make the first sale of the shop and the register, which runs more statements."""
    (product,) = make_products(1)
    till.sold(line(product), payments=[cash("1.00")])


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5, 50])
def test_cash_sale_statement_count(till, make_products, assert_queries, count):
    body = till.order(
        *[line(each) for each in make_products(count)], payments=[cash(f"{count}.00")]
    )

    order = assert_queries(SALE[connection.vendor], lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
def test_sale_by_id_sku_and_barcode_runs_two_more_statements(till, make_products, assert_queries):
    first, second, third = make_products(3)
    named = [{"product": str(first.pk)}, {"sku": second.sku}, {"barcode": f"1-{third.sku}"}]
    body = till.order(*[{"quantity": 1, **each} for each in named], payments=[cash("3.00")])

    order = assert_queries(SALE[connection.vendor] + 2, lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
def test_customer_takes_two_more_statements_and_one_when_it_is_completed(
    till, make_products, assert_queries, shop
):
    """The customer is found before the sale is priced, and locked when it is copied."""
    (product,) = make_products(1)
    customer = {"id": str(CustomerFactory(tenant=shop).pk)}
    body = till.order(line(product), customer=customer, payments=[cash("1.00")])

    assert_queries(SALE[connection.vendor] + 2, lambda: till.post("orders/", body))

    later = till.sold(line(product), customer=customer)
    payment = cash("1.00")
    assert_queries(LATER_CASH[connection.vendor] + 1, lambda: till.pay(later, payment))


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_sale_with_approval_statement_count(
    till, make_products, get_approval, assert_queries, count
):
    lines = [line(each, discounts=[percent("50")]) for each in make_products(count)]
    body = till.order(*lines, payments=[cash(f"{count * 0.5:.2f}")])
    body["approval"] = get_approval(body)

    # SQLite inserts the audit events of the discounts with a statement of their own.
    more = 5 if connection.vendor == "postgresql" else 6
    order = assert_queries(
        SALE[connection.vendor] + more, lambda: till.post("orders/", body)
    ).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_open_order_statement_count(till, make_products, assert_queries, count):
    body = till.order(*[line(each) for each in make_products(count)])

    assert_queries(OPEN_ORDER[connection.vendor], lambda: till.post("orders/", body))


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_card_sale_statement_count(till, make_products, assert_queries, count):
    body = till.order(
        *[line(each) for each in make_products(count)], payments=[card(f"{count}.00")]
    )

    order = assert_queries(CARD[connection.vendor], lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_completing_payment_statement_count(till, make_products, assert_queries, count):
    order = till.sold(*[line(each) for each in make_products(count)])
    payment = cash(f"{count}.00")

    done = assert_queries(LATER_CASH[connection.vendor], lambda: till.pay(order, payment)).json()

    assert done["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
def test_added_line_statement_count(till, make_products, assert_queries):
    first, second = make_products(2)
    order = till.sold(line(first))
    path = f"orders/{order['id']}/lines/"

    assert_queries(LINE[connection.vendor], lambda: till.post(path, line(second)))


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize(("pay", "expected"), [(cash, CASH_REFUND), (card, CARD_REFUND)])
@pytest.mark.parametrize("count", [1, 5])
def test_refund_statement_count(
    till, manager_client, make_products, assert_queries, pay, expected, count
):
    paid = pay(f"{count}.00")
    order = till.sold(*[line(each) for each in make_products(count)], payments=[paid])
    path, body = f"orders/{order['id']}/refunds/", {"id": new_id(), "reason": "Broken"}

    refund = assert_queries(
        expected[connection.vendor], lambda: manager_client.post(path, body)
    ).json()

    assert refund["status"] == "done"


@pytest.mark.usefixtures("after_the_first_sale")
def test_receipt_email_statement_count(till, make_products, django_assert_num_queries):
    order = till.sold(*[line(each) for each in make_products(5)], payments=[cash("5.00")])
    path, body = f"orders/{order['id']}/receipt/email/", {"email": "ada@customer.example"}
    till.post(path, body)

    with django_assert_num_queries(RECEIPT_MAIL[connection.vendor]):
        response = till.post(path, body)

    assert response.status_code == 202


# --- compiled statements -------------------------------------------------------------------------


@pytest.mark.slow
def test_baskets_of_all_sizes_share_a_few_compiled_statements(till, make_products):
    """A statement for every size would fill the memory of a server."""
    products, before = make_products(40), set(PRODUCTS_BY_ID.compiled)
    for count in range(1, 41):
        body = {"lines": [line(each) for each in products[:count]]}

        shown = till.post("orders/calculate/", body).json()

        assert [each["product"] for each in shown["lines"]] == [
            str(each.pk) for each in products[:count]
        ]
    assert len(set(PRODUCTS_BY_ID.compiled) - before) <= 7

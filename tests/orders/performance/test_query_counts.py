"""How often a request asks the database, to the statement, however many rows there are.

Counted as the database hears it: with BEGIN and COMMIT, which Django logs too where the test
itself holds no transaction open. A read is one transaction on PostgreSQL and none on SQLite.
"""

import pytest
from django.db import connection

from orders.services.pricing.basket import PRODUCTS_BY_ID
from tests.factories.orders import BarcodeFactory, CategoryFactory, TaxClassFactory
from tests.support.till import card, cash, line, new_id, percent

pytestmark = pytest.mark.django_db(transaction=True)

IN_TRANSACTION = 2 if connection.vendor == "postgresql" else 0
# Session, person and shop come in one statement.
SESSION = 1
# PostgreSQL gets the rows of all tables in one message, SQLite a statement for each table.
SALE = {"postgresql": 8, "sqlite": 15}
OPEN_ORDER = {"postgresql": 7, "sqlite": 10}
CARD = {"postgresql": 20, "sqlite": 28}
LATER_CASH = {"postgresql": 15, "sqlite": 20}
LINE = {"postgresql": 16, "sqlite": 14}
# Saved once, with its result; by card before and after the gateway is asked.
CASH_REFUND = {"postgresql": 18, "sqlite": 24}
CARD_REFUND = {"postgresql": 32, "sqlite": 38}
# Counted against its limits, in a transaction of its own, and then asked for.
RECEIPT_MAIL = 13


@pytest.fixture
def shelf_of(make_product, shop):
    """`shelf_of(5)`: so many products with two barcodes each, of one tax class and category."""
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


@pytest.fixture
def counted(django_assert_num_queries):
    """`counted(7, call)`: the answer of a call that asks the database seven times."""

    def ask(expected, call):
        with django_assert_num_queries(expected):
            response = call()
        assert response.status_code in {200, 201}, response.content
        return response

    return ask


# --- reading -------------------------------------------------------------------------------------


def test_a_product_by_its_barcode(till, shelf_of, counted):
    for product in shelf_of(3):
        query = {"barcode": f"2-{product.sku}"}
        page = counted(
            SESSION + 2 + IN_TRANSACTION, lambda query=query: till.get("products/", query)
        )
        assert [each["sku"] for each in page.json()["results"]] == [product.sku]


@pytest.mark.parametrize("page_size", [1, 50])
def test_a_search_asks_for_the_barcode_first_and_then_for_a_page(
    till, shelf_of, counted, page_size
):
    till.get("products/", {"search": "word"})  # sees once whether the index of trigrams is there
    found = shelf_of(3)[0].name.split()[-1]
    query = {"search": found, "page_size": page_size}

    counted(SESSION + 3 + IN_TRANSACTION, lambda: till.get("products/", query))


@pytest.mark.postgres
def test_a_search_for_words_asks_whether_anybody_has_them_as_they_are(till, shelf_of, counted):
    shelf_of(3)
    till.get("products/", {"search": "word"})

    for typed, statements in {"product": 4, "prodcut": 5}.items():
        query = {"search": typed}
        page = counted(
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
def test_a_list_asks_as_often_for_many_rows_as_for_few(till, shelf_of, counted, path, statements):
    for more in (2, 20):
        products = shelf_of(more)
        till.sold(*[line(each) for each in products], payments=[cash(f"{more}.00")])
        till.sold(line(products[0], "1"), payments=[cash("0.10"), cash("0.20")])

        page = counted(SESSION + statements + IN_TRANSACTION, lambda: till.get(path))

        assert page.json()["results"]


def test_the_next_page_asks_as_often_as_the_first(till, shelf_of, counted):
    shelf_of(5)
    first = till.get("products/", {"page_size": 2}).json()
    path = first["next"].split("/api/v1/")[1]

    counted(SESSION + 2 + IN_TRANSACTION, lambda: till.get(path))


def test_one_order_with_its_lines_payments_and_refunds(till, shelf_of, counted):
    for count in (1, 10):
        order = till.sold(*[line(each) for each in shelf_of(count)], payments=[cash("0.50")])
        path = f"orders/{order['id']}/"

        counted(SESSION + 4 + IN_TRANSACTION, lambda path=path: till.get(path))


def test_orders_with_refunds_ask_for_what_came_back_and_how_the_money_went(
    till, manager_client, shelf_of, counted
):
    """Twice more than without, however many there are."""
    for count in (1, 4):
        for product in shelf_of(count):
            order = till.sold(line(product), payments=[cash("1.00")])
            body = {"id": new_id(), "reason": "Broken"}
            assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201

        counted(SESSION + 6 + IN_TRANSACTION, lambda: till.get("orders/"))


def test_a_calculation(till, shelf_of, counted):
    for count in (1, 20):
        body = {"lines": [line(each) for each in shelf_of(count)]}

        counted(
            SESSION + 1 + IN_TRANSACTION,
            lambda body=body: till.post("orders/calculate/", body),
        )


# --- selling -------------------------------------------------------------------------------------


@pytest.fixture
def after_the_first_sale(till, shelf_of):
    """The first sale of a shop and of a register asks a little more."""
    (product,) = shelf_of(1)
    till.sold(line(product), payments=[cash("1.00")])


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5, 50])
def test_a_sale_in_cash(till, shelf_of, counted, count):
    body = till.order(*[line(each) for each in shelf_of(count)], payments=[cash(f"{count}.00")])

    order = counted(SALE[connection.vendor], lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
def test_a_sale_that_names_products_in_all_three_ways_asks_for_each(till, shelf_of, counted):
    first, second, third = shelf_of(3)
    named = [{"product": str(first.pk)}, {"sku": second.sku}, {"barcode": f"1-{third.sku}"}]
    body = till.order(*[{"quantity": 1, **each} for each in named], payments=[cash("3.00")])

    order = counted(SALE[connection.vendor] + 2, lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_a_sale_with_leave_spends_it_in_a_savepoint_and_writes_that_down(
    till, shelf_of, get_approval, counted, count
):
    lines = [line(each, discounts=[percent("50")]) for each in shelf_of(count)]
    body = till.order(*lines, payments=[cash(f"{count * 0.5:.2f}")])
    body["approval"] = get_approval(body)

    # SQLite inserts the audit events of the discounts with a statement of their own.
    more = 5 if connection.vendor == "postgresql" else 6
    order = counted(SALE[connection.vendor] + more, lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_an_order_that_stays_open(till, shelf_of, counted, count):
    body = till.order(*[line(each) for each in shelf_of(count)])

    counted(OPEN_ORDER[connection.vendor], lambda: till.post("orders/", body))


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_a_sale_by_card(till, shelf_of, counted, count):
    body = till.order(*[line(each) for each in shelf_of(count)], payments=[card(f"{count}.00")])

    order = counted(CARD[connection.vendor], lambda: till.post("orders/", body)).json()

    assert order["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize("count", [1, 5])
def test_a_payment_that_completes_an_order(till, shelf_of, counted, count):
    order = till.sold(*[line(each) for each in shelf_of(count)])
    payment = cash(f"{count}.00")

    done = counted(LATER_CASH[connection.vendor], lambda: till.pay(order, payment)).json()

    assert done["status"] == "completed"


@pytest.mark.usefixtures("after_the_first_sale")
def test_a_line_that_is_added(till, shelf_of, counted):
    first, second = shelf_of(2)
    order = till.sold(line(first))
    path = f"orders/{order['id']}/lines/"

    counted(LINE[connection.vendor], lambda: till.post(path, line(second)))


@pytest.mark.usefixtures("after_the_first_sale")
@pytest.mark.parametrize(("pay", "expected"), [(cash, CASH_REFUND), (card, CARD_REFUND)])
@pytest.mark.parametrize("count", [1, 5])
def test_a_refund(till, manager_client, shelf_of, counted, pay, expected, count):
    paid = pay(f"{count}.00")
    order = till.sold(*[line(each) for each in shelf_of(count)], payments=[paid])
    path, body = f"orders/{order['id']}/refunds/", {"id": new_id(), "reason": "Broken"}

    refund = counted(expected[connection.vendor], lambda: manager_client.post(path, body)).json()

    assert refund["status"] == "done"


@pytest.mark.usefixtures("after_the_first_sale")
def test_a_receipt_by_mail(till, shelf_of, django_assert_num_queries):
    order = till.sold(*[line(each) for each in shelf_of(5)], payments=[cash("5.00")])
    path, body = f"orders/{order['id']}/receipt/email/", {"email": "ada@customer.example"}
    till.post(path, body)

    with django_assert_num_queries(RECEIPT_MAIL):
        response = till.post(path, body)

    assert response.status_code == 202


# --- translated statements -----------------------------------------------------------------------


def test_baskets_of_all_sizes_share_a_few_statements(till, shelf_of):
    """Those kept for every size would fill the memory of a server."""
    products, before = shelf_of(40), set(PRODUCTS_BY_ID.compiled)
    for count in range(1, 41):
        body = {"lines": [line(each) for each in products[:count]]}

        shown = till.post("orders/calculate/", body).json()

        assert [each["product"] for each in shown["lines"]] == [
            str(each.pk) for each in products[:count]
        ]
    assert len(set(PRODUCTS_BY_ID.compiled) - before) <= 7

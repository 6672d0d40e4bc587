"""The search for sales, products and customers: the page that finds everything, and the lists."""

import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory
from tests.factories.orders import BarcodeFactory, OrderFactory, ProductFactory, RefundFactory
from tests.factories.tenants import RegisterFactory
from tests.support.admin_data import create_refund, create_sale

pytestmark = [pytest.mark.once, pytest.mark.django_db]
FIND = "/admin/find/"
ORDERS = "/admin/orders/order/"
PRODUCTS = "/admin/orders/product/"


def find(browser, text, url=FIND):
    answer = browser.get(url, {"q": text})
    assert answer.status_code == 200
    return answer.content.decode()


def change(order, **values):
    with tenant_scope(order.tenant):
        Order.objects.filter(pk=order.pk).update(**values)
        order.refresh_from_db()
    return order


@pytest.fixture
def sale(cashier, register, product):
    """Return the sale 1-000079 with the receipt 1 and a total of 22.72."""
    order = create_sale(cashier, register, product)
    return change(order, number="1-000079", total=Decimal("22.72"), paid_total=Decimal("22.72"))


@pytest.fixture
def other_sale(cashier, register, product):
    return change(create_sale(cashier, register, product), number="1-000790")


@pytest.mark.parametrize(
    "text", ["1-000079", "1-79", "79", "079", " 1-79 ", "22.72", "22,72", "€ 22,72"]
)
@pytest.mark.parametrize("url", [FIND, ORDERS, "/admin/orders/payment/", "/admin/orders/receipt/"])
def test_sale_is_found_by_number_and_amount(text, url, managers_browser, sale, other_sale):
    body = find(managers_browser, text, url)
    assert ("1-000079" in body, other_sale.number in body) == (True, False)


def test_sale_is_found_by_its_receipt_number(managers_browser, sale, other_sale):
    with tenant_scope(sale.tenant):
        Order.objects.filter(pk=sale.pk).update(receipt_number=4711)
    for url in (FIND, ORDERS):
        body = find(managers_browser, "04711", url)
        assert ("1-000079" in body, other_sale.number in body) == (True, False)


def test_number_is_found_at_every_register(managers_browser, sale, cashier, store):
    register = RegisterFactory(store=store, tenant=store.tenant, number=7)
    OrderFactory(cashier=cashier, register=register, number="7-000079")
    body = find(managers_browser, "79")
    assert "1-000079" in body
    assert "7-000079" in body


@pytest.mark.parametrize("url", [FIND, ORDERS])
def test_sale_is_found_by_the_customer(url, managers_browser, sale, other_sale, shop):
    customer = CustomerFactory(tenant=shop, name="Ann Miller", email="Ann@Mill.example")
    change(sale, customer=customer, customer_name=customer.name, customer_email=customer.email)
    change(other_sale, customer_email="bob@mill.example")

    for text in ("Ann@mill.example", "ann@MILL.example", "mill ann"):
        body = find(managers_browser, text, url)
        assert (sale.number in body, other_sale.number in body) == (True, False), text
    body = find(managers_browser, "BOB@mill.example", url)
    assert (sale.number in body, other_sale.number in body) == (False, True)


def test_refund_is_found_by_its_amount_and_its_order(
    managers_browser, manager, cashier, register, product
):
    order = create_sale(cashier, register, product)
    refund = create_refund(order, manager)
    for text in (str(refund.total), order.number, str(refund.receipt_number)):
        for url in (FIND, "/admin/orders/refund/"):
            assert "Broken" in find(managers_browser, text, url), (text, url)
    assert "Broken" not in find(managers_browser, "77.77", "/admin/orders/refund/")


def test_amount_before_and_after_rounding_is_found(managers_browser, sale, shop):
    Tenant.objects.filter(pk=shop.pk).update(cash_rounding_increment=Decimal("0.05"))
    change(sale, cash_rounding=Decimal("-0.02"), paid_total=Decimal("22.70"))
    for text, there in (("22.72", True), ("22.70", True), ("22.71", False), ("22.75", False)):
        assert (sale.number in find(managers_browser, text, ORDERS)) is there, text


def test_separator_of_thousands_is_read_as_the_country_writes_it(managers_browser, sale, shop):
    change(sale, total=Decimal(1234), paid_total=Decimal(1234))
    for country, text, there in (
        ("DE", "1.234", True),
        ("DE", "1,234", False),
        ("DE", "1.234,00", True),
        ("US", "1,234", True),
        ("US", "1.234", False),
        ("US", "1.234,00", True),
    ):
        Tenant.objects.filter(pk=shop.pk).update(country=country)
        assert (sale.number in find(managers_browser, text, ORDERS)) is there, (country, text)


@pytest.mark.parametrize("url", [FIND, PRODUCTS])
def test_product_is_found_by_parts(url, managers_browser, product, shop):
    banana = ProductFactory(tenant=shop, name="Yellow Banana", sku="FRUIT-BAN-1")
    BarcodeFactory(product=banana, code="4006381333931")
    for text in ("bana yell", "BAN-1", "ban-1", "4006381333931", "06381333"):
        body = find(managers_browser, text, url)
        assert ("Yellow Banana" in body, "Apple" in body) == (True, False), text


def test_nothing_found_and_odd_texts_are_pages(managers_browser, sale):
    assert "Nothing was found" in find(managers_browser, "does-not-exist")
    for text in ("", "\0", "%_\\", "x" * 5000, "1-" + "9" * 40, "9" * 40, "1e400", "@", "-", "٣٣"):
        find(managers_browser, text)
        find(managers_browser, text, ORDERS)
    assert managers_browser.post(FIND).status_code == 405


def test_page_finds_nothing_of_another_shop(managers_browser, sale, foreign):
    for text in (foreign.order.number, "EAKMARK", str(foreign.order.total)):
        body = find(managers_browser, text).replace(f'value="{text}"', "")
        assert str(foreign.order.pk) not in body
        assert "LEAKMARK" not in body


def test_cashier_and_total_filter_orders(managers_browser, sale, other_sale, other_cashier):
    change(other_sale, cashier=other_cashier)
    cases = [
        ({"cashier": other_cashier.pk}, (False, True)),
        ({"total_min": "22,72"}, (True, False)),
        ({"total_max": "22.71"}, (False, True)),
        ({"total_min": "1", "total_max": "30"}, (True, True)),
        ({"total_min": "x", "total_max": ""}, (True, True)),
    ]
    for query, expected in cases:
        body = managers_browser.get(ORDERS, query).content.decode()
        assert (">1-000079<" in body, f">{other_sale.number}<" in body) == expected, query


def test_orders_are_sorted_by_total(managers_browser, sale, other_sale):
    for column, order in (("2", 1), ("-2", -1)):
        body = managers_browser.get(ORDERS, {"o": column}).content.decode()
        assert f"?o={-int(column)}" in body
        places = [body.index(f">{each.number}<") for each in (other_sale, sale)]
        assert places == sorted(places)[::order]


def test_start_page_has_the_search(managers_browser):
    body = managers_browser.get("/admin/").content.decode()
    assert f'action="{FIND}"' in body


def test_page_takes_the_same_queries_for_any_number_of_rows(managers_browser, cashier, shop):
    def add():
        for _ in range(3):
            order = OrderFactory(
                cashier=cashier, total=Decimal("3.50"), number=uuid.uuid4().hex[:9]
            )
            RefundFactory(order=order, total=Decimal("3.50"))
            ProductFactory(tenant=shop, name="Number 3 50")
            CustomerFactory(tenant=shop, name="Number 3 50")

    def count(text):
        with CaptureQueriesContext(connection) as captured:
            find(managers_browser, text)
        return len(captured)

    add()
    few = [count(text) for text in ("3.50", "number")]
    add()
    assert [count(text) for text in ("3.50", "number")] == few
    assert max(few) <= 16

"""Checkout: an order with payments in one request."""

from decimal import Decimal

import pytest

from orders.models import StockMovement
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
    new_id,
)


def test_cash_sale_with_change(till, product, store, shop, cashier, register):
    order = till.sold(line(product, "2"), payments=[cash("5.00", tendered="10.00")])

    assert (order["status"], order["number"], order["receipt_number"]) == (
        "completed",
        "1-000001",
        1,
    )
    assert (order["total"], order["paid_total"], order["due"]) == ("5.00", "5.00", "0.00")
    assert order["change_total"] == "5.00"
    (payment,) = order["payments"]
    assert (payment["status"], payment["amount"]) == ("captured", "5.00")
    assert (payment["tendered"], payment["change"]) == ("10.00", "5.00")
    assert (order["cashier"], order["register"]) == (str(cashier.pk), str(register.pk))
    assert order["store"] == str(store.pk)
    assert order["completed_at"] is not None
    assert till.shown(order) == order
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)
    assert list_receipt_numbers(register) == [1]


def test_sold_line_keeps_name_price_and_taxes_after_a_catalog_change(
    till, client_of, manager, product
):
    sold = till.sold(line(product, note="Ripe"), payments=[cash("2.50")])

    change = {"name": "Pear", "price": "9.99", "sku": "PEAR", "tax_class": None}
    client_of(manager).patch(f"products/{product.pk}/", change, If_Match="*")

    (shown,) = till.shown(sold)["lines"]
    assert shown == sold["lines"][0]
    assert (shown["name"], shown["sku"], shown["note"]) == ("Apple", "APPLE", "Ripe")
    assert (shown["unit_price"], shown["list_price"]) == ("2.50", "2.50")
    assert shown["taxes"] == [
        {
            "name": "VAT",
            "percent": "19",
            "included": True,
            "compound": False,
            "taxable": "2.10",
            "amount": "0.40",
        }
    ]


@pytest.mark.parametrize(
    "name", ["product", "sku", "barcode", "unnormalized sku", "unnormalized barcode"]
)
def test_product_is_found_by_id_sku_or_barcode(till, product, name):
    BarcodeFactory(product=product, code="4006381333931")
    named = {
        "product": {"product": str(product.pk)},
        "sku": {"sku": "APPLE"},
        "barcode": {"barcode": "4006381333931"},
        "unnormalized sku": {"sku": "\uff21PPLE "},
        "unnormalized barcode": {"barcode": "\uff14006381333931"},
    }[name]

    order = till.sold({"quantity": "1", **named})

    assert order["lines"][0]["product"] == str(product.pk)


def test_unpaid_order_stays_open_and_deducts_no_stock(till, product, store, register):
    order = till.sold(line(product), note="Comes back", customer={"name": "Ann"})

    assert (order["status"], order["due"]) == ("open", "2.50")
    assert (order["receipt_number"], order["completed_at"], order["payments"]) == (None, None, [])
    assert (order["note"], order["customer"]) == (
        "Comes back",
        {"id": None, "name": "Ann", "email": "", "tax_number": ""},
    )
    assert get_stock_level(product, store) == (10, 0)
    assert list_receipt_numbers(register) == []


def test_partly_paid_order_has_the_rest_due(till, product):
    order = till.sold(line(product, "2"), payments=[cash("1.50", tendered="2.00")])

    assert (order["status"], order["paid_total"], order["due"]) == ("open", "1.50", "3.50")
    assert order["change_total"] == "0.50"

    done = till.pay(order, cash("3.50")).json()

    assert (done["status"], done["due"], done["version"]) == ("completed", "0.00", 2)


def test_sale_of_open_price_weighed_and_untracked_products(till, make_product, store, shop):
    service = make_product("0", open_price=True, track_stock=False)
    cheese = make_product("19.90", stock="2.000", sold_by="weight")

    order = till.sold(
        line(service, unit_price="12.34"),
        line(cheese, "0.735"),
        payments=[cash("26.97")],
    )

    assert [each["total"] for each in order["lines"]] == ["12.34", "14.63"]
    assert order["lines"][1]["quantity"] == "0.735"
    assert order["status"] == "completed"
    assert get_stock_level(cheese, store) == (Decimal("1.265"), 0)
    ensure_books_balance(shop)
    with tenant_scope(shop):
        assert not StockMovement.objects.filter(product=service).exists()


def test_order_can_be_settled_by_several_payments(till, make_product):
    order = till.sold(
        line(make_product("10.00")),
        payments=[cash("4.00"), card("1.00"), cash("5.00", tendered="20.00")],
    )

    assert order["status"] == "completed"
    assert [payment["amount"] for payment in order["payments"]] == ["4.00", "1.00", "5.00"]
    assert order["change_total"] == "15.00"


def test_client_ids_of_lines_and_payments_are_kept(till, product):
    ids = [new_id() for _ in range(3)]
    order = till.sold(
        line(product, id=ids[0]),
        line(product, id=ids[1]),
        payments=[{"id": ids[2], "method": "cash", "amount": "5.00"}],
    )

    assert [each["id"] for each in order["lines"]] == ids[:2]
    assert order["payments"][0]["id"] == ids[2]


def test_payment_without_id_gets_one(till, product):
    order = till.sold(line(product), payments=[{"method": "cash", "amount": "2.50"}])

    assert order["payments"][0]["id"]


def test_first_order_fixes_the_currency(till, product, client_of, admin, shop, problem):
    manager_client = client_of(admin)
    assert manager_client.patch("tenant/", {"currency": "CHF"}, If_Match="*").status_code == 200
    manager_client.patch("tenant/", {"currency": "EUR"}, If_Match="*")

    till.sold(line(product))  # unpaid, but its prices are in euros

    problem(
        manager_client.patch("tenant/", {"currency": "CHF"}, If_Match="*"), 409, "currency_fixed"
    )
    assert Tenant.objects.get(pk=shop.pk).has_orders


def test_order_with_more_than_500_lines_is_refused(till, make_product, store, problem):
    product = make_product("1.00", stock="1000")
    many = [line(product) for _ in range(501)]

    order = till.sold(*many[:500], payments=[cash("500.00")])

    assert (order["status"], len(order["lines"])) == ("completed", 500)
    assert get_stock_level(product, store) == (500, 0)
    problem(till.sell(*many), 400, "invalid", {"lines": "max_length"})
    assert get_stock_level(product, store) == (500, 0)


@pytest.mark.slow
def test_order_of_500_different_products_is_sold(till, shop, make_product, store):
    products = [make_product("1.00", stock="3", category=None, tax_class=None) for _ in range(500)]

    order = till.sold(*[line(each, "2") for each in products], payments=[cash("1000.00")])

    assert order["status"] == "completed"
    assert {get_stock_level(product, store) for product in products} == {(Decimal(1), Decimal(0))}
    ensure_books_balance(shop)

"""Refused checkouts: each names the invalid field and stores nothing."""

import pytest

from orders.models import Order, OrderLine, Payment, Receipt, StockMovement
from orders.services.sales import draft
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.till import card, cash, line, new_id, percent

pytestmark = pytest.mark.once

ORDER_MODELS = (Order, OrderLine, Payment, Receipt, StockMovement)


def count_rows(shop):
    with tenant_scope(shop):
        return {model.__name__: model.objects.count() for model in ORDER_MODELS}


@pytest.fixture
def basket(make_product, product):
    """Return a function that builds a line of a named product."""
    products = {
        "apple": product,
        "gone": make_product(is_active=False),
        "hour": make_product(open_price=True),
        "cheese": make_product(sold_by="weight"),
    }
    return lambda name, quantity="1", **more: line(products[name], quantity, **more)


UNKNOWN_ID = "0190b4e0-0000-7000-8000-00000000dead"


@pytest.mark.parametrize(
    ("lines", "errors"),
    [
        ([("apple",), {"barcode": "1", "quantity": 1}], {"lines[1].barcode": "does_not_exist"}),
        ([{"sku": "NONE", "quantity": 1}], {"lines[0].sku": "does_not_exist"}),
        ([{"product": UNKNOWN_ID, "quantity": 1}], {"lines[0].product": "does_not_exist"}),
        ([("gone",)], {"lines[0]": "not_on_sale"}),
        ([("apple", "1.5")], {"lines[0].quantity": "not_whole"}),
        ([("hour",)], {"lines[0].unit_price": "required"}),
        ([("apple", "0")], {"lines[0].quantity": "zero"}),
        ([("apple", "-1")], {"lines[0].quantity": "invalid"}),
        ([("cheese", "0.0001")], {"lines[0].quantity": "max_decimal_places"}),
        ([("apple", "1000000")], {"lines[0].quantity": "max_digits"}),
        ([("apple", 1.5)], {"lines[0].quantity": "invalid"}),
        ([{"quantity": 1}], {"lines[0]": "one_of"}),
        ([{"sku": "APPLE", "barcode": "1", "quantity": 1}], {"lines[0]": "one_of"}),
        ([{"sku": "APPLE"}], {"lines[0].quantity": "required"}),
        ([{"sku": "APPLE", "quantity": 1, "total": "0"}], {"lines[0].total": "unknown_field"}),
        ([], {"lines": "empty"}),
        # All errors are reported at once.
        (
            [("gone", "0.5"), {"sku": "NONE", "quantity": 1}],
            {
                "lines[0]": "not_on_sale",
                "lines[0].quantity": "not_whole",
                "lines[1].sku": "does_not_exist",
            },
        ),
    ],
)
def test_invalid_line_is_refused_with_its_field(till, shop, basket, problem, lines, errors):
    before = count_rows(shop)
    named = [each if isinstance(each, dict) else basket(*each) for each in lines]

    problem(till.sell(*named, payments=[cash("2.50")]), 400, "invalid", errors)

    assert count_rows(shop) == before


@pytest.mark.parametrize(
    ("payments", "code", "errors"),
    [
        (
            [cash("2.50", tendered="2.00")],
            "invalid",
            {"payments[0].tendered": "tendered_too_little"},
        ),
        ([cash("0.00")], "invalid", {"payments[0].amount": "min_value"}),
        ([card("0.00")], "invalid", {"payments[0].amount": "min_value"}),
        ([card("2.50", tendered="5.00")], "invalid", {"payments[0].tendered": "not_cash"}),
        ([cash("1.00"), cash("-1.50")], "invalid", {"payments[1].amount": "invalid"}),
        ([cash("2.505")], "invalid", {"payments[0].amount": "max_decimal_places"}),
        ([cash("2.50", method="gold")], "invalid", {"payments[0].method": "invalid_choice"}),
        ([cash("2.50", currency="USD")], "invalid", {"payments[0].currency": "unknown_field"}),
        ([cash("0.10")] * 21, "invalid", {"payments": "max_length"}),
    ],
)
def test_invalid_payment_is_refused_with_its_field(
    till, shop, product, problem, payments, code, errors
):
    before = count_rows(shop)

    problem(till.sell(line(product), payments=payments), 400, code, errors)

    assert count_rows(shop) == before


@pytest.mark.parametrize(
    "payments",
    [
        [cash("2.51")],
        [card("2.51")],
        [cash("2.00"), cash("0.51")],
        [card("2.00"), card("0.51")],
        [card("2.50"), cash("0.01")],
        [cash("2.50"), card("0.01")],
    ],
)
def test_payments_above_the_total_are_refused(till, shop, product, problem, payments):
    before = count_rows(shop)

    problem(till.sell(line(product), payments=payments), 409, "payment_exceeds_due")

    assert count_rows(shop) == before


def test_refused_payment_reports_the_amount_due(till, product, problem):
    response = till.sell(line(product), payments=[cash("2.00"), cash("9.00")])

    assert problem(response, 409, "payment_exceeds_due")["due"] == "0.50"


def test_order_total_above_the_maximum_is_refused(till, make_product, problem):
    expensive = make_product("99999999999.00", stock="999999")

    problem(till.sell(line(expensive, "2")), 400, "amount_too_large")
    problem(till.sell(line(expensive), line(expensive)), 400, "amount_too_large")
    assert till.sell(line(expensive)).status_code == 201


def test_register_must_be_active_and_of_the_shop(till, product, shop, register, problem, foreign):
    closed = RegisterFactory(tenant=shop, store=register.store, number=9, is_active=False)
    body = till.order(line(product))
    for other in (closed.pk, foreign.register.pk, UNKNOWN_ID):
        response = till.post("orders/", body | {"register": str(other)})
        problem(response, 400, "invalid", {"register": "does_not_exist"})
    body.pop("register")
    problem(till.post("orders/", body), 400, "invalid", {"register": "required"})


def test_attack_074_product_of_another_shop_does_not_exist(till, foreign, problem):
    named = {
        "product": str(foreign.product.pk),
        "sku": foreign.product.sku,
        "barcode": foreign.barcode.code,
    }
    for name, value in named.items():
        response = till.sell({name: value, "quantity": 1})
        problem(response, 400, "invalid", {f"lines[0].{name}": "does_not_exist"})
        assert b"LEAKMARK_B_PRODUCT" not in response.content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "completed"),
        ("total", "0.00"),
        ("cashier", UNKNOWN_ID),
        ("tenant", UNKNOWN_ID),
        ("receipt_number", 7),
        ("number", "X"),
    ],
)
def test_server_controlled_fields_are_refused(till, product, problem, field, value):
    response = till.sell(line(product), **{field: value})

    problem(response, 400, "invalid", {field: "unknown_field"})


def test_invalid_discounts_are_refused(till, product, problem):
    response = till.sell(
        line(product, discounts=[percent("101"), percent("-5"), {"type": "gift", "value": "1"}])
    )

    errors = {
        "lines[0].discounts[0].value": "max_value",
        "lines[0].discounts[1].value": "invalid",
        "lines[0].discounts[2].type": "invalid_choice",
    }
    problem(response, 400, "invalid", errors)


def test_change_above_the_maximum_is_refused(till, product, problem, shop):
    payment = cash("0.01", tendered="99999999999.99")

    response = till.sell(line(product), payments=[payment | {"id": new_id()} for _ in range(12)])

    problem(response, 400, "amount_too_large")
    with tenant_scope(shop):
        assert not Order.objects.exists()


@pytest.mark.view_only("needs the first order of a shop")
def test_sale_after_a_currency_change_is_refused(till, product, shop, problem, monkeypatch):
    """The currency changes between reading the prices and storing the first order."""
    reckoned = draft.find_discount_over_limit

    def change_currency(*args):
        Tenant.objects.filter(pk=shop.pk).update(currency="JPY")
        return reckoned(*args)

    monkeypatch.setattr(draft, "find_discount_over_limit", change_currency)

    problem(till.sell(line(product), payments=[cash("2.50")]), 409, "currency_changed")

    with tenant_scope(shop):
        assert not Order.objects.exists()

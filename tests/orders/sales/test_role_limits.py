"""Limits of each role for discounts and price overrides."""

from decimal import Decimal

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.support.till import Till, amount, cash, ensure_books_balance, line, percent


@pytest.fixture
def admins_till(admin, register):
    return Till(admin, register)


def no_orders(shop):
    with tenant_scope(shop):
        return not Order.objects.exists()


def test_discounts_are_returned_with_their_amounts(managers_till, make_product):
    order = managers_till.sold(
        line(make_product("10.00"), "2", discounts=[percent("5", reason="Loyal"), amount("1.00")]),
        line(make_product("4.00")),
        discounts=[percent("10"), amount("0.01", reason="Odd cent")],
        payments=[cash("19.79")],
    )

    first, second = order["lines"]
    # 20.00 - 1.00 - 1.00, then its share of 2.20 and of 0.01.
    assert [each["amount"] for each in first["discounts"]] == ["1.00", "1.00"]
    assert [each["reason"] for each in first["discounts"]] == ["Loyal", ""]
    assert [each["amount"] for each in order["discounts"]] == ["2.20", "0.01"]
    assert (first["net"], second["net"]) == ("16.19", "3.60")
    assert (order["subtotal"], order["discount_total"]) == ("24.00", "4.21")
    assert (order["total"], order["status"]) == ("19.79", "completed")


@pytest.mark.parametrize(
    ("where", "discounts"),
    [
        ("line", [percent("10.0001")]),
        ("line", [percent("11")]),
        ("line", [percent("6"), percent("6")]),
        ("line", [percent("5"), amount("0.51")]),
        ("line", [amount("1.01")]),
        ("line", [amount("500.00")]),
        ("order", [percent("10.0001")]),
        ("order", [amount("1.01")]),
        ("order", [percent("5"), percent("6")]),
    ],
)
def test_cashier_needs_an_approval_above_the_limit(
    till, shop, make_product, problem, where, discounts
):
    product = make_product("10.00")
    on_line, on_order = (discounts, []) if where == "line" else ([], discounts)

    response = till.sell(line(product, discounts=on_line), discounts=on_order)

    refused = problem(response, 403, "approval_required")
    assert refused["action"] == "discount"
    assert no_orders(shop)


@pytest.mark.parametrize(
    ("where", "discounts", "total"),
    [
        ("line", [percent("10")], "9.00"),
        ("line", [amount("1.00")], "9.00"),
        ("line", [percent("5"), amount("0.50")], "9.00"),
        ("order", [percent("10")], "9.00"),
        ("order", [amount("1.00")], "9.00"),
    ],
)
def test_cashier_needs_no_approval_up_to_the_limit(till, make_product, where, discounts, total):
    on_line, on_order = (discounts, []) if where == "line" else ([], discounts)

    order = till.sold(line(make_product("10.00"), discounts=on_line), discounts=on_order)

    assert order["total"] == total


@pytest.mark.parametrize("price", ["0.05", "0.15", "1.95", "9.95", "33.35"])
@pytest.mark.parametrize("where", ["line", "order"])
def test_rounding_does_not_raise_a_discount_above_the_limit(till, make_product, where, price):
    """10 percent of 1.95 is 0.195, rounded to 0.20, and still within 10 percent."""
    tenth = [percent("10")]
    on_line, on_order = (tenth, []) if where == "line" else ([], tenth)

    order = till.sold(line(make_product(price), discounts=on_line), discounts=on_order)

    assert Decimal(order["discount_total"]) > Decimal(price) / 10


def test_limits_are_those_of_the_shop(till, configure_shop, make_product, problem, shop):
    limits = shop.limits
    limits["cashier"] |= {"line_discount_percent": "0", "order_discount_percent": "50"}
    configure_shop(limits=limits)
    product = make_product("10.00")

    response = till.sell(line(product, discounts=[percent("0.0001")]))
    problem(response, 403, "approval_required")
    assert till.sold(line(product), discounts=[percent("50")])["total"] == "5.00"


def test_manager_and_admin_have_no_discount_limit_by_default(
    managers_till, admins_till, make_product
):
    for someone in (managers_till, admins_till):
        order = someone.sold(line(make_product("10.00"), discounts=[percent("100")]))

        assert (order["status"], order["total"]) == ("completed", "0.00")


def test_discount_above_the_line_amount_is_capped(managers_till, make_product):
    order = managers_till.sold(line(make_product("10.00"), discounts=[amount("99.00")]))

    (shown,) = order["lines"]
    assert (shown["discount_total"], shown["net"], shown["total"]) == ("10.00", "0.00", "0.00")
    assert shown["discounts"][0]["amount"] == "10.00"
    assert shown["discounts"][0]["value"] == "99.00"


# --- prices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["9.99", "10.01", "0.00", "20.00"])
def test_cashier_cannot_override_prices(till, shop, make_product, problem, price):
    response = till.sell(line(make_product("10.00"), unit_price=price))

    assert problem(response, 403, "approval_required")["action"] == "price_override"
    assert no_orders(shop)


def test_unit_price_equal_to_the_list_price_is_no_override(till, make_product):
    assert till.sold(line(make_product("10.00"), unit_price="10.00"))["total"] == "10.00"


def test_overridden_price_is_shown_beside_the_list_price(managers_till, make_product):
    order = managers_till.sold(line(make_product("10.00"), unit_price="12.00"))

    (shown,) = order["lines"]
    assert (shown["list_price"], shown["unit_price"], shown["total"]) == ("10.00", "12.00", "12.00")


def test_manager_may_double_a_price(managers_till, admins_till, make_product, problem):
    product = make_product("10.00")

    assert managers_till.sold(line(product, unit_price="20.00"))["total"] == "20.00"
    response = managers_till.sell(line(product, unit_price="20.01"))
    problem(response, 403, "approval_required")
    assert admins_till.sold(line(product, unit_price="20.01"))["total"] == "20.01"


def test_cashier_cannot_price_a_product_of_zero(till, managers_till, make_product, problem):
    free_product = make_product("0.00")

    problem(till.sell(line(free_product, unit_price="1.00")), 403, "approval_required")
    assert managers_till.sold(line(free_product, unit_price="1.00"))["total"] == "1.00"


def test_one_line_above_the_limit_refuses_the_whole_order(till, shop, make_product, problem):
    response = till.sell(
        line(make_product("10.00")),
        line(make_product("10.00"), discounts=[percent("50")]),
        payments=[cash("15.00")],
    )

    problem(response, 403, "approval_required")
    assert no_orders(shop)
    ensure_books_balance(shop)

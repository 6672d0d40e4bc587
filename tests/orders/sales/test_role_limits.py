"""How far each role goes on its own with discounts and prices, and what that takes off."""

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


def test_discounts_of_line_and_order_are_told_with_what_they_took(managers_till, make_product):
    order = managers_till.sold(
        line(make_product("10.00"), "2", discounts=[percent("5", reason="Loyal"), amount("1.00")]),
        line(make_product("4.00")),
        discounts=[percent("10"), amount("0.01", reason="Odd cent")],
        payments=[cash("19.79")],
    )

    first, second = order["lines"]
    # 20.00 less 1.00, less 1.00; then its share of 2.20 and of the cent.
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
def test_a_cashier_needs_an_approval_above_the_limit(
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
def test_up_to_the_limit_a_cashier_decides_alone(till, make_product, where, discounts, total):
    on_line, on_order = (discounts, []) if where == "line" else ([], discounts)

    order = till.sold(line(make_product("10.00"), discounts=on_line), discounts=on_order)

    assert order["total"] == total


@pytest.mark.parametrize("price", ["0.05", "0.15", "1.95", "9.95", "33.35"])
@pytest.mark.parametrize("where", ["line", "order"])
def test_rounding_to_the_cent_does_not_carry_a_discount_over_the_limit(
    till, make_product, where, price
):
    """A tenth of 1.95 is 0.195, takes 0.20 off, and is still a tenth."""
    tenth = [percent("10")]
    on_line, on_order = (tenth, []) if where == "line" else ([], tenth)

    order = till.sold(line(make_product(price), discounts=on_line), discounts=on_order)

    assert Decimal(order["discount_total"]) > Decimal(price) / 10


def test_the_limits_are_the_shops_own(till, configure_shop, make_product, problem, shop):
    limits = shop.limits
    limits["cashier"] |= {"line_discount_percent": "0", "order_discount_percent": "50"}
    configure_shop(limits=limits)
    product = make_product("10.00")

    response = till.sell(line(product, discounts=[percent("0.0001")]))
    problem(response, 403, "approval_required")
    assert till.sold(line(product), discounts=[percent("50")])["total"] == "5.00"


def test_managers_and_admins_give_everything_away(managers_till, admins_till, make_product):
    for someone in (managers_till, admins_till):
        order = someone.sold(line(make_product("10.00"), discounts=[percent("100")]))

        assert (order["status"], order["total"]) == ("completed", "0.00")


def test_a_discount_larger_than_the_line_stops_at_zero(managers_till, make_product):
    order = managers_till.sold(line(make_product("10.00"), discounts=[amount("99.00")]))

    (shown,) = order["lines"]
    assert (shown["discount_total"], shown["net"], shown["total"]) == ("10.00", "0.00", "0.00")
    assert shown["discounts"][0]["amount"] == "10.00"
    assert shown["discounts"][0]["value"] == "99.00"


# --- prices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["9.99", "10.01", "0.00", "20.00"])
def test_a_cashier_does_not_change_prices(till, shop, make_product, problem, price):
    response = till.sell(line(make_product("10.00"), unit_price=price))

    assert problem(response, 403, "approval_required")["action"] == "price_override"
    assert no_orders(shop)


def test_naming_the_catalogs_price_is_no_change(till, make_product):
    assert till.sold(line(make_product("10.00"), unit_price="10.00"))["total"] == "10.00"


def test_a_changed_price_stands_beside_the_catalogs(managers_till, make_product):
    order = managers_till.sold(line(make_product("10.00"), unit_price="12.00"))

    (shown,) = order["lines"]
    assert (shown["list_price"], shown["unit_price"], shown["total"]) == ("10.00", "12.00", "12.00")


def test_a_manager_goes_as_far_as_the_price_again(
    managers_till, admins_till, make_product, problem
):
    product = make_product("10.00")

    assert managers_till.sold(line(product, unit_price="20.00"))["total"] == "20.00"
    response = managers_till.sell(line(product, unit_price="20.01"))
    problem(response, 403, "approval_required")
    assert admins_till.sold(line(product, unit_price="20.01"))["total"] == "20.01"


def test_what_has_no_price_yet_is_not_for_cashiers_to_price(
    till, managers_till, make_product, problem
):
    free = make_product("0.00")

    problem(till.sell(line(free, unit_price="1.00")), 403, "approval_required")
    assert managers_till.sold(line(free, unit_price="1.00"))["total"] == "1.00"


def test_a_part_of_the_basket_above_the_limit_stops_all_of_it(till, shop, make_product, problem):
    response = till.sell(
        line(make_product("10.00")),
        line(make_product("10.00"), discounts=[percent("50")]),
        payments=[cash("15.00")],
    )

    problem(response, 403, "approval_required")
    assert no_orders(shop)
    ensure_books_balance(shop)

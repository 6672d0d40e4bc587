"""Uploads of offline sales with empties: booked as they happened, flagged beyond the limits."""

from decimal import Decimal

import pytest
from django.db import IntegrityError

from orders.models import Order
from orders.services.offline import batch
from orders.services.offline.booking import book_sale
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.offline import (
    build_offline_line,
    build_offline_sale,
    results,
    upload_one_booked,
)
from tests.support.refunds import ensure_refunds_consistent
from tests.support.till import card, cash, new_id, percent

pytestmark = pytest.mark.django_db


def build_empties(empty, quantity="6", price="0.25", **more):
    return build_offline_line(empty, price, f"-{quantity}", **more)


def test_empties_are_booked(till, shop, empty, product):
    sold = build_offline_line(product, "2.50", "1")
    item = build_offline_sale(1, sold, build_empties(empty), payments=[cash("1.00")])

    order = upload_one_booked(till, item)

    assert (order["total"], order["flags"]) == ("1.00", [])
    assert (order["deposit_return_total"], order["deposit_return_by"]) == ("1.50", order["cashier"])
    ensure_refunds_consistent(shop)


def test_negative_total_is_booked(till, shop, empty):
    item = build_offline_sale(1, build_empties(empty), payments=[cash("-1.50")], total="-1.50")

    order = upload_one_booked(till, item)

    assert (order["total"], order["paid_total"], order["flags"]) == ("-1.50", "-1.50", [])
    assert order["payments"][0]["tendered"] is None
    assert results(till, item)[0]["status"] == "duplicate"
    ensure_refunds_consistent(shop)


def test_negative_total_is_rounded_to_coins(till, configure_shop, empty):
    configure_shop("CHF", cash_rounding_increment=Decimal("0.05"))
    sold = build_empties(empty, "3", "0.26")

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("-0.80")]))

    assert (order["total"], order["cash_rounding"]) == ("-0.78", "-0.02")
    assert order["flags"] == ["price_differs"]


def test_amount_that_coins_cannot_pay_is_flagged(till, configure_shop, empty):
    configure_shop("CHF", cash_rounding_increment=Decimal("0.05"))
    sold = build_empties(empty, "3", "0.26")

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("-0.78")]))

    assert order["flags"] == ["not_payable_in_cash", "price_differs"]


def test_empties_over_the_limit_are_flagged(till, empty):
    at_limit = build_offline_sale(1, build_empties(empty, "120"), payments=[cash("-30.00")])
    beyond = build_offline_sale(2, build_empties(empty, "1"), payments=[cash("-0.25")])

    assert upload_one_booked(till, at_limit)["flags"] == []
    assert upload_one_booked(till, beyond)["flags"] == ["over_limit"]


def test_limit_of_the_named_cashier_counts_too(managers_till, shop, empty):
    cashier = UserFactory(tenant=shop)
    item = build_offline_sale(
        1, build_empties(empty, "121"), payments=[cash("-30.25")], cashier=str(cashier.pk)
    )

    order = upload_one_booked(managers_till, item)

    assert order["flags"] == ["cashier_differs", "over_limit"]
    assert order["deposit_return_by"] == str(cashier.pk)


def test_limit_of_a_cashier_who_was_deactivated_since_is_that_of_then(managers_till, shop, empty):
    cashier = UserFactory(tenant=shop, is_active=False)
    within, beyond = (
        build_offline_sale(
            number, build_empties(empty, quantity), payments=[cash(paid)], cashier=str(cashier.pk)
        )
        for number, quantity, paid in ((1, "120", "-30.00"), (2, "1", "-0.25"))
    )

    assert upload_one_booked(managers_till, within)["flags"] == ["cashier_differs"]
    assert upload_one_booked(managers_till, beyond)["flags"] == ["cashier_differs", "over_limit"]


REFUSED = {
    "other product": lambda empty, product: (
        [build_offline_line(product, "2.50", "-1")],
        [cash("-2.50")],
        ("lines[0].quantity", "not_returnable"),
    ),
    "unknown product": lambda empty, product: (
        [{"name": "Crate", "quantity": "-1", "unit_price": "1.50"}],
        [cash("-1.50")],
        ("lines[0].quantity", "not_returnable"),
    ),
    "discount": lambda empty, product: (
        [build_empties(empty, discounts=[percent("10")])],
        [cash("-1.35")],
        ("lines[0]", "returned"),
    ),
    "card": lambda empty, product: (
        [build_empties(empty)],
        [card("-1.50")],
        ("payments", "not_paid_out"),
    ),
    "two payments": lambda empty, product: (
        [build_empties(empty)],
        [cash("-1.00"), cash("-0.50")],
        ("payments", "not_paid_out"),
    ),
    "tendered": lambda empty, product: (
        [build_empties(empty)],
        [cash("-1.50", "0.00")],
        ("payments", "not_paid_out"),
    ),
    "too much": lambda empty, product: (
        [build_empties(empty)],
        [cash("-9.00")],
        ("payments", "not_matching"),
    ),
    "too much for goods": lambda empty, product: (
        [build_empties(empty), build_offline_line(product, "2.50", "1")],
        [cash("-1.51")],
        ("payments", "not_matching"),
    ),
    "money for nothing": lambda empty, product: (
        [build_offline_line(product, "2.50", "1")],
        [cash("-1.00")],
        ("payments", "not_matching"),
    ),
    "money for free empties": lambda empty, product: (
        [build_empties(empty, "1", "0.00")],
        [cash("1.00")],
        ("payments", "not_matching"),
    ),
    "money for free empties and goods": lambda empty, product: (
        [build_empties(empty, "1", "0.00"), build_offline_line(product, "0.00", "1")],
        [cash("1.00")],
        ("payments", "not_matching"),
    ),
    "no payment": lambda empty, product: (
        [build_empties(empty)],
        [],
        ("payments", "not_paid"),
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_upload_that_no_sale_can_be_is_rejected(till, shop, empty, product, kind):
    lines, payments, expected = REFUSED[kind](empty, product)
    item = build_offline_sale(1, *lines, payments=payments)

    (result,) = results(till, item, key=new_id())

    assert (result["status"], result.get("code")) == ("rejected", "invalid")
    assert [(each["field"], each["code"]) for each in result["errors"]] == [expected]
    with tenant_scope(shop):
        assert not Order.objects.exists()


def test_price_that_differs_is_flagged_and_counts(till, empty):
    order = upload_one_booked(
        till, build_offline_sale(1, build_empties(empty, "10", "5.00"), payments=[cash("-50.00")])
    )

    assert order["flags"] == ["over_limit", "price_differs"]


def test_returned_goods_take_no_share_in_a_difference(till, shop, empty, product):
    sold = build_offline_line(product, "2.50", "1")
    item = build_offline_sale(1, build_empties(empty, "1"), sold, payments=[cash("3.00")])

    order = upload_one_booked(till, item)

    assert order["flags"] == ["total_differs"]
    assert [each["total"] for each in order["lines"]] == ["-0.25", "3.25"]
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("error", [IntegrityError, ValueError])
def test_sale_that_fails_does_not_fail_the_others(till, shop, product, monkeypatch, error):
    def fail(sale, *rest, **more):
        if sale.device_sequence == 1:
            raise error("unforeseen")
        return book_sale(sale, *rest, **more)

    monkeypatch.setattr(batch, "book_sale", fail)
    sold = build_offline_line(product, "2.50", "1")
    items = [build_offline_sale(number, sold, payments=[cash("2.50")]) for number in (1, 2)]

    first, second = results(till, *items)

    assert (first["status"], first["code"]) == ("rejected", "sale_not_booked")
    assert second["status"] == "created"
    with tenant_scope(shop):
        assert Order.objects.count() == 1

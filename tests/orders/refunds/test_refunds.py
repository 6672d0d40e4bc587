"""Refunds of sales, completely and in parts."""

from decimal import Decimal

import pytest

from orders.models import ChainEntry, Payout, StockLevel, StockMovement
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.refunds import (
    build_refund_lines,
    ensure_refunds_consistent,
    get_store_credit_code,
    request_refund,
    sell_with_uneven_discount,
)
from tests.support.till import card, cash, line, new_id


@pytest.fixture
def sold(till, make_product):
    return sell_with_uneven_discount(till, make_product("3.33"), cash("9.02"))


def test_refunds_of_single_units_add_up_to_the_sale(manager_client, sold):
    totals = [
        request_refund(manager_client, sold, lines=build_refund_lines(sold, "1")).json()["total"]
        for _ in range(3)
    ]

    order = manager_client.get(f"orders/{sold['id']}/").json()
    assert sum(map(Decimal, totals)) == Decimal("9.02")
    assert (order["status"], order["refunded_total"]) == ("refunded", "9.02")
    assert [each["receipt_number"] for each in order["refunds"]] == [2, 3, 4]


def test_refund_of_an_amount_and_the_rest_add_up_to_the_sale(manager_client, sold):
    assert request_refund(manager_client, sold, amount="2.00").status_code == 201

    rest = request_refund(manager_client, sold).json()

    assert (rest["total"], rest["lines"][0]["quantity"]) == ("7.02", "3")
    assert manager_client.get(f"orders/{sold['id']}/").json()["status"] == "refunded"


@pytest.mark.parametrize("method", ["cash", "store_credit"])
def test_refund_without_a_card_is_saved_once_with_its_result(manager_client, sold, shop, method):
    response = request_refund(manager_client, sold, method=method)

    assert (response.json()["status"], response["ETag"]) == ("done", '"1"')
    with tenant_scope(shop):
        events = OutboxEvent.objects.filter(subject=response.json()["id"])
        assert list(events.values_list("topic", "subject_version")) == [("refund.completed", 1)]
        assert list(Payout.objects.values_list("status", "version")) == [("done", 1)]


def test_goods_that_are_not_restocked_are_waste(manager_client, sold, shop):
    request_refund(manager_client, sold, lines=build_refund_lines(sold, "1", restock=False))
    request_refund(manager_client, sold, lines=build_refund_lines(sold, "2"))

    with tenant_scope(shop):
        moved = StockMovement.objects.exclude(refund=None).values_list("type", "quantity")
        assert sorted(moved) == [
            ("return", Decimal(1)),
            ("return", Decimal(2)),
            ("waste", Decimal(-1)),
        ]
        kinds = ChainEntry.objects.order_by("sequence").values_list("kind", flat=True)
        assert list(kinds) == ["receipt", "refund", "refund"]
        level = StockLevel.objects.get()
    assert (level.quantity, level.reserved) == (9, 0), "one of the ten units is waste"
    ensure_refunds_consistent(shop)


def test_refund_of_more_than_was_sold_is_refused(manager_client, sold, problem):
    answer = request_refund(manager_client, sold, lines=build_refund_lines(sold, "4"))

    problem(answer, 400, "invalid", {"lines[0].quantity": "too_much"})
    assert manager_client.get(f"orders/{sold['id']}/").json() == sold


def test_refund_by_a_cashier_needs_approval(till, sold, problem):
    answer = request_refund(till, sold, lines=build_refund_lines(sold, "1"))

    problem(answer, 403, "approval_required")
    assert till.get(f"orders/{sold['id']}/").json() == sold


def test_refund_declined_by_the_card_fails(till, manager_client, make_product, gateway):
    order = till.sell(line(make_product("2.50"), "2"), payments=[card("5.00")]).json()
    gateway.returns = [DECLINED]

    answer = request_refund(manager_client, order, lines=build_refund_lines(order, "1")).json()

    assert (answer["status"], answer["receipt_number"]) == ("failed", None)
    now = manager_client.get(f"orders/{order['id']}/").json()
    assert (now["status"], now["refunded_total"]) == ("completed", "0.00")


def test_refund_that_timed_out_is_resolved_later(till, manager_client, make_product, gateway):
    order = till.sell(line(make_product("2.50"), "2"), payments=[card("5.00")]).json()
    gateway.returns = [TIMED_OUT]
    pending = request_refund(manager_client, order).json()
    assert (pending["status"], pending["payouts"][0]["status"]) == ("pending", "unknown")

    done = manager_client.post(f"refunds/{pending['id']}/resolve/").json()

    assert (done["status"], done["payouts"][0]["status"]) == ("done", "done")
    assert manager_client.get(f"orders/{order['id']}/").json()["status"] == "refunded"


def test_refund_to_store_credit_can_be_spent(till, manager_client, make_product, sold):
    given = request_refund(manager_client, sold, method="store_credit").json()
    code = get_store_credit_code(given)

    spent = till.sell(
        line(make_product("5.00")),
        payments=[{"id": new_id(), "method": "store_credit", "amount": "5.00", "reference": code}],
    )

    assert spent.json()["status"] == "completed", spent.content
    (credit,) = till.get("store-credits/", {"code": code}).json()["results"]
    assert credit["balance"] == "4.02"


def test_partial_payment_can_be_canceled(till, manager_client, make_product):
    order = till.post("orders/", till.order(line(make_product("5.00")))).json()
    paid = till.post(f"orders/{order['id']}/payments/", cash("2.00")).json()

    canceled = manager_client.post(f"payments/{paid['payments'][0]['id']}/cancel/").json()

    assert (canceled["due"], canceled["payments"][0]["status"]) == ("5.00", "canceled")


def test_refund_of_card_and_cash_returns_the_paid_amounts(
    till, manager_client, make_product, configure_shop, gateway
):
    configure_shop(cash_rounding_increment=Decimal("0.05"))
    product = make_product("14.83")
    order = till.sold(line(product), payments=[card("10.00"), cash("4.85")])
    assert order["paid_total"] == "14.85"

    refund = request_refund(manager_client, order).json()

    assert (refund["total"], refund["cash_rounding"]) == ("14.83", "0.02")
    assert [(each["method"], each["paid"]) for each in refund["payouts"]] == [
        ("cash", "4.85"),
        ("card", "10.00"),
    ]
    assert manager_client.get(f"orders/{order['id']}/").json()["refunded_total"] == "14.85"


@pytest.mark.parametrize(("price", "paid"), [("10.02", "10.00"), ("9.99", "10.00")])
def test_refund_of_a_rounded_cash_sale_returns_the_paid_amount(
    price, paid, till, manager_client, make_product, configure_shop
):
    configure_shop(cash_rounding_increment=Decimal("0.05"))
    order = till.sold(line(make_product(price)), payments=[cash(paid)])

    (payout,) = request_refund(manager_client, order).json()["payouts"]

    assert payout["paid"] == paid

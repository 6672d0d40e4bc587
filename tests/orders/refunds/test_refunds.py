"""Taking a sale back, in part and whole."""

from decimal import Decimal

import pytest

from orders.models import ChainEntry, StockLevel, StockMovement
from tenants.scope import tenant_scope
from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.refunds import back, code_of, ensure_sound, refund, sold_unevenly
from tests.support.till import card, cash, line, new_id


@pytest.fixture
def sold(till, goods):
    return sold_unevenly(till, goods("3.33"), cash("9.02"))


def test_one_by_one_everything_comes_back_to_the_cent(chief, sold):
    totals = [refund(chief, sold, lines=back(sold, "1")).json()["total"] for _ in range(3)]

    order = chief.get(f"orders/{sold['id']}/").json()
    assert sum(map(Decimal, totals)) == Decimal("9.02")
    assert (order["status"], order["refunded_total"]) == ("refunded", "9.02")
    assert [each["receipt_number"] for each in order["refunds"]] == [2, 3, 4]


def test_an_amount_and_then_the_goods_are_the_whole_sale(chief, sold):
    assert refund(chief, sold, amount="2.00").status_code == 201

    rest = refund(chief, sold).json()

    assert (rest["total"], rest["lines"][0]["quantity"]) == ("7.02", "3")
    assert chief.get(f"orders/{sold['id']}/").json()["status"] == "refunded"


def test_what_cannot_be_sold_again_goes_to_waste(chief, sold, shop):
    refund(chief, sold, lines=back(sold, "1", restock=False))
    refund(chief, sold, lines=back(sold, "2"))

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
    assert (level.quantity, level.reserved) == (9, 0), "one of the ten is waste"
    ensure_sound(shop)


def test_more_than_was_sold_is_refused(chief, sold, problem):
    answer = refund(chief, sold, lines=back(sold, "4"))

    problem(answer, 400, "invalid", {"lines[0].quantity": "too_much"})
    assert chief.get(f"orders/{sold['id']}/").json() == sold


def test_a_cashier_needs_leave(till, sold, problem):
    answer = refund(till, sold, lines=back(sold, "1"))

    problem(answer, 403, "approval_required")
    assert till.get(f"orders/{sold['id']}/").json() == sold


def test_a_declined_card_takes_nothing_back(till, chief, goods, gateway):
    order = till.sell(line(goods("2.50"), "2"), payments=[card("5.00")]).json()
    gateway.returns = [DECLINED]

    answer = refund(chief, order, lines=back(order, "1")).json()

    assert (answer["status"], answer["receipt_number"]) == ("failed", None)
    now = chief.get(f"orders/{order['id']}/").json()
    assert (now["status"], now["refunded_total"]) == ("completed", "0.00")


def test_a_card_that_times_out_is_resolved_later(till, chief, goods, gateway):
    order = till.sell(line(goods("2.50"), "2"), payments=[card("5.00")]).json()
    gateway.returns = [TIMED_OUT]
    pending = refund(chief, order).json()
    assert (pending["status"], pending["payouts"][0]["status"]) == ("pending", "unknown")

    done = chief.post(f"refunds/{pending['id']}/resolve/").json()

    assert (done["status"], done["payouts"][0]["status"]) == ("done", "done")
    assert chief.get(f"orders/{order['id']}/").json()["status"] == "refunded"


def test_store_credit_is_given_and_spent(till, chief, goods, sold):
    given = refund(chief, sold, method="store_credit").json()
    code = code_of(given)

    spent = till.sell(
        line(goods("5.00")),
        payments=[{"id": new_id(), "method": "store_credit", "amount": "5.00", "reference": code}],
    )

    assert spent.json()["status"] == "completed", spent.content
    (credit,) = till.get("store-credits/", {"code": code}).json()["results"]
    assert credit["balance"] == "4.02"


def test_a_partial_payment_is_canceled(till, chief, goods):
    order = till.post("orders/", till.order(line(goods("5.00")))).json()
    paid = till.post(f"orders/{order['id']}/payments/", cash("2.00")).json()

    canceled = chief.post(f"payments/{paid['payments'][0]['id']}/cancel/").json()

    assert (canceled["due"], canceled["payments"][0]["status"]) == ("5.00", "canceled")


def test_all_of_a_sale_paid_by_card_and_in_coins_is_what_was_paid(
    till, chief, goods, shop_in, gateway
):
    shop_in(cash_rounding_increment=Decimal("0.05"))
    product = goods("14.83")
    order = till.sold(line(product), payments=[card("10.00"), cash("4.85")])
    assert order["paid_total"] == "14.85"

    back_again = refund(chief, order).json()

    assert (back_again["total"], back_again["cash_rounding"]) == ("14.83", "0.02")
    assert [(each["method"], each["paid"]) for each in back_again["payouts"]] == [
        ("cash", "4.85"),
        ("card", "10.00"),
    ]
    assert chief.get(f"orders/{order['id']}/").json()["refunded_total"] == "14.85"


@pytest.mark.parametrize(("price", "paid"), [("10.02", "10.00"), ("9.99", "10.00")])
def test_all_of_a_sale_in_coins_is_what_was_paid(price, paid, till, chief, goods, shop_in):
    shop_in(cash_rounding_increment=Decimal("0.05"))
    order = till.sold(line(goods(price)), payments=[cash(paid)])

    (payout,) = refund(chief, order).json()["payouts"]

    assert payout["paid"] == paid

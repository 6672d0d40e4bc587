"""Refunds of orders with empties: never more than was paid in money and in empties."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.refunds import (
    build_refund_lines,
    create_refund,
    ensure_refunds_consistent,
    request_refund,
)
from tests.support.shifts import fetch_shift_report, open_shift
from tests.support.till import card, cash, cash_rest, line

pytestmark = pytest.mark.django_db


def list_payouts(refund):
    return [
        (each["method"], each["paid"], each["payment"] is not None) for each in refund["payouts"]
    ]


def test_goods_paid_with_empties_are_refunded_whole(
    till, manager_client, shop, make_product, empties
):
    order = till.sold(line(make_product("10.00")), empties("12"), payments=[cash("7.00")])

    refund = create_refund(manager_client, order)

    assert refund["total"] == "10.00"
    assert sorted(list_payouts(refund)) == [("cash", "3.00", False), ("cash", "7.00", True)]
    after = manager_client.get(f"orders/{order['id']}/").json()
    assert (after["status"], after["refunded_total"]) == ("refunded", "10.00")
    assert after["lines"][1]["refunded_quantity"] == "0"
    receipt = manager_client.get(f"refunds/{refund['id']}/receipt/", {"format": "text"})
    assert receipt.status_code == 200
    ensure_refunds_consistent(shop)


def test_goods_of_a_negative_total_are_refunded(till, manager_client, shop, make_product, empties):
    order = till.sold(line(make_product("1.00")), empties("12"), payments=[cash("-2.00")])

    refund = create_refund(manager_client, order)

    assert list_payouts(refund) == [("cash", "1.00", False)]
    after = manager_client.get(f"orders/{order['id']}/").json()
    assert (after["status"], after["refunded_total"]) == ("refunded", "1.00")
    ensure_refunds_consistent(shop)


def test_nothing_is_refunded_twice(till, manager_client, make_product, empties, unchanged):
    order = till.sold(line(make_product("1.00")), empties("12"), payments=[cash("-2.00")])
    create_refund(manager_client, order)

    unchanged(lambda: request_refund(manager_client, order), 409, "illegal_transition")
    unchanged(
        lambda: request_refund(manager_client, order, amount="0.01"), 409, "illegal_transition"
    )


def test_amount_beyond_the_goods_is_refused(till, manager_client, make_product, empties, unchanged):
    order = till.sold(line(make_product("1.00")), empties("12"), payments=[cash("-2.00")])

    answer = unchanged(
        lambda: request_refund(manager_client, order, amount="1.01"), 409, "refund_exceeds_paid"
    )
    assert answer["left"] == "1.00"


def test_empties_are_not_refunded(till, manager_client, make_product, empties, unchanged):
    order = till.sold(empties("12"), line(make_product("5.00")), payments=[cash("2.00")])

    for quantity in ("1", "12"):
        lines = build_refund_lines(order, quantity)
        unchanged(
            lambda lines=lines: request_refund(manager_client, order, lines=lines),
            400,
            "invalid",
            {"lines[0].line": "returned"},
        )


def test_order_of_empties_alone_is_not_refunded(till, manager_client, empties, unchanged):
    order = till.sold(empties("12"), payments=[cash("-3.00")])

    unchanged(lambda: request_refund(manager_client, order), 409, "nothing_left_to_refund")
    unchanged(
        lambda: request_refund(manager_client, order, amount="0.01"), 409, "refund_exceeds_paid"
    )


def test_card_is_refunded_first_and_empties_in_cash(
    till, manager_client, shop, gateway, make_product, empties
):
    order = till.sold(line(make_product("10.00"), "2"), empties("12"), payments=[card("17.00")])

    first = create_refund(manager_client, order, lines=build_refund_lines(order))
    rest = create_refund(manager_client, order)

    assert list_payouts(first) == [("card", "10.00", True)]
    assert sorted(list_payouts(rest)) == [("card", "7.00", True), ("cash", "3.00", False)]
    ensure_refunds_consistent(shop)


def test_card_takes_no_more_than_it_paid(till, manager_client, make_product, empties, unchanged):
    order = till.sold(
        line(make_product("10.00")),
        empties("12"),
        payments=[card("7.00", entry="external", reference="slip")],
    )

    unchanged(
        lambda: request_refund(manager_client, order, method="card", reference="slip 2"),
        400,
        "invalid",
        {"method": "not_by_card"},
    )


def test_store_credit_takes_all(till, manager_client, shop, make_product, empties):
    order = till.sold(line(make_product("10.00")), empties("12"), payments=[cash("7.00")])

    refund = create_refund(manager_client, order, method="store_credit")

    assert {each["method"] for each in refund["payouts"]} == {"store_credit"}
    ensure_refunds_consistent(shop)


def test_drawer_counts_refunds_of_empties(till, manager_client, make_product, empties):
    shift = open_shift(till, "50.00")
    order = till.sold(line(make_product("10.00")), empties("12"), payments=[cash("7.00")])
    create_refund(manager_client, order)

    report = fetch_shift_report(manager_client, shift)

    assert (report["cash"]["refunds"], report["cash"]["expected"]) == ("10.00", "47.00")


CASES = st.fixed_dictionaries(
    {
        "price": st.integers(1, 400).map(lambda cents: Decimal(cents).scaleb(-2)),
        "bottles": st.integers(1, 4),
        "returned": st.integers(1, 20),
        "parts": st.lists(st.integers(1, 4), max_size=4),
        "coin": st.sampled_from([None, Decimal("0.05")]),
    }
)


@pytest.mark.slow
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=CASES)
def test_refunds_never_pay_more_than_money_and_empties(
    managers_till, shop, configure_shop, make_product, case
):
    configure_shop("EUR", cash_rounding_increment=case["coin"])
    goods, empty = (
        make_product(str(case["price"]), stock="100"),
        make_product("0.23", returnable=True),
    )
    lines = [line(goods, str(case["bottles"])), line(empty, f"-{case['returned']}")]
    order = managers_till.sold(*lines, payments=[cash_rest()])
    refund_in_parts(managers_till, order, case)

    after = managers_till.shown(order)
    refunded = Decimal(after["refunded_total"])
    assert after["status"] == "refunded"
    assert refunded <= Decimal(order["paid_total"]) + Decimal(order["deposit_return_total"])
    if case["coin"] is None:
        assert refunded == case["price"] * case["bottles"]
    ensure_refunds_consistent(shop)


def refund_in_parts(till, order, case):
    left = case["bottles"]
    for part in case["parts"]:
        if part <= left:
            create_refund(till, order, lines=build_refund_lines(order, str(part)))
            left -= part
    if left:
        create_refund(till, order)

"""Cash rounding of refunds and of the drawer."""

from decimal import Decimal

from tests.support.refunds import create_refund, ensure_refunds_consistent
from tests.support.shifts import close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, cash_rest, line


def test_cash_refunds_are_in_coins_and_add_up_to_the_payment(
    till, make_product, set_smallest_coin, manager_client, shop
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("2.53"), "3"), payments=[cash_rest()])
    (sold,) = order["lines"]

    paid = [
        create_refund(manager_client, order, lines=[{"line": sold["id"], "quantity": "1"}])[
            "payouts"
        ]
        for _ in range(3)
    ]

    # Sold for 7.59, paid with 8.00.
    assert [[each["paid"] for each in payouts] for payouts in paid] == [
        ["3.00"],
        ["3.00"],
        ["2.00"],
    ]
    assert till.shown(order)["refunded_total"] == "8.00"
    ensure_refunds_consistent(shop)


def test_cash_refund_of_two_cards_is_rounded_once(
    till, make_product, set_smallest_coin, manager_client, shop
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("8.20")), payments=[card("3.60"), card("4.60")])

    to_refund = create_refund(manager_client, order, method="cash")

    assert sum(Decimal(each["paid"]) for each in to_refund["payouts"]) == 8
    assert to_refund["cash_rounding"] == "-0.20"
    ensure_refunds_consistent(shop)


def test_last_cash_refund_of_a_card_does_not_exceed_the_payment(
    till, make_product, set_smallest_coin, manager_client, shop
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("3.80"), "2"), payments=[card("7.60")])
    (sold,) = order["lines"]
    part = [{"line": sold["id"], "quantity": "1"}]

    first, last = (
        create_refund(manager_client, order, lines=part, method="cash") for _ in range(2)
    )

    assert [each["payouts"][0]["paid"] for each in (first, last)] == ["4.00", "3.00"]
    assert till.shown(order)["status"] == "refunded"
    ensure_refunds_consistent(shop)


def test_drawer_holds_whole_coins_at_the_end_of_the_shift(
    till, make_product, set_smallest_coin, manager_client
):
    set_smallest_coin("1.00", "SEK")
    shift = open_shift(till, "100.00")
    product = make_product("7.60")
    till.sold(line(product), payments=[cash_rest(tendered="10.00")])
    to_refund = till.sold(line(product, "2"), payments=[cash("10.00"), cash("5.20")])
    create_refund(manager_client, to_refund, amount="7.60")

    cash_figures = fetch_shift_report(manager_client, shift)["cash"]
    assert (cash_figures["payments"], cash_figures["refunds"]) == ("23.00", "8.00")
    assert fetch_shift_report(manager_client, shift)["sales"]["cash_rounding"] == "0.20"
    assert close_shift(manager_client, shift, cash_figures["expected"]).status_code == 200

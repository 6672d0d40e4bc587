"""Cash in a shop without small coins: paid, parted, given back and uploaded in whole coins."""

from decimal import Decimal

import pytest

from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import create_refund, ensure_refunds_consistent
from tests.support.shifts import cancel_first_payment, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, line, new_id, resolve_payment

CODE = "not_payable_in_cash"


def rest(**more):
    """Cash without an amount."""
    return {"id": new_id(), "method": "cash", **more}


@pytest.fixture
def coins(configure_shop):
    """`coins("1.00", "SEK", mode="down")`: the shop's smallest coin."""

    def change(smallest, currency="EUR", mode="half_up", country=""):
        step = smallest and Decimal(smallest)
        configure_shop(
            currency, cash_rounding_increment=step, cash_rounding_mode=mode, country=country
        )

    return change


def figures(order):
    return tuple(order[name] for name in ("status", "paid_total", "cash_rounding", "due"))


SETTLED = [
    ("SEK", "1.00", "half_up", "7.60", "8.00", "0.40"),
    ("SEK", "1.00", "half_down", "7.50", "7.00", "-0.50"),
    ("SEK", "1.00", "down", "7.99", "7.00", "-0.99"),
    ("CHF", "0.05", "half_up", "9.97", "9.95", "-0.02"),
    ("DKK", "0.50", "half_up", "12.25", "12.50", "0.25"),
    ("JPY", "10", "half_up", "995", "1000", "5"),
    ("KWD", "0.005", "half_up", "1.234", "1.235", "0.001"),
    ("EUR", None, "half_up", "9.98", "9.98", "0.00"),
]


@pytest.mark.parametrize(("currency", "coin", "mode", "price", "payable", "rounding"), SETTLED)
@pytest.mark.parametrize("named", ["payable", "left", "rest"])
def test_cash_settles_with_what_coins_can_pay(  # noqa: PLR0913, PLR0917
    till, make_product, coins, currency, coin, mode, price, payable, rounding, named
):
    coins(coin, currency, mode)
    payment = {"payable": cash(payable), "left": cash(price), "rest": rest()}[named]

    order = till.sold(line(make_product(price)), payments=[payment])

    zero = str(Decimal(price) * 0)
    assert figures(order) == ("completed", payable, rounding, zero)
    assert (order["payments"][0]["amount"], order["payments"][0]["tendered"]) == (payable, payable)
    again = till.post("orders/calculate/", {"lines": [line(make_product(price))]}).json()
    assert again["cash_total"] == payable


@pytest.mark.parametrize(
    ("price", "payment", "payable"),
    [
        ("7.60", cash("7.11", "8.00"), "8.00"),
        ("7.60", cash("7.50"), "8.00"),
        ("7.60", cash("7.90"), "8.00"),
        ("0.60", cash("0.11"), "1.00"),
        ("7.60", cash("8.00", "8.50"), "8.00"),
        ("7.60", cash("7.60", "7.60"), "8.00"),
        ("7.60", cash("5.00", "5.50"), "8.00"),
        ("7.60", rest(tendered="10.01"), "8.00"),
        ("0.40", cash("0.20"), "0.00"),
    ],
)
def test_what_no_coin_pays_is_refused_and_nothing_is_written(
    till, make_product, coins, refused, price, payment, payable
):
    coins("1.00", "SEK")
    product = make_product(price)
    order = till.sold(line(product))

    for call in (
        lambda: till.pay(order, payment),
        lambda: till.sell(line(product), payments=[payment]),
    ):
        assert refused(call, 409, CODE)["payable"] == payable


def test_parts_are_whole_coins_and_the_rest_is_rounded_once(till, make_product, coins, refused):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("7.60")), payments=[cash("3.00")])

    assert figures(order) == ("open", "3.00", "0.00", "4.60")
    assert order["cash_due"] == "5.00"
    assert refused(lambda: till.pay(order, cash("4.50")), 409, CODE)["payable"] == "5.00"
    more = till.pay(order, cash("2.00")).json()
    assert figures(more) == ("open", "5.00", "0.00", "2.60")

    done = till.pay(order, rest(tendered="20.00")).json()
    assert figures(done) == ("completed", "8.00", "0.40", "0.00")
    assert done["change_total"] == "17.00"


def test_what_others_leave_is_rounded_only_for_cash(till, make_product, coins):
    coins("1.00", "SEK")
    product = make_product("7.60")
    voucher = {"id": new_id(), "method": "voucher", "amount": "0.30"}

    order = till.sold(line(product), payments=[card("2.75"), voucher, rest()])
    assert figures(order) == ("completed", "8.05", "0.45", "0.00")

    less = till.sold(line(make_product("7.40")), payments=[card("7.00"), rest()])
    assert figures(less) == ("completed", "7.00", "-0.40", "0.00")


def other(amount):
    return {"id": new_id(), "method": "other", "amount": amount}


@pytest.mark.parametrize(
    ("price", "part", "paid", "rounding"),
    [
        ("0.60", other("0.11"), "1.11", "0.51"),
        ("7.60", card("0.11"), "8.11", "0.51"),
        ("7.60", card("7.20"), "8.20", "0.60"),
        ("7.40", other("0.91"), "7.91", "0.51"),
        ("7.40", card("0.10"), "7.10", "-0.30"),
    ],
)
def test_a_part_paid_otherwise_never_makes_an_order_cheaper(  # noqa: PLR0913, PLR0917
    till, make_product, coins, refused, price, part, paid, rounding
):
    """Rounding takes off at most what it does for the whole order in cash."""
    coins("1.00", "SEK")

    order = till.sold(line(make_product(price)), payments=[part, rest()])
    assert figures(order) == ("completed", paid, rounding, "0.00")

    parted = till.sold(line(make_product(price)), payments=[part | {"id": new_id()}])
    rest_in_cash = str(Decimal(paid) - Decimal(part["amount"]))
    assert parted["cash_due"] == rest_in_cash
    assert refused(lambda: till.pay(parted, cash("0.30")), 409, CODE)["payable"] == rest_in_cash
    assert figures(till.pay(parted, rest()).json()) == ("completed", paid, rounding, "0.00")


def test_a_declined_card_leaves_more_cash_than_the_total_as_rounding(
    till, make_product, coins, gateway
):
    coins("1.00", "SEK")
    gateway.answers = [DECLINED]

    order = till.sold(line(make_product("7.60")), payments=[card("0.11"), rest()])

    assert figures(order) == ("completed", "8.00", "0.40", "0.00")


def test_only_cash_can_leave_its_amount_out(till, make_product, coins, problem):
    coins("1.00", "SEK")
    payment = {"id": new_id(), "method": "card"}

    response = till.sell(line(make_product("7.60")), payments=[payment])

    problem(response, 400, "invalid", {"payments[0].amount": "required"})


@pytest.mark.parametrize(
    "payment", [rest(), cash("0.00"), cash("1.00")], ids=["rest", "zero", "amount"]
)
def test_an_order_without_lines_is_not_paid(till, refused, payment):
    order = till.sold()

    refused(lambda: till.pay(order, payment), 409, "order_empty")


def test_a_declined_card_leaves_a_rest_that_is_rounded_anew(till, make_product, coins, gateway):
    coins("1.00", "SEK")
    gateway.answers = [DECLINED]

    order = till.sold(line(make_product("17.60")), payments=[card("10.00"), rest()])

    assert figures(order) == ("open", "8.00", "0.00", "9.60")
    done = till.pay(order, cash("10.00")).json()
    assert figures(done) == ("completed", "18.00", "0.40", "0.00")


def test_an_unknown_card_completes_with_the_rounding_that_cash_brought(
    till, make_product, coins, gateway, manager_client
):
    coins("1.00", "SEK")
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(make_product("17.60")), payments=[card("10.00"), rest()])
    assert figures(order)[1:] == ("8.00", "0.40", "10.00")

    done = resolve_payment(manager_client, order).json()

    assert figures(done) == ("completed", "18.00", "0.40", "0.00")


def test_an_edit_after_a_part_leaves_the_new_rest(till, make_product, coins):
    coins("1.00", "SEK")
    product = make_product("7.60")
    order = till.sold(line(product), payments=[cash("5.00")])

    more = till.post(f"orders/{order['id']}/lines/", line(product)).json()
    assert figures(more) == ("open", "5.00", "0.00", "10.20")

    done = till.pay(order, rest()).json()
    assert figures(done) == ("completed", "15.00", "-0.20", "0.00")


def test_a_canceled_part_is_no_rounding(till, make_product, coins, manager_client):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("7.60")), payments=[cash("5.00")])

    cancel_first_payment(manager_client, order)

    assert figures(till.shown(order)) == ("open", "0.00", "0.00", "7.60")
    assert figures(till.pay(order, rest()).json()) == ("completed", "8.00", "0.40", "0.00")


@pytest.mark.parametrize(
    "payment", [rest(), cash("7.60"), cash("8.00")], ids=["rest", "left", "payable"]
)
def test_the_same_payment_again_is_the_same_and_another_amount_is_not(
    till, make_product, coins, refused, payment
):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("7.60")))

    first, again = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    for other in ("5.00", "7.11"):
        refused(
            lambda other=other: till.pay(order, payment | {"amount": other}), 409, "id_conflict"
        )


@pytest.mark.parametrize(
    ("price", "payments", "expected"),
    [
        ("0.04", [rest()], ("completed", "0.04", "0.00", "0.00")),
        ("0.04", [cash("0.04", "0.05")], ("completed", "0.04", "0.00", "0.00")),
        ("0.07", [rest()], ("completed", "0.05", "-0.02", "0.00")),
        ("9.98", [card("9.95"), rest()], ("completed", "9.98", "0.00", "0.00")),
        ("9.98", [rest()], ("completed", "10.00", "0.02", "0.00")),
    ],
)
def test_small_amounts_are_not_rounded_in_belgium(
    till, make_product, coins, price, payments, expected
):
    coins("0.05", country="BE")

    assert figures(till.sold(line(make_product(price)), payments=payments)) == expected


def test_belgium_counts_in_its_own_currency(till, make_product, coins):
    coins("10", "JPY", country="BE")

    assert figures(till.sold(line(make_product("995")), payments=[rest()]))[1:3] == ("1000", "5")


# --- given back ----------------------------------------------------------------------------------


def test_cash_refunds_are_in_coins_and_in_sum_what_was_paid(
    till, make_product, coins, manager_client, shop
):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("2.53"), "3"), payments=[rest()])
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


def test_cards_given_back_in_cash_are_rounded_as_one_sum(
    till, make_product, coins, manager_client, shop
):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("8.20")), payments=[card("3.60"), card("4.60")])

    back = create_refund(manager_client, order, method="cash")

    assert sum(Decimal(each["paid"]) for each in back["payouts"]) == 8
    assert back["cash_rounding"] == "-0.20"
    ensure_refunds_consistent(shop)


def test_the_last_of_a_card_in_cash_is_in_coins_and_never_more_than_was_paid(
    till, make_product, coins, manager_client, shop
):
    coins("1.00", "SEK")
    order = till.sold(line(make_product("3.80"), "2"), payments=[card("7.60")])
    (sold,) = order["lines"]
    part = [{"line": sold["id"], "quantity": "1"}]

    first, last = (
        create_refund(manager_client, order, lines=part, method="cash") for _ in range(2)
    )

    assert [each["payouts"][0]["paid"] for each in (first, last)] == ["4.00", "3.00"]
    assert till.shown(order)["status"] == "refunded"
    ensure_refunds_consistent(shop)


def test_a_drawer_holds_whole_coins_at_the_end_of_the_day(
    till, make_product, coins, manager_client
):
    coins("1.00", "SEK")
    shift = open_shift(till, "100.00")
    product = make_product("7.60")
    till.sold(line(product), payments=[rest(tendered="10.00")])
    back = till.sold(line(product, "2"), payments=[cash("10.00"), cash("5.20")])
    create_refund(manager_client, back, amount="7.60")

    cash_figures = fetch_shift_report(manager_client, shift)["cash"]
    assert (cash_figures["payments"], cash_figures["refunds"]) == ("23.00", "8.00")
    assert fetch_shift_report(manager_client, shift)["sales"]["cash_rounding"] == "0.20"
    assert close_shift(manager_client, shift, cash_figures["expected"]).status_code == 200


# --- uploaded ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payments", "flags"),
    [
        ([cash("8.00", "10.00")], []),
        ([cash("7.60")], [CODE]),
        ([cash("7.11", "8.00")], [CODE, "total_differs"]),
        ([cash("8.00", "8.50")], [CODE]),
        ([card("3.25", entry="external", reference="S-1"), cash("5.00")], []),
        ([card("3.25", entry="external", reference="S-1"), cash("4.00")], ["total_differs"]),
        ([cash("3.00"), cash("5.00")], []),
        ([card("7.60", entry="external", reference="S-1")], []),
    ],
)
def test_an_upload_that_coins_cannot_pay_is_booked_as_sent_and_flagged(
    till, make_product, coins, payments, flags
):
    coins("1.00", "SEK")

    order = upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product("7.60"), "7.60"), payments=payments),
    )

    assert order["flags"] == flags
    assert [(each["amount"], each["tendered"]) for each in order["payments"]] == [
        (each["amount"], each.get("tendered", each["amount"]) if each["method"] == "cash" else None)
        for each in payments
    ]


def test_an_upload_in_belgium_may_hold_smaller_coins(till, make_product, coins):
    coins("0.05", country="BE")

    order = upload_one_booked(
        till,
        build_offline_sale(
            1, build_offline_line(make_product("0.04"), "0.04"), payments=[cash("0.04")]
        ),
    )

    assert order["flags"] == []


def test_an_upload_names_the_amount_of_its_cash(till, make_product):
    item = build_offline_sale(
        1, build_offline_line(make_product("7.60"), "7.60"), payments=[rest()]
    )

    (result,) = till.post(
        "sync/orders/", {"register": str(till.register.pk), "batch": [item]}
    ).json()["results"]

    assert (result["status"], result["code"]) == ("rejected", "invalid")
    assert result["errors"][0]["field"] == "payments[0].amount"

"""Cash rounding of offline sales."""

import pytest

from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.till import card, cash, cash_rest


@pytest.mark.parametrize(
    ("payments", "flags"),
    [
        ([cash("8.00", "10.00")], []),
        ([cash("7.60")], ["not_payable_in_cash"]),
        ([cash("7.11", "8.00")], ["not_payable_in_cash", "total_differs"]),
        ([cash("8.00", "8.50")], ["not_payable_in_cash"]),
        ([card("3.25", entry="external", reference="S-1"), cash("5.00")], []),
        ([card("3.25", entry="external", reference="S-1"), cash("4.00")], ["total_differs"]),
        ([cash("3.00"), cash("5.00")], []),
        ([card("7.60", entry="external", reference="S-1")], []),
    ],
)
def test_offline_cash_that_coins_cannot_pay_is_booked_and_flagged(
    till, make_product, set_smallest_coin, payments, flags
):
    set_smallest_coin("1.00", "SEK")

    order = upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product("7.60"), "7.60"), payments=payments),
    )

    assert order["flags"] == flags
    assert [(each["amount"], each["tendered"]) for each in order["payments"]] == [
        (each["amount"], each.get("tendered", each["amount"]) if each["method"] == "cash" else None)
        for each in payments
    ]


def test_offline_sale_in_belgium_may_have_smaller_coins(till, make_product, set_smallest_coin):
    set_smallest_coin("0.05", country="BE")

    order = upload_one_booked(
        till,
        build_offline_sale(
            1, build_offline_line(make_product("0.04"), "0.04"), payments=[cash("0.04")]
        ),
    )

    assert order["flags"] == []


def test_offline_cash_needs_an_amount(till, make_product):
    item = build_offline_sale(
        1, build_offline_line(make_product("7.60"), "7.60"), payments=[cash_rest()]
    )

    (result,) = till.post(
        "sync/orders/", {"register": str(till.register.pk), "batch": [item]}
    ).json()["results"]

    assert (result["status"], result["code"]) == ("rejected", "invalid")
    assert result["errors"][0]["field"] == "payments[0].amount"

"""Methods with a negative expected amount, because more was refunded than paid at a register."""

import pytest

from tests.support.refunds import create_refund
from tests.support.shifts import by_method, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, line


@pytest.fixture
def shift_with_card_refund(till, tills, manager_client, make_product):
    """Return a shift with a card refund of 2.50 for a sale at another register."""
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    shift = open_shift(tills[0], "10.00")
    create_refund(manager_client, sold, register=str(tills[0].register.pk))
    return shift


@pytest.mark.parametrize(("counted", "difference"), [("-2.50", "0.00"), ("0.00", "2.50")])
def test_negative_card_amount_can_be_counted(
    counted, difference, manager_client, shift_with_card_refund
):
    assert (
        by_method(fetch_shift_report(manager_client, shift_with_card_refund)["expected"], "amount")[
            "card"
        ]
        < 0
    )
    both = [{"method": "cash", "amount": "10.00"}, {"method": "card", "amount": counted}]

    closed = close_shift(manager_client, shift_with_card_refund, counted=both)

    assert closed.status_code == 200, closed.content
    (of_card,) = [each for each in closed.json()["counted"] if each["method"] == "card"]
    shown = (of_card["expected"], of_card["counted"], of_card["difference"])
    assert shown == ("-2.50", counted, difference)


def test_negative_cash_count_is_refused(manager_client, shift_with_card_refund, refused):
    refused(
        lambda: close_shift(manager_client, shift_with_card_refund, "-0.01"),
        400,
        "invalid",
        {"counted[0].amount": "min_value"},
    )

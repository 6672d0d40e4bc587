"""More went back at a till by some method than came there: that is counted as what it is."""

import pytest

from tests.support.refunds import create_refund
from tests.support.shifts import by_method, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, line


@pytest.fixture
def owing(till, tills, manager_client, make_product):
    """A shift at another till than that of the sale, from which 2.50 went back to a card."""
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    shift = open_shift(tills[0], "10.00")
    create_refund(manager_client, sold, register=str(tills[0].register.pk))
    return shift


@pytest.mark.parametrize(("counted", "difference"), [("-2.50", "0.00"), ("0.00", "2.50")])
def test_a_card_given_back_elsewhere_is_counted_below_nothing(
    counted, difference, manager_client, owing
):
    assert by_method(fetch_shift_report(manager_client, owing)["expected"], "amount")["card"] < 0
    both = [{"method": "cash", "amount": "10.00"}, {"method": "card", "amount": counted}]

    closed = close_shift(manager_client, owing, counted=both)

    assert closed.status_code == 200, closed.content
    (of_card,) = [each for each in closed.json()["counted"] if each["method"] == "card"]
    told = (of_card["expected"], of_card["counted"], of_card["difference"])
    assert told == ("-2.50", counted, difference)


def test_cash_is_never_less_than_nothing(manager_client, owing, refused):
    refused(
        lambda: close_shift(manager_client, owing, "-0.01"),
        400,
        "invalid",
        {"counted[0].amount": "min_value"},
    )

"""More went back at a till by some method than came there: that is counted as what it is."""

import pytest

from tests.support.refunds import refunded
from tests.support.shifts import by_method, close, opened, report
from tests.support.till import card, line


@pytest.fixture
def owing(till, tills, chief, goods):
    """A shift at another till than that of the sale, from which 2.50 went back to a card."""
    sold = till.sold(line(goods("2.50")), payments=[card("2.50")])
    shift = opened(tills[0], "10.00")
    refunded(chief, sold, register=str(tills[0].register.pk))
    return shift


@pytest.mark.parametrize(("counted", "difference"), [("-2.50", "0.00"), ("0.00", "2.50")])
def test_a_card_given_back_elsewhere_is_counted_below_nothing(counted, difference, chief, owing):
    assert by_method(report(chief, owing)["expected"], "amount")["card"] < 0
    both = [{"method": "cash", "amount": "10.00"}, {"method": "card", "amount": counted}]

    closed = close(chief, owing, counted=both)

    assert closed.status_code == 200, closed.content
    (of_card,) = [each for each in closed.json()["counted"] if each["method"] == "card"]
    told = (of_card["expected"], of_card["counted"], of_card["difference"])
    assert told == ("-2.50", counted, difference)


def test_cash_is_never_less_than_nothing(chief, owing, refused):
    refused(
        lambda: close(chief, owing, "-0.01"), 400, "invalid", {"counted[0].amount": "min_value"}
    )

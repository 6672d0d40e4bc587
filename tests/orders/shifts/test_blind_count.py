"""The count at the end of a shift, and the amounts that it is compared with."""

import pytest

from tests.support.shifts import close_shift, open_shift
from tests.support.till import line, new_id


@pytest.fixture
def shift(till):
    return open_shift(till)


def test_denominations_are_the_cash_count(till, shift):
    coins = [{"value": "50.00", "count": 1}, {"value": "0.20", "count": 250}]

    closed = close_shift(till, shift, denominations=coins).json()

    assert closed["denominations"] == coins
    assert closed["counted"][0]["counted"] == "100.00"


def test_every_method_can_be_counted(till, manager_client, shift, make_product):
    product = make_product("10.00", stock="20")
    voucher = {"id": new_id(), "method": "voucher", "amount": "10.00"}
    till.sold(line(product), payments=[voucher])
    counted = [
        {"method": "cash", "amount": "101.00"},
        {"method": "voucher", "amount": "8.00"},
        {"method": "other", "amount": "0.00"},
    ]

    closed = close_shift(manager_client, shift, counted=counted).json()

    assert [(e["method"], e["difference"]) for e in closed["counted"]] == [
        ("cash", "1.00"),
        ("other", "0.00"),
        ("voucher", "-2.00"),
    ]


def test_uncounted_method_counts_as_expected(till, manager_client, shift, make_product, gateway):
    card = {"id": new_id(), "method": "card", "amount": "10.00"}
    till.sold(line(make_product("10.00")), payments=[card])

    closed = close_shift(manager_client, shift, "100.00").json()

    assert closed["counted"][0] == {
        "method": "card",
        "expected": "10.00",
        "counted": None,
        "difference": "0.00",
    }

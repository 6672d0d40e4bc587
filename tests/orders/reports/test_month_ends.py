"""A month of the bookkeeper does not change after its end, and the next one goes on from it."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
import time_machine

from tests.orders.reports.test_bookkeeping import fetch, pick
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import create_refund
from tests.support.shifts import close_shift, open_shift
from tests.support.till import Till, cash, line

EVENING = datetime(2026, 3, 31, 20, tzinfo=UTC)
MONTHS = ("2026-03", "2026-04", "2026-05")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def till(clock, manager, register):
    """Return a way to go to a moment and log in again."""

    def go_to(month: int, day: int, hour: int = 8) -> Till:
        clock.move_to(datetime(2026, month, day, hour, tzinfo=UTC))
        return Till(manager, register)

    return go_to


def balances(person, store):
    """Return opening and closing cash of the months; each begins as the one before ended."""
    months = [fetch(person, store, month=month).json() for month in MONTHS]
    for before, after in pairwise(months):
        assert before["closing_cash"] == after["opening_cash"]
    return [months[0]["opening_cash"], *(each["closing_cash"] for each in months)]


def entries(person, store, month):
    rows = fetch(person, store, month=month).json()["cash_book"][1:-1]
    return pick(rows, "day", "kind", "cash_in", "cash_out")


def test_waiting_sale_counts_in_its_month_also_after_a_shift_took_it(till, make_product, store):
    product = make_product("2.50")
    seller = till(3, 31, 20)
    shift = open_shift(seller, "50.00")
    assert close_shift(seller, shift, "50.00").status_code == 200
    seller = till(3, 31, 21)
    upload_one_booked(seller, build_offline_sale(1, build_offline_line(product)))
    seller = till(4, 1)
    before = fetch(seller, store).json()
    assert pick(before["payments"], "day", "method", "received") == [("2026-03-31", "Cash", "2.50")]
    assert before["closing_cash"] == "52.50"

    shift = open_shift(seller, "40.00")

    assert fetch(seller, store).json() == before
    assert fetch(seller, store, month="2026-04").json()["payments"] == []
    seller = till(4, 1, 9)
    closing = close_shift(seller, shift, "42.50")
    assert closing.json()["counted"][0]["difference"] == "0.00"
    seller = till(5, 1)
    assert balances(seller, store) == ["0.00", "52.50", "42.50", "42.50"]
    assert entries(seller, store, "2026-04") == [("2026-04-01", "float", "0.00", "10.00")]


def test_waiting_sale_is_in_the_drawer_of_a_shift_that_goes_on(till, make_product, store):
    upload_one_booked(till(3, 31), build_offline_sale(1, build_offline_line(make_product("2.50"))))
    shift = open_shift(till(3, 31, 10), "50.00")
    assert close_shift(till(4, 1), shift, "52.50").status_code == 200

    assert balances(till(5, 1), store) == ["0.00", "52.50", "52.50", "52.50"]


def test_cash_outside_of_shifts_rests_in_the_drawer(till, make_product, store, configure_shop):
    configure_shop(shifts_required=False)
    product = make_product("10.00")
    order = till(3, 30).sold(line(product, "3"), payments=[cash("30.00")])
    lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
    create_refund(till(3, 31), order, lines=lines, method="cash", reason="Broken")
    till(4, 1).sold(line(product), payments=[cash("10.00")])
    shift = open_shift(till(4, 2), "35.00")
    till(4, 2, 9).sold(line(product), payments=[cash("10.00")])
    assert close_shift(till(4, 2, 10), shift, "45.00").status_code == 200
    till(4, 3).sold(line(product), payments=[cash("10.00")])
    till(5, 1, 5).sold(line(product), payments=[cash("10.00")])
    open_shift(till(5, 1, 8), "65.00")

    reader = till(5, 2)
    assert balances(reader, store) == ["0.00", "20.00", "55.00", "65.00"]
    assert entries(reader, store, "2026-03") == [
        ("2026-03-30", "received", "30.00", "0.00"),
        ("2026-03-31", "refunded", "0.00", "10.00"),
    ]
    # 30.00 were in the drawer, and 35.00 are counted into it.
    assert entries(reader, store, "2026-04") == [
        ("2026-04-01", "received", "10.00", "0.00"),
        ("2026-04-02", "float", "5.00", "0.00"),
        ("2026-04-02", "received", "10.00", "0.00"),
        ("2026-04-03", "received", "10.00", "0.00"),
    ]
    assert entries(reader, store, "2026-05") == [("2026-05-01", "received", "10.00", "0.00")]


def test_payment_outside_of_shifts_that_a_shift_returns(till, make_product, store, configure_shop):
    configure_shop(shifts_required=False)
    seller = till(3, 30)
    order = seller.sold(line(make_product("10.00")), payments=[cash("4.00")])
    shift = open_shift(till(3, 30, 9), "50.00")
    path = f"payments/{order['payments'][0]['id']}/cancel/"
    assert till(3, 30, 10).post(path).status_code == 200
    closing = close_shift(till(3, 30, 11), shift, "46.00")
    assert closing.json()["counted"][0]["difference"] == "0.00"
    open_shift(till(4, 1), "46.00")

    assert balances(till(5, 1), store) == ["0.00", "50.00", "46.00", "46.00"]


def test_register_without_shifts_keeps_its_cash(till, make_product, store, configure_shop):
    configure_shop(shifts_required=False)
    product = make_product("10.00")
    for month in (3, 4):
        till(month, 1).sold(line(product), payments=[cash("10.00")])

    assert balances(till(5, 1), store) == ["0.00", "10.00", "20.00", "20.00"]

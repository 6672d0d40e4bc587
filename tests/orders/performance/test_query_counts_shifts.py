"""Number of SQL statements of shift requests, independent of the number of sales."""

import pytest
from django.db import connection

from tests.support.shifts import build_opening, close_shift, end_shift, open_shift, record_movement
from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db(transaction=True)

OPENING = {"postgresql": 17, "sqlite": 15}
MOVEMENT = {"postgresql": 12, "sqlite": 12}
# Additionally the expected cash, by one query for each kind of cash flow, and what this user took
# out before.
TAKEN_OUT = {"postgresql": 18, "sqlite": 18}
ENDING = {"postgresql": 12, "sqlite": 10}
CLOSING = {"postgresql": 32, "sqlite": 33}
X_REPORT = {"postgresql": 24, "sqlite": 22}
Z_REPORT = {"postgresql": 4, "sqlite": 2}
LIST = {"postgresql": 4, "sqlite": 2}


@pytest.fixture
def after_the_first_shift(till, make_product):
    """Make the first sale and shift, which run more statements."""
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    close_shift(till, open_shift(till, "0.00"), "0.00")


@pytest.fixture(params=[1, 4])
def shift_with_sales(request, till, make_product, after_the_first_shift):
    """Return a shift and its expected cash after one or four sales of each method."""
    shift, product = open_shift(till, "100.00"), make_product("2.50", stock="50")
    for _ in range(request.param):
        till.sold(line(product), payments=[cash("2.50")])
        till.sold(line(product), payments=[card("2.50")])
        record_movement(till, shift, "no_sale")
    return shift, str(100 + request.param * 2.5)


@pytest.mark.usefixtures("after_the_first_shift")
def test_shift_opening_statement_count(till, assert_queries):
    body = build_opening(till, opening_float="100.00")

    assert_queries(OPENING[connection.vendor], lambda: till.post("shifts/", body))


def test_paid_in_statement_count(till, assert_queries, shift_with_sales):
    assert_queries(
        MOVEMENT[connection.vendor],
        lambda: record_movement(till, shift_with_sales[0], "paid_in", "5.00"),
    )


def test_drop_statement_count(till, assert_queries, shift_with_sales):
    assert_queries(
        TAKEN_OUT[connection.vendor],
        lambda: record_movement(till, shift_with_sales[0], "drop", "5.00"),
    )


def test_shift_end_statement_count(till, assert_queries, shift_with_sales):
    assert_queries(ENDING[connection.vendor], lambda: end_shift(till, shift_with_sales[0]))


def test_shift_close_statement_count(till, assert_queries, shift_with_sales):
    assert_queries(CLOSING[connection.vendor], lambda: close_shift(till, *shift_with_sales))


def test_x_report_statement_count(manager_client, assert_queries, shift_with_sales):
    assert_queries(
        X_REPORT[connection.vendor],
        lambda: manager_client.get(f"shifts/{shift_with_sales[0]['id']}/x-report/"),
    )


def test_z_report_statement_count(till, manager_client, assert_queries, shift_with_sales):
    close_shift(till, *shift_with_sales)

    assert_queries(
        Z_REPORT[connection.vendor],
        lambda: manager_client.get(f"shifts/{shift_with_sales[0]['id']}/z-report/"),
    )


@pytest.mark.parametrize("page_size", [1, 50])
def test_shift_list_statement_count(till, assert_queries, tills, page_size):
    for each in tills:
        open_shift(each)

    assert_queries(LIST[connection.vendor], lambda: till.get("shifts/", {"page_size": page_size}))

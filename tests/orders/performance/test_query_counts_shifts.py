"""How often the drawer asks the database, to the statement, however much was sold in it."""

import pytest
from django.db import connection

from tests.support.shifts import build_opening, close_shift, end_shift, open_shift, record_movement
from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db(transaction=True)

OPENING = {"postgresql": 16, "sqlite": 14}
MOVEMENT = {"postgresql": 12, "sqlite": 12}
# And what should be there, by one look at each way in which cash comes and goes, and what this
# person took out before.
TAKEN_OUT = {"postgresql": 17, "sqlite": 17}
ENDING = {"postgresql": 12, "sqlite": 10}
CLOSING = {"postgresql": 29, "sqlite": 30}
X_REPORT = {"postgresql": 22, "sqlite": 20}
Z_REPORT = {"postgresql": 4, "sqlite": 2}
LIST = {"postgresql": 4, "sqlite": 2}


@pytest.fixture
def counted(django_assert_num_queries):
    """`counted(OPENING, call)`: the answer of a call that asks so often."""

    def ask(expected, call):
        with django_assert_num_queries(expected[connection.vendor]):
            response = call()
        assert response.status_code in {200, 201}, response.content
        return response

    return ask


@pytest.fixture
def after_the_first(till, make_product):
    """The first sale of a shop and the first shift of a register ask a little more."""
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    close_shift(till, open_shift(till, "0.00"), "0.00")


@pytest.fixture(params=[1, 4])
def sold_in(request, till, make_product, after_the_first):
    """A shift in which so much was sold."""
    shift, product = open_shift(till, "100.00"), make_product("2.50", stock="50")
    for _ in range(request.param):
        till.sold(line(product), payments=[cash("2.50")])
        till.sold(line(product), payments=[card("2.50")])
        record_movement(till, shift, "no_sale")
    return shift, str(100 + request.param * 2.5)


@pytest.mark.usefixtures("after_the_first")
def test_an_opening(till, counted):
    body = build_opening(till, opening_float="100.00")

    counted(OPENING, lambda: till.post("shifts/", body))


def test_a_movement(till, counted, sold_in):
    counted(MOVEMENT, lambda: record_movement(till, sold_in[0], "paid_in", "5.00"))


def test_what_is_taken_out(till, counted, sold_in):
    counted(TAKEN_OUT, lambda: record_movement(till, sold_in[0], "drop", "5.00"))


def test_an_end(till, counted, sold_in):
    counted(ENDING, lambda: end_shift(till, sold_in[0]))


def test_a_count(till, counted, sold_in):
    counted(CLOSING, lambda: close_shift(till, *sold_in))


def test_an_x_report(manager_client, counted, sold_in):
    counted(X_REPORT, lambda: manager_client.get(f"shifts/{sold_in[0]['id']}/x-report/"))


def test_a_z_report(till, manager_client, counted, sold_in):
    close_shift(till, *sold_in)

    counted(Z_REPORT, lambda: manager_client.get(f"shifts/{sold_in[0]['id']}/z-report/"))


@pytest.mark.parametrize("page_size", [1, 50])
def test_a_list(till, counted, tills, page_size):
    for each in tills:
        open_shift(each)

    counted(LIST, lambda: till.get("shifts/", {"page_size": page_size}))

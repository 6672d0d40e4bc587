"""How often an upload asks the database: so often for each sale, however many lines it has."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.offline import ago, build_offline_line, build_offline_sale, results, upload
from tests.support.statements import TRANSACTIONAL
from tests.support.till import cash

pytestmark = pytest.mark.django_db(transaction=True)

# PostgreSQL gets the rows of all tables in one message, SQLite a statement for each table.
EACH_SALE = {"postgresql": 8, "sqlite": 15}
# Who, where and what is known; and at the end who sent what, and how far the till has counted.
AROUND = 6
DUPLICATES = 4


def asked(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return [each["sql"] for each in captured if not TRANSACTIONAL.match(each["sql"])]


def test_a_sale_costs_the_same_however_many_there_are_and_however_long(till, make_product):
    products = [make_product("0.10", stock="100") for _ in range(5)]
    upload(
        till,
        build_offline_sale(1, build_offline_line(products[0], "0.10"), payments=[cash("0.10")]),
    )

    def batch(sales, lines, begin):
        items = [build_offline_line(each, "0.10") for each in products[:lines]]
        return [
            build_offline_sale(
                begin + at, *items, payments=[cash(f"0.{lines}0")], sold_at=ago(hours=1)
            )
            for at in range(sales)
        ]

    one, many = batch(1, 1, 2), batch(4, 5, 10)
    counts = [len(asked(lambda each=each: results(till, *each))) for each in (one, many, many)]

    each_sale = EACH_SALE[connection.vendor]
    assert counts == [AROUND + each_sale, AROUND + 4 * each_sale, AROUND + DUPLICATES]


def test_the_gaps_of_a_till(manager_client, till, product, register):
    for number in (2, 5, 9):
        results(till, build_offline_sale(number, build_offline_line(product)))

        ran = asked(lambda: manager_client.get(f"registers/{register.pk}/gaps/"))

        assert len(ran) == 6

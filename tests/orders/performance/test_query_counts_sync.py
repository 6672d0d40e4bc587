"""Number of SQL statements of uploads: constant for each sale, independent of its lines."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.offline import ago, build_offline_line, build_offline_sale, results, upload
from tests.support.statements import TRANSACTIONAL
from tests.support.till import cash

pytestmark = pytest.mark.django_db(transaction=True)

# PostgreSQL gets the rows of all tables in one message, SQLite a statement for each table.
EACH_SALE = {"postgresql": 8, "sqlite": 15}
# Session, register and known data; at the end the audit event and the last number.
PER_UPLOAD = 6
DUPLICATES = 4


def list_queries(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return [each["sql"] for each in captured if not TRANSACTIONAL.match(each["sql"])]


def test_upload_statement_count_is_constant_per_sale(till, make_product):
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
    counts = [
        len(list_queries(lambda each=each: results(till, *each))) for each in (one, many, many)
    ]

    each_sale = EACH_SALE[connection.vendor]
    assert counts == [PER_UPLOAD + each_sale, PER_UPLOAD + 4 * each_sale, PER_UPLOAD + DUPLICATES]


def test_gap_report_statement_count(manager_client, till, product, register):
    for number in (2, 5, 9):
        results(till, build_offline_sale(number, build_offline_line(product)))

        queries = list_queries(lambda: manager_client.get(f"registers/{register.pk}/gaps/"))

        assert len(queries) == 6

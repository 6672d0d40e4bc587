"""Query plans of gaps and flags, as in `test_query_plans`."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, RegisterSeries
from tenants.scope import tenant_scope
from tests.factories.orders import OrderFactory
from tests.support.query_plans import (
    MINUTES,
    ROWS,
    analyze,
    explain_pages,
    for_both_pages,
    multiply_rows,
    nodes,
    walk,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def many_sales(cashier, register, foreign):
    """Create online and offline sales, every fiftieth number missing, and sales of another shop."""
    order = OrderFactory(cashier=cashier, register=register)
    offline = OrderFactory(cashier=cashier, register=register, device_sequence=1)
    theirs = OrderFactory(cashier=foreign.cashier, register=foreign.register, device_sequence=1)
    for row, name in ((order, "O"), (offline, "F"), (theirs, "T")):
        numbers = {} if row is order else {"device_sequence": "n + 1 + n / 50"}
        flags = {"flags": "CASE WHEN n %% 50 = 0 THEN ' late ' ELSE '' END"} if numbers else {}
        multiply_rows(row, number=f"'{name}-' || n", created_at=MINUTES, **numbers, **flags)
    last = ROWS + 1 + ROWS // 50
    with tenant_scope(register.tenant):
        RegisterSeries.objects.create(register=register, last_device_sequence=last)
    analyze(Order)


@pytest.mark.usefixtures("many_sales")
def test_gap_report_uses_the_device_sequence_index(manager_client, register):
    lost = ROWS // 50
    with CaptureQueriesContext(connection) as queries:
        answer = manager_client.get(f"registers/{register.pk}/gaps/").json()

    assert (answer["issued"], answer["missing"]) == (ROWS + 1 + lost, lost)
    assert len(answer["ranges"]) == 100
    counted, ranges = (each["sql"] for each in queries if '"device_sequence"' in each["sql"])
    # Both indexes begin with the register, whose rows are all counted.
    assert find_indexes(counted) <= {"device_sequence_is_unique", "receipt_number_is_unique"}
    assert find_indexes(ranges) == {"device_sequence_is_unique"}


def find_indexes(sql):
    """Disable bitmap scans, which PostgreSQL prefers only because the table was not vacuumed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        answer = cursor.fetchone()[0]
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return walk(list(nodes(plan[0]["Plan"])), "orders_order")


@pytest.mark.usefixtures("many_sales")
def test_flag_filter_uses_the_flag_index(till):
    cases = [({"flag": "late"}, {"order_flagged"})]

    plans = explain_pages(till, "orders/", "orders_order", [query for query, _ in cases])

    assert plans == for_both_pages(cases)

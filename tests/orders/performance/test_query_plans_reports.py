"""Query plans of reports: only the requested days are read, as in `test_query_plans`."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Order, Refund
from tests.factories.orders import OrderFactory, RefundFactory
from tests.support.query_plans import MINUTES, analyze, explain_list, multiply_rows, walk

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

GROUPS = ("hour", "week", "product", "cashier", "store", "method", "tax")


@pytest.fixture
def years(cashier, register, foreign):
    """Create a sale a minute with a refund each, in this shop and in another."""
    numbers = {"receipt_number": "n + 1", "completed_at": MINUTES}
    for by, at in ((cashier, register), (foreign.cashier, foreign.register)):
        sold = {"status": "completed", "completed_at": timezone.now(), "receipt_number": 1}
        order = OrderFactory(cashier=by, register=at, **sold)
        multiply_rows(order, number="'O-' || n", **numbers)
        refund = RefundFactory(order=order, position=0, **sold | {"status": "done"})
        multiply_rows(refund, position="n", **numbers)
    analyze(Order, Refund)


@pytest.mark.usefixtures("years")
def test_sales_report_uses_indexes_by_completion_time(manager_client):
    day = str(timezone.localdate() - timedelta(days=3))

    for group in GROUPS:
        query = {"group_by": group, "from": day}
        for table, index, condition in (
            ("orders_order", "order_by_sale", ""),
            ("orders_refund", "refund_by_completion", '"completed_at" >='),
            ("orders_refund", "refund_by_reversal", '"reversed_at" >='),
        ):
            nodes = explain_list(manager_client, "reports/sales/", query, table, condition)
            found = walk(nodes, table)
            assert index in found, (group, found)
            assert "Seq Scan" not in found

"""Query plans of refunds, store credits and limits, as in `test_query_plans`."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Payout, Refund, StoreCreditEntry
from orders.services.money_limits import LimitPeriod, sum_in_period
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import (
    OrderFactory,
    PaymentFactory,
    RefundFactory,
    ShiftFactory,
    StoreCreditEntryFactory,
    StoreCreditFactory,
)
from tests.support.query_plans import (
    MINUTES,
    SINCE,
    analyze,
    explain_pages,
    for_both_pages,
    multiply_rows,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def refunds(cashier, register, foreign):
    order = OrderFactory(cashier=cashier, register=register)
    for row in (RefundFactory(order=order), foreign.refund):
        multiply_rows(row, position="100000 + n", created_at=MINUTES)
    analyze(Refund)
    return order


@pytest.mark.usefixtures("refunds")
def test_refund_lists_use_indexes(manager_client, register, refunds):
    expected = [
        ({}, {"refund_by_time"}),
        ({"ordering": "created_at"}, {"refund_by_time"}),
        ({"status": "pending"}, {"refund_by_time"}),
        ({"register": str(register.pk)}, {"refund_by_time"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"refund_by_time"}),
    ]

    found = explain_pages(
        manager_client, "refunds/", "orders_refund", [query for query, _ in expected]
    )

    assert found == for_both_pages(expected)


def test_store_credit_lists_use_indexes(manager_client, shop, other_shop):
    for tenant in (shop, other_shop):
        row = StoreCreditFactory(tenant=tenant, balance=0)
        multiply_rows(row, code="'C-' || n", created_at=MINUTES, updated_at=MINUTES)
    analyze(type(row))
    expected = [
        ({}, {"store_credit_by_time"}),
        (SINCE, {"store_credit_updated"}),
        ({"code": "C-77"}, {"store_credit_code_is_unique", "Sort"}),
    ]

    found = explain_pages(
        manager_client, "store-credits/", "orders_storecredit", [each for each, _ in expected]
    )

    assert found == for_both_pages(expected)


def test_payout_look_up_uses_an_index_of_unknown_payouts(refunds):
    """The index has only payouts in progress, of all shops."""
    with across_tenants():
        refund = Refund.objects.filter(order=refunds).first()
        payment = PaymentFactory(order=refunds)
        more = {"refund": refund, "payment": payment, "method": "card", "tenant": refund.tenant}
        payout = Payout.objects.create(**more, amount=1, paid=1, status="done")
        multiply_rows(payout, created_at=MINUTES)
        analyze(Payout)
        waiting = Payout.objects.due_for_look_up(payout.created_at, max_look_ups=5)

        assert "payout_underway" in waiting.explain()


def test_limit_sums_use_indexes_by_user_and_shift(manager_client, shop, refunds):
    """They do not read all refunds or all store credit entries of the shop."""
    credit = StoreCreditFactory(tenant=shop, balance=5)
    entry = StoreCreditEntryFactory(credit=credit, tenant=shop, amount=5, by=manager_client.user)
    multiply_rows(entry, type="'spend'", created_at=MINUTES)
    analyze(StoreCreditEntry)
    shift = ShiftFactory(register=refunds.register, opened_by=refunds.cashier)

    for period, of_refunds in (
        (LimitPeriod(shift=shift.pk), "orders_refund_shift_id"),
        (LimitPeriod(store=refunds.store), "refund_by_time"),
    ):
        with tenant_scope(shop), CaptureQueriesContext(connection) as queries:
            sum_in_period(manager_client.user, "refund_amount", period)
            (sql,) = [each["sql"] for each in queries if "orders_refund" in each["sql"]]
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "store_credit_issued" in plan
        assert of_refunds in plan

"""That lists of refunds and of store credit stay quick, as in `test_explain`."""

import pytest

from orders.models import Payout, Refund
from tenants.scope import across_tenants
from tests.explaining import MINUTES, SINCE, analyze, multiply, plans_of, with_next
from tests.factories.orders import OrderFactory, PaymentFactory, RefundFactory, StoreCreditFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def refunds(cashier, register, foreign):
    order = OrderFactory(cashier=cashier, register=register)
    for row in (RefundFactory(order=order), foreign.refund):
        multiply(row, position="100000 + n", created_at=MINUTES)
    analyze(Refund)
    return order


@pytest.mark.usefixtures("refunds")
def test_refunds(chief, register, refunds):
    expected = [
        ({}, {"refund_by_time"}),
        ({"ordering": "created_at"}, {"refund_by_time"}),
        ({"status": "pending"}, {"refund_by_time"}),
        ({"register": str(register.pk)}, {"refund_by_time"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"refund_by_time"}),
    ]

    found = plans_of(chief, "refunds/", "orders_refund", [query for query, _ in expected])

    assert found == with_next(expected)


def test_store_credits(chief, shop, other_shop):
    for tenant in (shop, other_shop):
        row = StoreCreditFactory(tenant=tenant, balance=0)
        multiply(row, code="'C-' || n", created_at=MINUTES, updated_at=MINUTES)
    analyze(type(row))
    expected = [
        ({}, {"store_credit_by_time"}),
        (SINCE, {"store_credit_updated"}),
        ({"code": "C-77"}, {"store_credit_code_is_unique", "Sort"}),
    ]

    found = plans_of(chief, "store-credits/", "orders_storecredit", [each for each, _ in expected])

    assert found == with_next(expected)


def test_the_relay_finds_the_few_payouts_of_which_nobody_knows(refunds):
    """Among those of all shops, by an index of them alone."""
    with across_tenants():
        refund = Refund.objects.filter(order=refunds).first()
        payment = PaymentFactory(order=refunds)
        more = {"refund": refund, "payment": payment, "method": "card", "tenant": refund.tenant}
        payout = Payout.objects.create(**more, amount=1, paid=1, status="done")
        multiply(payout, created_at=MINUTES)
        analyze(Payout)
        waiting = Payout.objects.to_look_up(payout.created_at, most=5)

        assert "payout_underway" in waiting.explain()

"""Query plans of the audit log with many events."""

import pytest

from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.support.query_plans import MINUTES, analyze, explain_pages, for_both_pages, multiply_rows

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

TABLE = "tenants_auditevent"


@pytest.fixture
def _many_events(shop, manager, cashier, foreign):
    """Half of the events are log-ins by the cashier, half are changes by the manager to them."""
    with tenant_scope(shop):
        audit.record("log_in_ok", actor=cashier)
        audit.record("password_reset", actor=manager, target=cashier)
    with tenant_scope(foreign.tenant):
        audit.record("log_in_ok", actor=foreign.cashier)
    with across_tenants():
        originals = list(AuditEvent.objects.all())
    for event in originals:
        multiply_rows(event, created_at=MINUTES)
    analyze(AuditEvent)


@pytest.mark.usefixtures("_many_events")
def test_filters_of_the_audit_log_use_their_indexes(manager, cashier, client_of):
    admin_client = client_of(manager)
    # Already sorted by time; few rows of the same time remain to be sorted.
    sorted_by_time = "Incremental Sort"
    expected = [
        ({}, {"audit_by_time"}),
        ({"ordering": "created_at"}, {"audit_by_time"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"audit_by_time"}),
        ({"event": "password_reset"}, {"audit_by_event", sorted_by_time}),
        ({"actor": str(cashier.pk)}, {"audit_by_actor", sorted_by_time}),
        ({"target": str(cashier.pk)}, {"audit_by_target", sorted_by_time}),
    ]

    found = explain_pages(admin_client, "audit/", TABLE, [query for query, _ in expected])

    assert found == for_both_pages(expected)

"""Audit events cannot be changed or deleted."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction

from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope

CHANGES = {
    "changed": "UPDATE tenants_auditevent SET event = 'nothing'",
    "deleted": "DELETE FROM tenants_auditevent",
}


@pytest.fixture
def event(in_shop, manager, cashier):
    audit.record("user_deactivated", actor=manager, target=cashier, reason="left")
    return AuditEvent.objects.get()


def test_event_names_actor_target_and_facts(event, manager, cashier, shop):
    assert (event.event, event.tenant, event.facts) == (
        "user_deactivated",
        shop,
        {"reason": "left"},
    )
    assert (event.actor, event.actor_name) == (manager.pk, str(manager))
    assert (event.target_type, event.target, event.target_name) == (
        "user",
        cashier.pk,
        str(cashier),
    )


@pytest.mark.parametrize("how", CHANGES)
def test_database_refuses_changes_of_audit_events(how, event):
    refused = pytest.raises(DatabaseError, match="append-only")
    with across_tenants(), refused, transaction.atomic():
        connection.cursor().execute(CHANGES[how])

    event.refresh_from_db()
    assert event.event == "user_deactivated"


def test_rolled_back_event_is_not_recorded(in_shop, manager):
    with transaction.atomic():
        audit.record("store_added", actor=manager)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()


def test_events_of_another_shop_are_not_visible(event, other_shop):
    with tenant_scope(other_shop):
        assert not AuditEvent.objects.exists()


def test_name_of_an_unknown_actor_is_a_keyed_hash(shop, settings):
    audit.record_anonymous("log_in_failed", tenant=shop, name="My-Secret-Password")
    audit.record_anonymous("log_in_failed", tenant=None, name="My-Secret-Password")
    settings.SECRET_KEY = "another-key"
    audit.record_anonymous("log_in_failed", tenant=shop, name="My-Secret-Password")

    with across_tenants():
        first, second, third = AuditEvent.objects.order_by("created_at", "id")
    assert first.actor_name == second.actor_name != third.actor_name
    assert "Secret" not in first.actor_name
    assert (second.tenant, second.actor) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_append_only_tables_can_be_truncated_by_tests(db):
    audit.record_anonymous("log_in_failed", tenant=None, name=str(uuid.uuid4()))

"""The audit log in the admin."""

import re
from datetime import timedelta

import pytest
import structlog
import time_machine
from django.utils import timezone

from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.admin_browser import snapshot_database

RECORDS = "/admin/tenants/auditevent/"
WHO = re.compile(r'field-who">(.*?)</td>')


@pytest.fixture
def audit_events(shop, manager, platform_visitor):
    """Record events of a manager, the platform, an unknown user and the system."""
    with tenant_scope(shop):
        audit.record("store_added", actor=manager)
        audit.record("tenant_created")
    audit.record_anonymous("log_in_failed", tenant=shop, name="My-Secret-Password")


def test_actors_are_shown_without_names_of_platform_users(managers_browser, manager, audit_events):
    body = managers_browser.get(RECORDS).content.decode()

    assert set(WHO.findall(body)) == {str(manager), "Platform", "Unknown user", "System"}
    assert "hash:" not in body


def test_event_can_be_read_but_not_changed(managers_browser, shop, audit_events):
    with tenant_scope(shop):
        event = AuditEvent.objects.filter(event="user_deactivated").get()
    before = snapshot_database(AuditEvent)
    page = f"{RECORDS}{event.pk}/change/"

    assert "Platform" in managers_browser.get(page).content.decode()
    assert managers_browser.post(page, {"event": "nothing"}).status_code == 403
    assert snapshot_database(AuditEvent) == before


def test_addresses_of_platform_users_are_not_shown(managers_browser, shop, manager, root):
    for actor, ip in [(root, "203.0.113.77"), (manager, "203.0.113.88")]:
        with structlog.contextvars.bound_contextvars(ip=ip), tenant_scope(shop):
            audit.record("store_changed", actor=actor)

    body = managers_browser.get(RECORDS).content.decode()

    assert "203.0.113.88" in body
    assert "203.0.113.77" not in body


def test_search_matches_the_start_of_the_event_name(managers_browser, audit_events):
    body = managers_browser.get(RECORDS, {"q": "log_in"}).content.decode()

    assert "log_in_failed" in body
    assert "store_added" not in body


@pytest.mark.parametrize(("days", "seen"), [("1", False), ("7", True), ("x", True), ("", True)])
def test_events_are_filtered_by_days(days, seen, managers_browser, shop):
    with tenant_scope(shop), time_machine.travel(timezone.now() - timedelta(days=2)):
        audit.record("old_news")

    assert ("old_news" in managers_browser.get(RECORDS, {"days": days}).content.decode()) is seen

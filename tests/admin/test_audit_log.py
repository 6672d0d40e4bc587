"""The audit trail, as managers read it."""

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
def trail(shop, manager, platform_visitor):
    """Something of a manager, of the platform, of nobody known, and of System."""
    with tenant_scope(shop):
        audit.record("store_added", actor=manager)
        audit.record("tenant_created")
    audit.record_anonymous("log_in_failed", tenant=shop, name="My-Secret-Password")


def test_it_names_whom_the_shop_knows(managers_browser, manager, trail):
    body = managers_browser.get(RECORDS).content.decode()

    assert set(WHO.findall(body)) == {str(manager), "Platform", "Unknown user", "System"}
    assert "hash:" not in body


def test_an_event_is_read_whole_and_not_changed(managers_browser, shop, trail):
    with tenant_scope(shop):
        event = AuditEvent.objects.filter(event="user_deactivated").get()
    before = snapshot_database(AuditEvent)
    page = f"{RECORDS}{event.pk}/change/"

    assert "Platform" in managers_browser.get(page).content.decode()
    assert managers_browser.post(page, {"event": "nothing"}).status_code == 403
    assert snapshot_database(AuditEvent) == before


def test_from_where_the_platform_works_is_not_told(managers_browser, shop, manager, root):
    for actor, ip in [(root, "203.0.113.77"), (manager, "203.0.113.88")]:
        with structlog.contextvars.bound_contextvars(ip=ip), tenant_scope(shop):
            audit.record("store_changed", actor=actor)

    body = managers_browser.get(RECORDS).content.decode()

    assert "203.0.113.88" in body
    assert "203.0.113.77" not in body


def test_it_is_searched_by_the_beginning_of_an_events_name(managers_browser, trail):
    body = managers_browser.get(RECORDS, {"q": "log_in"}).content.decode()

    assert "log_in_failed" in body
    assert "store_added" not in body


@pytest.mark.parametrize(("days", "seen"), [("1", False), ("7", True), ("x", True), ("", True)])
def test_it_is_read_day_by_day(days, seen, managers_browser, shop):
    with tenant_scope(shop), time_machine.travel(timezone.now() - timedelta(days=2)):
        audit.record("old_news")

    assert ("old_news" in managers_browser.get(RECORDS, {"days": days}).content.decode()) is seen

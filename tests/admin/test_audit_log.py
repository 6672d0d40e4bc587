"""The audit log in the admin."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
import structlog
import time_machine
from django.utils import timezone

from accounts.admin.audit_sentences import EVENTS
from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.orders import ShiftFactory
from tests.support.admin_browser import snapshot_database
from tests.support.audit_names import names_in_code
from tests.support.audit_table import ROWS

RECORDS = "/admin/tenants/auditevent/"
SENTENCE = re.compile(r'field-sentence">(.*?)</td>', re.S)
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def audit_events(shop, manager, platform_visitor):
    """Record events of a manager, the platform, an unknown user and the system."""
    with tenant_scope(shop):
        audit.record("store_added", actor=manager)
        audit.record("tenant_created")
    audit.record_anonymous("log_in_failed", tenant=shop, name="My-Secret-Password")


def read_sentences(body):
    texts = (TAGS.sub("", each) for each in SENTENCE.findall(body))
    return {" ".join(html.unescape(each).split()) for each in texts}


def test_actors_are_shown_without_names_of_platform_users(managers_browser, manager, audit_events):
    body = managers_browser.get(RECORDS).content.decode()

    sentences = read_sentences(body)
    assert f"{manager} added the store" in sentences
    assert "System opened the shop" in sentences
    assert "Unknown user could not log in" in sentences
    assert any(each.startswith("Platform deactivated") for each in sentences)
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


def test_every_event_of_the_code_has_a_sentence():
    names, _ = names_in_code()
    assert names | set(ROWS) == set(EVENTS)


def test_sentence_has_names_links_and_details(managers_browser, manager, product, shop):
    with tenant_scope(shop):
        sold = {"price": {"from": "2.50", "to": "3.00"}}
        at = "2026-07-01T10:00:00Z"
        facts = {"changes": sold, "until": at, "movement": str(product.pk), "fields": ["sku"]}
        audit.record("product_changed", actor=manager, target=product, **facts)
    shop.timezone = "Europe/Berlin"
    shop.save()

    body = managers_browser.get(RECORDS).content.decode()

    assert f"{manager} changed the product Apple" in read_sentences(body)
    assert f'href="/admin/orders/product/{product.pk}/change/"' in body
    assert f'href="{RECORDS}?person={manager.pk}"' in body
    for detail in ("Price: 2.50 → 3.00", "Until: 2026-07-01 12:00", "Fields: sku"):
        assert detail in body
    assert "Movement" not in body
    history = managers_browser.get(f"/admin/orders/product/{product.pk}/history/")
    assert "changed the product Apple" in history.content.decode()


def test_events_are_found_by_person_thing_and_kind(managers_browser, manager, product, shop):
    with tenant_scope(shop):
        audit.record("product_changed", actor=manager, target=product)
        audit.record("log_out", actor=None)
    cases = [
        ({"q": str(manager)[1:4]}, True),
        ({"q": "apple"}, True),
        ({"q": "App"}, True),
        ({"q": "banana"}, False),
        ({"kind": "catalog"}, True),
        ({"kind": "log-ins"}, False),
        ({"kind": "x"}, True),
        ({"person": str(manager.pk)}, True),
        ({"person": str(product.pk)}, False),
        ({"thing": str(product.pk)}, True),
        ({"thing": "x"}, True),
    ]
    for query, there in cases:
        sentences = read_sentences(managers_browser.get(RECORDS, query).content.decode())
        assert any("changed the product Apple" in each for each in sentences) is there, query


def test_time_of_a_shift_is_that_of_the_shop(managers_browser, manager, shop, register):
    shift = ShiftFactory(register=register, opened_by=manager)
    shift.created_at = datetime(2026, 7, 1, 10, 5, tzinfo=UTC)
    shop.timezone = "Europe/Berlin"
    shop.save()
    with tenant_scope(shop):
        audit.record("shift_closed", actor=manager, target=shift)

    body = managers_browser.get(RECORDS).content.decode()

    assert f"{manager} closed the shift of 2026-07-01 12:05" in read_sentences(body)


def test_page_of_an_event_is_its_sentence(managers_browser, manager, product, shop):
    with tenant_scope(shop):
        audit.record("product_changed", actor=manager, target=product)
        event = AuditEvent.objects.get(event="product_changed")
    body = managers_browser.get(f"{RECORDS}{event.pk}/change/").content.decode()
    assert f"{manager} changed the product Apple" in body
    assert "+00:00" not in body


@pytest.mark.parametrize(("days", "seen"), [("1", False), ("7", True), ("x", True), ("", True)])
def test_events_are_filtered_by_days(days, seen, managers_browser, shop):
    with tenant_scope(shop), time_machine.travel(timezone.now() - timedelta(days=2)):
        audit.record("old_news")

    assert ("old news" in managers_browser.get(RECORDS, {"days": days}).content.decode()) is seen

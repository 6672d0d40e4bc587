"""Terminals and store assignments are removed through services; approvals are read-only."""

import pytest
from django.utils import timezone

from accounts.models import AuthSession, Posting, Terminal
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, AuthSessionFactory, TerminalFactory
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import snapshot_database

TERMINALS = "/admin/accounts/terminal/"
POSTINGS = "/admin/accounts/posting/"


def assign_stores(person, *stores):
    with tenant_scope(person.tenant):
        rows = [Posting(user=person, store=store) for store in stores]
        for row in rows:
            row.save()
        return rows


def run_action(browser, page, action, *rows):
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = browser.post(page, form, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_unpairing_a_terminal_ends_its_sessions(managers_browser, register, cashier, shop):
    terminal = TerminalFactory(register=register)
    log_in = AuthSessionFactory(user=cashier, terminal=terminal, register=register)

    assert run_action(managers_browser, TERMINALS, "unpair", terminal) == [
        "Till 1: terminal unpaired."
    ]

    with tenant_scope(shop):
        terminal.refresh_from_db()
        log_in.refresh_from_db()
        assert AuditEvent.objects.filter(event="terminal_unpaired").exists()
    assert terminal.unpaired_at
    assert log_in.revoke_reason == AuthSession.EndReason.UNPAIRED
    assert str(terminal.pk) not in managers_browser.get(TERMINALS).content.decode()
    assert str(terminal.pk) in managers_browser.get(TERMINALS, {"state": "any"}).content.decode()


def test_list_shows_device_version_and_last_use(managers_browser, register, cashier):
    terminal = TerminalFactory(register=register, device_name="Tablet", app_version="1.4.2")
    used_at = timezone.now().replace(microsecond=0)
    AuthSessionFactory(user=cashier, terminal=terminal, register=register, last_used_at=used_at)

    page = managers_browser.get(TERMINALS)

    (row,) = page.context["cl"].result_list
    assert (row.device_name, row.app_version, row.last_use) == ("Tablet", "1.4.2", used_at)
    assert "Tablet" in page.content.decode()


def test_unpairing_a_former_terminal_keeps_the_current_one(managers_browser, register):
    old = TerminalFactory(register=register, unpaired_at=timezone.now())
    TerminalFactory(register=register)
    before = snapshot_database(Terminal)

    run_action(managers_browser, f"{TERMINALS}?state=any", "unpair", old)

    assert snapshot_database(Terminal) == before


def test_store_assignment_is_removed(managers_browser, cashier, store, shop):
    first, second = assign_stores(cashier, store, StoreFactory(tenant=shop, name="Pier"))

    assert run_action(managers_browser, POSTINGS, "end", second) == [
        f"{cashier}: now works in Main."
    ]

    with tenant_scope(shop):
        assert list(Posting.objects.all()) == [first]
        assert AuditEvent.objects.get(event="user_edited").facts["fields"] == ["stores"]


def test_last_store_assignment_cannot_be_removed(managers_browser, cashier, store):
    """A user without assignments works in all stores."""
    rows = assign_stores(cashier, store)
    before = snapshot_database(Posting)

    (message,) = run_action(managers_browser, POSTINGS, "end", *rows)

    assert "all stores" in message
    assert snapshot_database(Posting) == before


def test_manager_cannot_remove_assignments_of_an_admin(managers_browser, admin, store, shop):
    rows = assign_stores(admin, store, StoreFactory(tenant=shop))
    before = snapshot_database(Posting)

    run_action(managers_browser, POSTINGS, "end", rows[0])

    assert snapshot_database(Posting) == before
    assert str(rows[0].pk) not in managers_browser.get(POSTINGS).content.decode()


@pytest.mark.parametrize(("status", "seen"), [("pending", True), ("expired", False)])
def test_approvals_are_filtered_by_current_status(status, seen, managers_browser, cashier):
    approval = ApprovalFactory(requested_by=cashier)

    body = managers_browser.get("/admin/accounts/approval/", {"status": status}).content.decode()

    assert (str(approval.pk) in body) is seen

"""The admin page of service keys: admins see and revoke them."""

import pytest

from accounts.models import ServiceKey
from tenants.scope import tenant_scope
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.service_keys import KeyClient, create_key

pytestmark = [pytest.mark.once, pytest.mark.django_db]
KEYS = "/admin/accounts/servicekey/"


def test_admin_sees_and_revokes_a_key(shop, admin, store):
    key = create_key(shop, admin, "stock:read", name="Stock sync", stores=[store])
    browser = open_browser(admin)

    page = browser.get(f"{KEYS}{key.pk}/change/").content.decode()

    assert all(text in page for text in ("Stock sync", f"****{key.hint}", "stock:read", store.name))
    assert key.secret not in page
    form = {"action": "revoke", "_selected_action": [str(key.pk)]}
    assert "was revoked" in browser.post(KEYS, form, follow=True).content.decode()
    assert KeyClient(key).get("stock/").status_code == 401
    with tenant_scope(shop):
        key.refresh_from_db()
    assert key.revoked_at is not None


def test_manager_and_other_shops_cannot_revoke(shop, admin, managers_browser, other_shop, foreign):
    key, theirs = create_key(shop, admin), create_key(other_shop, foreign.admin)
    before = snapshot_database(ServiceKey)

    form = {"action": "revoke", "_selected_action": [str(key.pk), str(theirs.pk)]}
    assert managers_browser.post(KEYS, form).status_code == 403
    assert snapshot_database(ServiceKey) == before
    form["_selected_action"] = [str(theirs.pk)]
    open_browser(admin).post(KEYS, form)
    assert snapshot_database(ServiceKey) == before


def test_page_adds_and_changes_nothing(shop, admin):
    key = create_key(shop, admin)
    browser = open_browser(admin)

    assert browser.get(f"{KEYS}add/").status_code == 403
    before = snapshot_database(ServiceKey)
    browser.post(f"{KEYS}{key.pk}/change/", {"name": "Other"})
    assert snapshot_database(ServiceKey) == before

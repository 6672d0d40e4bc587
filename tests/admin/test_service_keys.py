"""The admin page of service keys: admins create, see and revoke them."""

import re

import pytest

from accounts.models import ServiceKey
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.admin_browser import (
    open_browser,
    read_errors,
    snapshot_database,
    submit_form,
)
from tests.support.api import Api
from tests.support.service_keys import KeyClient, create_key

pytestmark = pytest.mark.django_db
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


NEW = {"name": "Web shop", "scopes": ["catalog:read", "orders:write"]}


def test_admin_creates_a_key_with_the_password_and_sees_it_once(shop, admin, store):
    new = NEW | {"stores": [str(store.pk)], "password": PASSWORD}

    page = submit_form(open_browser(admin), f"{KEYS}add/", **new)

    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (secret,) = re.findall(r"till_sk_[0-9A-Za-z]{81}", page.content.decode())
    assert Api(Authorization=f"Bearer {secret}").get("products/").status_code == 200
    with tenant_scope(shop):
        key = ServiceKey.objects.get()
        assert [each.store_id for each in key.user.postings.all()] == [store.pk]
    assert (key.name, key.scopes, key.created_by_id) == (NEW["name"], NEW["scopes"], admin.pk)
    assert secret not in open_browser(admin).get(f"{KEYS}{key.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"password": ""}, "Enter your password."),
        ({"password": "wrong"}, "Wrong password."),
        ({"scopes": None}, "This field is required."),
        ({"stores": ["0190163d-8694-739b-aea5-966c26f8ad91"]}, "not one of the available"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "Must be in the future."),
    ],
)
def test_invalid_key_is_not_created(admin, changes, message):
    before = snapshot_database(ServiceKey)

    new = NEW | {"password": PASSWORD} | changes
    assert message in read_errors(submit_form(open_browser(admin), f"{KEYS}add/", **new))
    assert snapshot_database(ServiceKey) == before


def test_page_changes_nothing(shop, admin):
    key = create_key(shop, admin)
    before = snapshot_database(ServiceKey)

    answer = open_browser(admin).post(f"{KEYS}{key.pk}/change/", {"name": "Other"})

    assert answer.status_code == 403
    assert snapshot_database(ServiceKey) == before

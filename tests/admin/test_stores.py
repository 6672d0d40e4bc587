"""Stores and registers in the admin: managers read, admins change."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession, PairingCode
from tenants.models import Register, Store
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD, AuthSessionFactory, TerminalFactory
from tests.support.admin_browser import (
    build_form,
    open_browser,
    read_errors,
    snapshot_database,
    submit_form,
)
from tests.support.api import Api

STORES = "/admin/tenants/store/"
REGISTERS = "/admin/tenants/register/"
NEW = {"name": "Pier", "timezone": "Europe/Paris", "day_starts_at": "04:00", "is_active": "on"}


def stores_by_name(shop):
    with tenant_scope(shop):
        return {store.name: store for store in Store.objects.all()}


def test_admin_adds_a_store(admins_browser, shop, admin):
    assert submit_form(admins_browser, f"{STORES}add/", **NEW)["Location"] == STORES

    store = stores_by_name(shop)["Pier"]
    assert (store.timezone, store.day_starts_at.hour, store.tenant) == ("Europe/Paris", 4, shop)
    history = admins_browser.get(f"{STORES}{store.pk}/history/").content.decode()
    assert "added the store Pier" in history
    assert str(admin) in history


def test_admin_changes_a_store(admins_browser, store, shop):
    page = f"{STORES}{store.pk}/change/"

    assert submit_form(admins_browser, page, address="1 Quay", timezone="").status_code == 302

    after = stores_by_name(shop)["Main"]
    assert (after.address, after.version) == ("1 Quay", 2)
    assert "1 Quay" in admins_browser.get(f"{STORES}{store.pk}/history/").content.decode()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "Main"}, "This name already exists."),
        ({"name": ""}, "This field is required."),
        ({"timezone": "localtime"}, "valid choice"),
        ({"day_starts_at": "25:00"}, "Enter a valid time."),
        ({"name": "x" * 101}, "at most 100 characters"),
    ],
    ids=str,
)
def test_invalid_store_field_is_rejected_with_a_message(form, words, admins_browser, store):
    before = snapshot_database(Store)

    response = submit_form(admins_browser, f"{STORES}add/", **(NEW | form))

    assert words in read_errors(response)
    assert "tenant" not in read_errors(response).lower()
    assert snapshot_database(Store) == before


def test_outdated_page_is_not_saved(admins_browser, store):
    page = f"{STORES}{store.pk}/change/"
    stale = build_form(admins_browser.get(page), address="Mine")
    submit_form(admins_browser, page, address="Theirs")
    before = snapshot_database(Store)

    assert "Someone else has changed this" in read_errors(admins_browser.post(page, stale))
    assert snapshot_database(Store) == before


def test_register_gets_the_next_number_and_cannot_change_store(admins_browser, register, shop):
    form = {"name": "Till 2", "store": str(register.store_id), "number": "99", "is_active": "on"}
    assert submit_form(admins_browser, f"{REGISTERS}add/", **form).status_code == 302
    other = submit_form(admins_browser, f"{STORES}add/", **NEW)
    assert other.status_code == 302

    with tenant_scope(shop):
        till = Register.objects.get(name="Till 2")
    assert till.number == 2
    page = f"{REGISTERS}{till.pk}/change/"
    moved = {"store": str(stores_by_name(shop)["Pier"].pk), "number": "50", "name": "Bar"}
    assert submit_form(admins_browser, page, **moved).status_code == 302
    with tenant_scope(shop):
        till.refresh_from_db()
    assert (till.name, till.number, till.store_id) == ("Bar", 2, register.store_id)


def test_duplicate_register_name_in_a_store_is_rejected(admins_browser, register):
    form = {"name": "Till 1", "store": str(register.store_id), "is_active": "on"}
    before = snapshot_database(Register)

    assert "This name already exists." in read_errors(
        submit_form(admins_browser, f"{REGISTERS}add/", **form)
    )
    assert snapshot_database(Register) == before


@pytest.mark.parametrize("place", ["store", "register"])
def test_closing_a_store_or_register_ends_its_sessions(
    place, admins_browser, register, cashier, shop
):
    terminal = TerminalFactory(register=register)
    log_in = AuthSessionFactory(user=cashier, terminal=terminal, register=register)
    row = register if place == "register" else register.store

    page = f"/admin/tenants/{place}/{row.pk}/change/"
    assert submit_form(admins_browser, page, is_active=None).status_code == 302

    with tenant_scope(shop):
        log_in.refresh_from_db()
    assert log_in.revoke_reason == AuthSession.EndReason.CLOSED


# --- pairing -------------------------------------------------------------------------------------


def test_manager_makes_a_pairing_code_with_one_click(managers_browser, register):
    page = managers_browser.get(f"{REGISTERS}{register.pk}/change/").content.decode()
    assert 'action="../pairing-code/"' in page

    answer = managers_browser.post(f"{REGISTERS}{register.pk}/pairing-code/")

    assert "no-store" in answer["Cache-Control"]
    shown = answer.content.decode()
    (code,) = re.findall(r"<code>([A-Z]{4}-[A-Z]{4})</code>", shown)
    assert "<svg" in shown
    paired = Api().post("auth/pair/", {"pairing_code": code})
    assert paired.json()["register"]["id"] == str(register.pk)


@pytest.fixture
def old_browser(manager):
    """A browser whose log-in is three hours ago."""
    at = timezone.now() - timedelta(hours=3)
    return open_browser(manager, AuthSessionFactory(user=manager, auth_time=at))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "Your log-in is some time ago"),
        ({"password": ""}, "Enter your password."),
        ({"password": "wrong"}, "Wrong password."),
    ],
)
def test_pairing_code_needs_a_recent_log_in(old_browser, register, form, message):
    answer = old_browser.post(f"{REGISTERS}{register.pk}/pairing-code/", form)

    page = answer.content.decode()
    assert message in page
    assert "till-qr" not in page
    assert snapshot_database(PairingCode) == {"PairingCode": []}


def test_pairing_code_is_made_after_the_password(old_browser, register):
    path = f"{REGISTERS}{register.pk}/pairing-code/"

    assert "till-qr" in old_browser.post(path, {"password": PASSWORD}).content.decode()
    assert "till-qr" in old_browser.post(path).content.decode()


def test_pairing_code_is_not_made_by_opening_a_link(managers_browser, register):
    answer = managers_browser.get(f"{REGISTERS}{register.pk}/pairing-code/")

    assert answer.status_code == 405
    assert snapshot_database(PairingCode) == {"PairingCode": []}


def test_inactive_register_has_no_pairing_code(managers_browser, register, shop):
    with tenant_scope(shop):
        Register.objects.filter(pk=register.pk).update(is_active=False)
    page = f"{REGISTERS}{register.pk}/"

    assert "pairing-code" not in managers_browser.get(f"{page}change/").content.decode()
    answer = managers_browser.post(f"{page}pairing-code/", follow=True)

    assert "The register or its store is inactive." in answer.content.decode()
    assert snapshot_database(PairingCode) == {"PairingCode": []}


def test_register_of_another_shop_has_no_pairing_code(managers_browser, foreign):
    answer = managers_browser.post(f"{REGISTERS}{foreign.register.pk}/pairing-code/")

    assert answer.status_code == 404
    assert snapshot_database(PairingCode) == {"PairingCode": []}

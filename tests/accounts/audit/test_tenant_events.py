"""Audit events of changes to the shop, by its admins and by the platform."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from tenants.models import Register, Store, Tenant
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.audit import (
    assert_actor,
    assert_target,
    get_audit_event,
    list_audit_events,
    list_audit_names,
)

# --- by its admins ----------------------------------------------------------------------------


def test_changed_settings_are_recorded_with_old_and_new_values(admin_client, admin, shop):
    change = {"name": "Green & Co", "shifts_required": False, "cash_rounding_increment": "0.05"}
    assert admin_client.patch("tenant/", change, If_Match="*").status_code == 200

    found = get_audit_event("settings_changed")
    assert assert_actor(found, admin)
    assert (found.target_type, found.target) == ("tenant", shop.pk)
    assert found.facts["changes"] == {
        "name": {"from": "Green Grocery", "to": "Green & Co"},
        "cash_rounding_increment": {"from": None, "to": "0.05"},
    }


def test_changed_limits_are_recorded_with_all_effective_limits(admin_client):
    admin_client.patch("tenant/", {"limits": {"cashier": {"refund_amount": "5"}}}, If_Match="*")

    changes = get_audit_event("settings_changed").facts["changes"]
    assert changes["limits"]["from"]["cashier"]["refund_amount"] == "0.00"
    assert changes["limits"]["to"]["cashier"]["refund_amount"] == "5.00"
    assert changes["limits"]["to"]["manager"] == changes["limits"]["from"]["manager"]


@pytest.mark.parametrize("change", [{}, {"name": "Green Grocery"}])
def test_unchanged_settings_are_not_recorded(change, admin_client):
    assert admin_client.patch("tenant/", change, If_Match="*").status_code == 200

    assert list_audit_names() == []


def test_rejected_outdated_change_is_not_recorded(admin_client):
    assert admin_client.patch("tenant/", {"name": "X"}, If_Match='"9"').status_code == 412

    assert list_audit_names() == []


def test_new_and_changed_stores_are_recorded(admin_client, admin):
    store = admin_client.post("stores/", {"name": "Harbor"}).json()
    admin_client.patch(f"stores/{store['id']}/", {"name": "Port", "is_active": True}, If_Match="*")
    admin_client.patch(f"stores/{store['id']}/", {"name": "Port"}, If_Match="*")

    added, changed = list_audit_events()
    assert (added.event, added.target_name) == ("store_added", "Harbor")
    assert (changed.event, changed.target_name) == ("store_changed", "Port")
    assert changed.facts == {"changes": {"name": {"from": "Harbor", "to": "Port"}}}
    assert assert_actor(added, admin)
    assert assert_actor(changed, admin)


def test_new_and_changed_registers_are_recorded(admin_client, admin, store):
    made = admin_client.post("registers/", {"name": "Bar", "store": str(store.pk)}).json()
    admin_client.patch(f"registers/{made['id']}/", {"is_active": False}, If_Match="*")

    added, changed = list_audit_events()
    assert (added.event, added.target_name, added.facts) == (
        "register_added",
        "Bar",
        {"store": "Main"},
    )
    assert (changed.event, changed.facts) == (
        "register_changed",
        {"changes": {"is_active": {"from": True, "to": False}}},
    )
    assert assert_actor(added, admin)
    assert assert_actor(changed, admin)


def test_changed_tax_rates_are_recorded(admin_client, product):
    path = f"tax-classes/{product.tax_class_id}/"
    rates = [{"name": "VAT", "percent": "7", "included": True, "compound": False}]
    assert admin_client.patch(path, {"rates": rates}, If_Match="*").status_code == 200

    changes = get_audit_event("tax_class_changed").facts["changes"]
    assert changes["rates"]["to"][0]["percent"] == "7"


@pytest.mark.parametrize("body", [{"name": "Main"}, {"name": ""}])
def test_rejected_store_is_not_recorded(body, admin_client, store):
    assert admin_client.post("stores/", body).status_code in {400, 409}

    assert list_audit_names() == []


# --- sign-up and creation ----------------------------------------------------------------------


def test_signup_records_the_creation_of_the_shop_first(settings, anonymous):
    settings.SIGNUP_ENABLED = True
    tenant = {"slug": "corner", "name": "Corner Shop", "currency": "EUR"}
    admin = {"username": "owner", "email": "o@corner.example", "password": PASSWORD}
    assert anonymous.post("auth/signup/", {"tenant": tenant, "admin": admin}).status_code == 201

    assert list_audit_names() == ["tenant_created", "register_added", "user_created", "log_in_ok"]
    found = get_audit_event("tenant_created")
    assert found.facts == {"slug": "corner", "currency": "EUR"}
    assert assert_target(found, found.tenant)
    assert found.tenant.slug == "corner"


@pytest.mark.usefixtures("db")
def test_create_tenant_command_records_the_creation_without_an_actor():
    options = {"slug": "corner", "name": "Corner", "currency": "EUR", "admin_username": "owner"}
    call_command("create_tenant", admin_email="o@c.example", stdout=StringIO(), **options)

    assert list_audit_names() == ["tenant_created", "register_added", "user_created"]
    assert {each.actor for each in list_audit_events()} == {None}


# --- by the platform --------------------------------------------------------------------------


def change_page_url(row):
    return reverse(f"platform:tenants_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize(
    ("was", "posted", "name"),
    [
        (True, {}, "tenant_suspended"),
        (False, {"is_active": "on"}, "tenant_restored"),
    ],
)
def test_suspension_is_recorded_for_the_shop_and_for_the_platform(
    was, posted, name, platform_browser, root, shop
):
    Tenant.objects.filter(pk=shop.pk).update(is_active=was)
    form = {"name": shop.name, "timezone": shop.timezone, "country": shop.country} | posted
    assert platform_browser.post(change_page_url(shop), form).status_code == 302

    at_platform, in_shop = list_audit_events(name)
    assert assert_actor(at_platform, root)
    assert (in_shop.tenant, in_shop.actor, in_shop.actor_name) == (shop, None, "Platform")
    for found in (at_platform, in_shop):
        assert found.target == shop.pk
        assert found.facts["changes"] == {"is_active": {"from": was, "to": not was}}


def test_new_name_by_the_platform_is_recorded_as_a_setting(platform_browser, shop):
    form = {"name": "New", "timezone": shop.timezone, "country": shop.country, "is_active": "on"}
    platform_browser.post(change_page_url(shop), form)

    assert [each.facts["changes"] for each in list_audit_events("settings_changed")] == [
        {"name": {"from": "Green Grocery", "to": "New"}}
    ] * 2


def test_store_and_register_changes_by_the_platform_are_recorded(platform_browser, register, store):
    platform_browser.post(change_page_url(register), {"name": "Bar", "is_active": "on"})
    platform_browser.post(
        change_page_url(store), {"name": "Main", "timezone": "UTC", "day_starts_at": "04:00:00"}
    )

    with across_tenants():
        assert (Register.objects.get().name, Store.objects.get().is_active) == ("Bar", False)
    changed = event_in_shop("register_changed"), event_in_shop("store_changed")
    assert [each.facts["changes"].keys() for each in changed] == [
        {"name"},
        {"timezone", "day_starts_at", "is_active"},
    ]


def event_in_shop(name):
    (found,) = (each for each in list_audit_events(name) if each.tenant is not None)
    return found


@pytest.mark.django_db(transaction=True)
def test_platform_logins_are_recorded_without_a_shop(client, root):
    login_url = reverse("platform:login")
    client.post(login_url, {"username": "root", "password": "wrong"})
    client.post(login_url, {"username": "nobody", "password": "wrong"})
    client.post(login_url, {"username": "root", "password": PASSWORD})

    wrong, nobody, right = list_audit_events()
    assert [each.event for each in (wrong, nobody, right)] == [
        "log_in_failed",
        "log_in_failed",
        "log_in_ok",
    ]
    assert (wrong.facts, nobody.facts) == (
        {"reason": "wrong_password"},
        {"reason": "unknown_user"},
    )
    assert assert_actor(wrong, root)
    assert assert_actor(right, root)
    assert (nobody.tenant, nobody.actor) == (None, None)

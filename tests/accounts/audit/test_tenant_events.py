"""What is written down of what is done to the shop itself, by its admins and by the platform."""

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


@pytest.fixture
def admin_client(admin, client_of):
    return client_of(admin)


# --- by its admins ----------------------------------------------------------------------------


def test_settings_are_written_down_from_what_to_what(admin_client, admin, shop):
    change = {"name": "Green & Co", "shifts_required": False, "cash_rounding_increment": "0.05"}
    assert admin_client.patch("tenant/", change, If_Match="*").status_code == 200

    found = get_audit_event("settings_changed")
    assert assert_actor(found, admin)
    assert (found.target_type, found.target) == ("tenant", shop.pk)
    assert found.facts["changes"] == {
        "name": {"from": "Green Grocery", "to": "Green & Co"},
        "cash_rounding_increment": {"from": None, "to": "0.05"},
    }


def test_of_limits_it_says_all_that_hold_after(admin_client):
    admin_client.patch("tenant/", {"limits": {"cashier": {"refund_amount": "5"}}}, If_Match="*")

    changes = get_audit_event("settings_changed").facts["changes"]
    assert changes["limits"]["from"]["cashier"]["refund_amount"] == "0.00"
    assert changes["limits"]["to"]["cashier"]["refund_amount"] == "5.00"
    assert changes["limits"]["to"]["manager"] == changes["limits"]["from"]["manager"]


@pytest.mark.parametrize("change", [{}, {"name": "Green Grocery"}])
def test_settings_that_stay_are_nothing_to_write_down(change, admin_client):
    assert admin_client.patch("tenant/", change, If_Match="*").status_code == 200

    assert list_audit_names() == []


def test_a_change_that_comes_too_late_did_not_happen(admin_client):
    assert admin_client.patch("tenant/", {"name": "X"}, If_Match='"9"').status_code == 412

    assert list_audit_names() == []


def test_a_new_store_and_its_changes(admin_client, admin):
    store = admin_client.post("stores/", {"name": "Harbor"}).json()
    admin_client.patch(f"stores/{store['id']}/", {"name": "Port", "is_active": True}, If_Match="*")
    admin_client.patch(f"stores/{store['id']}/", {"name": "Port"}, If_Match="*")

    added, changed = list_audit_events()
    assert (added.event, added.target_name) == ("store_added", "Harbor")
    assert (changed.event, changed.target_name) == ("store_changed", "Port")
    assert changed.facts == {"changes": {"name": {"from": "Harbor", "to": "Port"}}}
    assert assert_actor(added, admin)
    assert assert_actor(changed, admin)


def test_a_new_register_and_its_changes(admin_client, admin, store):
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


def test_taxes_are_written_down_as_well(admin_client, product):
    path = f"tax-classes/{product.tax_class_id}/"
    rates = [{"name": "VAT", "percent": "7", "included": True, "compound": False}]
    assert admin_client.patch(path, {"rates": rates}, If_Match="*").status_code == 200

    changes = get_audit_event("tax_class_changed").facts["changes"]
    assert changes["rates"]["to"][0]["percent"] == "7"


@pytest.mark.parametrize("body", [{"name": "Main"}, {"name": ""}])
def test_what_is_refused_is_not_written_down(body, admin_client, store):
    assert admin_client.post("stores/", body).status_code in {400, 409}

    assert list_audit_names() == []


# --- at its opening ---------------------------------------------------------------------------


def test_a_shop_begins_with_its_own_opening(settings, anonymous):
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
def test_so_does_one_that_the_command_line_opens():
    options = {"slug": "corner", "name": "Corner", "currency": "EUR", "admin_username": "owner"}
    call_command("create_tenant", admin_email="o@c.example", stdout=StringIO(), **options)

    assert list_audit_names() == ["tenant_created", "register_added", "user_created"]
    assert {each.actor for each in list_audit_events()} == {None}


# --- by the platform --------------------------------------------------------------------------


def page_of(row):
    return reverse(f"platform:tenants_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize(
    ("was", "posted", "name"),
    [
        (True, {}, "tenant_suspended"),
        (False, {"is_active": "on"}, "tenant_restored"),
    ],
)
def test_the_shop_reads_in_its_books_that_it_was_suspended(
    was, posted, name, platform_browser, root, shop
):
    Tenant.objects.filter(pk=shop.pk).update(is_active=was)
    form = {"name": shop.name, "timezone": shop.timezone, "country": shop.country} | posted
    assert platform_browser.post(page_of(shop), form).status_code == 302

    at_platform, in_shop = list_audit_events(name)
    assert assert_actor(at_platform, root)
    assert (in_shop.tenant, in_shop.actor, in_shop.actor_name) == (shop, None, "Platform")
    for found in (at_platform, in_shop):
        assert found.target == shop.pk
        assert found.facts["changes"] == {"is_active": {"from": was, "to": not was}}


def test_a_new_name_is_a_setting(platform_browser, shop):
    form = {"name": "New", "timezone": shop.timezone, "country": shop.country, "is_active": "on"}
    platform_browser.post(page_of(shop), form)

    assert [each.facts["changes"] for each in list_audit_events("settings_changed")] == [
        {"name": {"from": "Green Grocery", "to": "New"}}
    ] * 2


def test_so_are_stores_and_registers(platform_browser, register, store):
    platform_browser.post(page_of(register), {"name": "Bar", "is_active": "on"})
    platform_browser.post(
        page_of(store), {"name": "Main", "timezone": "UTC", "day_starts_at": "04:00:00"}
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
def test_the_platforms_log_ins_are_in_its_own_books(client, root):
    door = reverse("platform:login")
    client.post(door, {"username": "root", "password": "wrong"})
    client.post(door, {"username": "nobody", "password": "wrong"})
    client.post(door, {"username": "root", "password": PASSWORD})

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

"""Changes that platform users can make in the platform admin."""

import pytest
from django.test import RequestFactory
from django.urls import reverse

from accounts.models import User
from tenants.admin import TenantScopedAdmin
from tenants.admin_site import PlatformSite
from tenants.models import Register, Store
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, PlatformUserFactory
from tests.support.platform_admin import snapshot_model


def test_suspending_a_shop_ends_its_sessions(platform_browser, shop, admin, client_of, problem):
    shop_client = client_of(admin)
    page = reverse("platform:tenants_tenant_change", args=[shop.pk])

    response = platform_browser.post(page, {"name": "Closed", "timezone": "UTC", "country": ""})

    assert response.status_code == 302
    shop.refresh_from_db()
    assert (shop.is_active, shop.name, shop.version) == (False, "Closed", 2)
    problem(shop_client.get("auth/me/"), 401, "token_not_valid")


@pytest.mark.parametrize("name", ["slug", "currency", "has_orders", "version", "limits"])
def test_fixed_fields_of_a_shop_are_ignored(name, platform_browser, shop):
    before = getattr(shop, name)
    page = reverse("platform:tenants_tenant_change", args=[shop.pk])

    platform_browser.post(page, {"name": "New", "timezone": "UTC", "is_active": "on", name: "9"})

    shop.refresh_from_db()
    assert shop.name == "New"
    assert getattr(shop, name) == (2 if name == "version" else before)


def test_register_cannot_change_shop_store_or_number(platform_browser, register, foreign):
    page = reverse("platform:tenants_register_change", args=[register.pk])
    posted = {
        "name": "Bar",
        "is_active": "on",
        "store": str(foreign.store.pk),
        "tenant": str(foreign.tenant.pk),
        "number": "77",
    }

    assert platform_browser.post(page, posted).status_code == 302

    with across_tenants():
        after = Register.objects.get(pk=register.pk)
    assert (after.name, after.version) == ("Bar", 2)
    assert (after.store_id, after.tenant_id) == (register.store_id, register.tenant_id)
    assert after.number == 1


def test_related_choices_belong_to_the_same_shop(register, foreign, root):
    """For future pages with related fields."""

    class MovableRegister(TenantScopedAdmin):
        fields = ("store",)

    request = RequestFactory().get("/platform/")
    request.user = root
    page = MovableRegister(Register, PlatformSite())

    with across_tenants():
        offered = page.get_form(request, register).base_fields["store"].queryset
        assert list(offered) == [register.store]
        assert set(Store.objects.all()) == {register.store, foreign.store}


def run_action(platform_browser, action, *people):
    data = {"action": action, "_selected_action": [user.pk for user in people]}
    return platform_browser.post(reverse("platform:accounts_user_changelist"), data, follow=True)


def test_users_of_any_shop_are_deactivated_and_activated(
    platform_browser, cashier, foreign, client_of, problem
):
    till = client_of(cashier)

    shown = run_action(platform_browser, "deactivate", cashier, foreign.cashier).content.decode()

    assert shown.count("deactivated.") == 2
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert {user.is_active for user in snapshot_model(User) if user.username == "c1"} == {False}
    run_action(platform_browser, "activate", cashier)
    cashier.refresh_from_db()
    assert (cashier.is_active, cashier.token_version) == (True, 3)


def test_last_admin_of_a_shop_cannot_be_deactivated(platform_browser, admin):
    shown = run_action(platform_browser, "deactivate", admin).content.decode()

    assert "This is the last active admin" in shown
    admin.refresh_from_db()
    assert admin.is_active


def test_platform_users_cannot_be_deactivated(platform_browser, root):
    other = PlatformUserFactory()

    run_action(platform_browser, "deactivate", root, other)

    assert {user.is_active for user in snapshot_model(User)} == {True}


def test_platform_user_changes_own_password(platform_browser, root):
    new = "eight green bottles"
    posted = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}

    assert platform_browser.post("/platform/password_change/", posted).status_code == 302

    root.refresh_from_db()
    assert root.check_password(new)

"""Actions on users in the admin, and changes that only admins make."""

import re

import pytest

from accounts.admin import users as user_admin
from accounts.exceptions import LastAdmin
from accounts.models import Pin, Role, User
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.admin_browser import (
    is_logged_in,
    open_browser,
    read_errors,
    read_temporary_password,
    sign_in,
    snapshot_database,
    submit_form,
)
from tests.support.secret_leaks import remember
from tests.support.user_pages import CASHIERS, STAFF, build_user_action_url, build_user_page_url
from tests.support.users import reload_user


def test_reset_password_is_shown_once_and_ends_sessions(
    managers_browser, cashier, client_of, problem
):
    till = client_of(cashier)
    page = build_user_action_url(cashier, "reset-password")
    assert "Create a temporary password?" in managers_browser.get(page).content.decode()
    assert till.get("auth/me/").status_code == 200

    response = managers_browser.post(page)

    secret = read_temporary_password(response)
    assert "no-store" in response["Cache-Control"]
    assert reload_user(cashier).check_password(secret)
    assert reload_user(cashier).must_change_password
    problem(till.get("auth/me/"), 401, "token_not_valid")
    remember(secret)
    for other in (page, build_user_page_url(cashier), "/admin/"):
        assert secret not in managers_browser.get(other).content.decode()


def test_confirmation_page_changes_nothing(managers_browser, cashier):
    before = snapshot_database(User)

    for action in ("reset-password", "pin", "end-sessions", "deactivate", "activate"):
        assert managers_browser.get(build_user_action_url(cashier, action)).status_code == 200
    assert snapshot_database(User) == before


def test_manager_deactivates_and_activates_a_cashier(managers_browser, cashier, client_of, problem):
    till = client_of(cashier)

    assert managers_browser.post(build_user_action_url(cashier, "deactivate"))[
        "Location"
    ] == build_user_page_url(cashier)
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert not reload_user(cashier).is_active
    body = managers_browser.get(build_user_page_url(cashier)).content.decode()
    assert "was deactivated." in body
    assert "Activate" in body

    managers_browser.post(build_user_action_url(cashier, "activate"))
    assert reload_user(cashier).is_active


def test_manager_ends_sessions_of_a_cashier(managers_browser, cashier, client_of, problem):
    till = client_of(cashier)

    managers_browser.post(build_user_action_url(cashier, "end-sessions"))

    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert (reload_user(cashier).is_active, reload_user(cashier).token_version) == (True, 1)


def test_manager_sets_a_pin_that_is_not_shown(managers_browser, cashier):
    page = build_user_action_url(cashier, "pin")
    remember("739158")

    assert managers_browser.post(page, {"pin": "739158"})["Location"] == build_user_page_url(
        cashier
    )

    with across_tenants():
        assert Pin.objects.get(user=cashier).check_digits("739158")


@pytest.mark.parametrize(
    "pin", ["", "123456", "12", "73915x", "\uff17\uff13\uff19\uff11\uff15\uff18"]
)
def test_invalid_pin_is_rejected(pin, managers_browser, cashier):
    assert read_errors(managers_browser.post(build_user_action_url(cashier, "pin"), {"pin": pin}))

    with across_tenants():
        assert not Pin.objects.exists()


def test_action_applies_to_all_selected_users(managers_browser, cashier, other_cashier):
    posted = {"action": "deactivate", "_selected_action": [cashier.pk, other_cashier.pk]}

    response = managers_browser.post(CASHIERS, posted, follow=True)

    assert response.content.decode().count("was deactivated.") == 2
    assert not reload_user(cashier).is_active
    assert not reload_user(other_cashier).is_active
    managers_browser.post(CASHIERS, posted | {"action": "activate"})
    assert reload_user(cashier).is_active


# --- admins ------------------------------------------------------------------------------------


def test_promotion_by_an_admin_ends_sessions(admins_browser, manager):
    theirs = open_browser(manager)

    assert (
        submit_form(admins_browser, build_user_page_url(manager, STAFF), role="admin").status_code
        == 302
    )

    assert reload_user(manager).role == Role.ADMIN
    assert not is_logged_in(theirs)


def test_refused_role_change_saves_nothing(admins_browser, manager, monkeypatch):
    def refuse(**_):
        raise LastAdmin

    monkeypatch.setattr(user_admin, "change_role", refuse)
    before = snapshot_database(User, AuditEvent)

    response = submit_form(
        admins_browser, build_user_page_url(manager, STAFF), role="cashier", display_name="Changed"
    )

    assert "This is the last active admin" in read_errors(response)
    assert snapshot_database(User, AuditEvent) == before


def test_admin_cannot_change_own_role_or_deactivate_themselves(admins_browser, admin):
    page = admins_browser.get(build_user_page_url(admin, STAFF)).content.decode()
    assert 'name="role"' not in page
    assert "Deactivate" not in page
    before = snapshot_database(User)

    for action in ("deactivate", "reset-password", "end-sessions", "pin"):
        assert admins_browser.post(build_user_action_url(admin, action, STAFF)).status_code == 403
    posted = {"action": "deactivate", "_selected_action": [admin.pk]}
    assert (
        "You do not have permission for this action."
        in admins_browser.post(STAFF, posted, follow=True).content.decode()
    )
    assert snapshot_database(User) == before


def test_last_admin_cannot_be_deactivated(admins_browser, admin, shop, client):
    other = UserFactory(tenant=shop, username="adm2", admin=True)
    sign_in(client, "adm2")
    assert client.post(build_user_action_url(admin, "deactivate", STAFF)).status_code == 302

    # The first admin is logged out, so the second request is redirected to the log-in.
    assert admins_browser.post(build_user_action_url(other, "deactivate", STAFF)).status_code == 302
    assert reload_user(other).is_active


def test_list_shows_who_is_logged_in(managers_browser, cashier, other_cashier, client_of):
    client_of(cashier)

    body = managers_browser.get(CASHIERS).content.decode()

    assert re.findall(r'field-is_here">(.*?)</td>', body) == ["Now", "\N{EN DASH}"]


# --- markup in names ---------------------------------------------------------------------------


def test_attack_152_markup_in_names_is_escaped(
    managers_browser, admins_browser, shop, cashier, product
):
    markup = '<img src=x onerror="alert(1)">'
    with tenant_scope(shop):
        cashier.display_name, product.name = markup, markup
        cashier.save()
        product.save()
    shop.name = markup
    shop.save()
    submit_form(admins_browser, build_user_page_url(cashier, STAFF), email="x@green.example")

    pages = [
        CASHIERS,
        build_user_page_url(cashier),
        f"{CASHIERS}{cashier.pk}/history/",
        build_user_action_url(cashier, "deactivate"),
        "/admin/orders/product/",
        f"/admin/orders/product/{product.pk}/change/",
        "/admin/tenants/auditevent/",
        "/admin/",
    ]
    for page in pages:
        response = managers_browser.get(page)
        body = response.content.decode()
        assert "<img src=x" not in body, page
        assert "&lt;img src=x" in body, page
        assert "default-src 'self'" in response["Content-Security-Policy"]
    page = managers_browser.post(
        build_user_action_url(cashier, "deactivate"), follow=True
    ).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page

"""Browser sessions of the admin end with everything that ends API sessions."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.admin_site.middleware import SESSION_KEY
from accounts.models import AuthSession, User
from accounts.services.browser_sessions import find_browser_session
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.admin_browser import (
    is_logged_in,
    list_sessions,
    open_browser,
    sign_in,
    snapshot_database,
)
from tests.support.token_refresh import MORNING
from tests.support.users import reload_user

OWN_PASSWORD = "/admin/password_change/"
NEW = "eight purple herons"


def list_end_reasons(user):
    return [log_in.revoke_reason for log_in in list_sessions(user)]


# --- ending ------------------------------------------------------------------------------------


def log_out_everywhere(manager, admin, client_of):
    assert client_of(manager).post("auth/logout-all/").status_code == 204


def deactivate(manager, admin, client_of):
    assert client_of(admin).delete(f"users/{manager.pk}/activation/").status_code == 200


def demote(manager, admin, client_of):
    response = client_of(admin).put(f"users/{manager.pk}/role/", {"role": "cashier"}, If_Match="*")
    assert response.status_code == 200


def promote(manager, admin, client_of):
    response = client_of(admin).put(f"users/{manager.pk}/role/", {"role": "admin"}, If_Match="*")
    assert response.status_code == 200


def reset_password(manager, admin, client_of):
    assert client_of(admin).post(f"users/{manager.pk}/reset-password/").status_code == 200


def change_password(manager, admin, client_of):
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert client_of(manager).put("auth/password/", body).status_code == 200


def end_by_staff(manager, admin, client_of):
    assert client_of(admin).delete(f"users/{manager.pk}/sessions/").status_code == 204


def end_from_elsewhere(manager, admin, client_of):
    (log_in,) = list_sessions(manager)
    assert client_of(manager).delete(f"auth/sessions/{log_in.pk}/").status_code == 204


ENDS = [
    log_out_everywhere,
    deactivate,
    demote,
    promote,
    reset_password,
    change_password,
    end_by_staff,
    end_from_elsewhere,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_browser_session_ends_with_everything_that_ends_tokens(
    end, client, manager, admin, cashier, client_of
):
    sign_in(client)
    assert is_logged_in(client)

    end(manager, admin, client_of)

    assert not is_logged_in(client)
    before = snapshot_database(User)
    posted = {"action": "deactivate", "_selected_action": [cashier.pk]}
    assert client.post("/admin/accounts/cashier/", posted).status_code == 302
    assert snapshot_database(User) == before
    # The session cookie is cleared as well.
    assert SESSION_KEY not in client.session


def test_suspended_shop_ends_browser_sessions(managers_browser, shop):
    shop.is_active = False
    shop.save()

    assert not is_logged_in(managers_browser)


def test_new_token_version_ends_browser_sessions(managers_browser, manager):
    manager.token_version += 1
    manager.save()

    assert not is_logged_in(managers_browser)


def test_form_of_an_ended_session_is_not_saved(managers_browser, manager, cashier):
    page = f"/admin/accounts/cashier/{cashier.pk}/change/"
    assert managers_browser.get(page).status_code == 200
    with tenant_scope(manager.tenant):
        AuthSession.objects.filter(user=manager).end(AuthSession.EndReason.BY_STAFF)

    assert (
        managers_browser.post(page, {"display_name": "Late", "expected_version": "1"}).status_code
        == 302
    )
    assert reload_user(cashier).display_name == cashier.display_name


@pytest.mark.parametrize(
    "values",
    [
        {"session": "00000000-0000-0000-0000-000000000000", "token_version": 1},
        {"session": "OTHER", "token_version": 9},
    ],
)
def test_unknown_session_in_the_cookie_is_rejected(values, manager):
    if values["session"] == "OTHER":
        open_browser(manager)
        values = values | {"session": str(list_sessions(manager)[0].pk)}
    browser = Client()
    session = browser.session
    session[SESSION_KEY] = values
    session.save()

    assert not is_logged_in(browser)


def test_logout_ends_the_session_and_invalidates_the_cookie(client, manager):
    sign_in(client)
    cookie = client.cookies["__Host-till_session"].value

    assert client.post("/admin/logout/").status_code == 200

    assert list_end_reasons(manager) == [AuthSession.EndReason.LOGOUT]
    stolen_browser = Client()
    stolen_browser.cookies["__Host-till_session"] = cookie
    assert not is_logged_in(stolen_browser)
    assert not Session.objects.filter(pk=cookie).exists()


def test_logout_by_get_is_rejected(managers_browser):
    assert managers_browser.get("/admin/logout/").status_code == 405
    assert is_logged_in(managers_browser)


# --- listing -----------------------------------------------------------------------------------


def test_browser_session_is_listed_by_the_api(client, manager, client_of):
    sign_in(client)

    devices = [
        each["device"] for each in client_of(manager).get("auth/sessions/").json()["results"]
    ]

    assert "Browser: Firefox" in devices


def test_browser_login_is_recorded_in_the_audit_log(client, manager, admins_browser):
    sign_in(client)

    page = admins_browser.get("/admin/tenants/auditevent/").content.decode()

    assert "logged in" in page
    assert str(manager) in page


# --- lifetime ----------------------------------------------------------------------------------


def test_browser_session_in_use_expires_after_the_maximum_lifetime(manager):
    half = settings.SESSION_IDLE_LIFETIME / 2
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        for _ in range(2):
            clock.shift(half)
            assert is_logged_in(browser)

        clock.shift(settings.SESSION_LIFETIME - 2 * half)
        assert not is_logged_in(browser)


def test_idle_browser_session_expires(manager):
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        clock.shift(settings.SESSION_IDLE_LIFETIME + timedelta(seconds=1))

        assert not is_logged_in(browser)


def test_last_use_is_stored_at_most_once_a_minute(manager):
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        clock.shift(timedelta(seconds=30))
        browser.get("/admin/jsi18n/")
        assert list_sessions(manager)[0].last_used_at == MORNING

        clock.shift(timedelta(seconds=60))
        browser.get("/admin/jsi18n/")
        assert list_sessions(manager)[0].last_used_at == MORNING + timedelta(seconds=90)


def test_browser_session_is_found_without_a_tenant_scope(manager):
    open_browser(manager)
    (log_in,) = list_sessions(manager)

    with across_tenants():
        found = find_browser_session(log_in.pk, token_version=1)

    assert found.user.tenant == manager.tenant
    assert find_browser_session(log_in.pk, token_version=2) is None

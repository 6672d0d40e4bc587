"""A browser's log-in is a session like all others: whatever ends those ends it at once."""

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


def ended(user):
    return [log_in.revoke_reason for log_in in list_sessions(user)]


# --- what ends it -------------------------------------------------------------------------------


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


def reset(manager, admin, client_of):
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
    reset,
    change_password,
    end_by_staff,
    end_from_elsewhere,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_h24_h25_what_ends_tokens_ends_the_browsers_session_at_once(
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
    # Nor does it come to life again.
    assert SESSION_KEY not in client.session


def test_h24_a_suspended_shop_shuts_its_pages(managers_browser, shop):
    shop.is_active = False
    shop.save()

    assert not is_logged_in(managers_browser)


def test_h24_a_version_that_has_moved_on_is_enough(managers_browser, manager):
    manager.token_version += 1
    manager.save()

    assert not is_logged_in(managers_browser)


def test_h24_a_session_that_ends_while_a_form_is_open_saves_nothing(
    managers_browser, manager, cashier
):
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
def test_a_session_that_is_not_there_opens_nothing(values, manager):
    if values["session"] == "OTHER":
        open_browser(manager)
        values = values | {"session": str(list_sessions(manager)[0].pk)}
    browser = Client()
    session = browser.session
    session[SESSION_KEY] = values
    session.save()

    assert not is_logged_in(browser)


def test_logging_out_ends_it_and_forgets_the_cookie(client, manager):
    sign_in(client)
    cookie = client.cookies["__Host-till_session"].value

    assert client.post("/admin/logout/").status_code == 200

    assert ended(manager) == [AuthSession.EndReason.LOGOUT]
    thief = Client()
    thief.cookies["__Host-till_session"] = cookie
    assert not is_logged_in(thief)
    assert not Session.objects.filter(pk=cookie).exists()


def test_following_a_link_logs_nobody_out(managers_browser):
    assert managers_browser.get("/admin/logout/").status_code == 405
    assert is_logged_in(managers_browser)


# --- where it shows -----------------------------------------------------------------------------


def test_it_stands_among_the_log_ins_of_the_api(client, manager, client_of):
    sign_in(client)

    devices = [
        each["device"] for each in client_of(manager).get("auth/sessions/").json()["results"]
    ]

    assert "Browser: Firefox" in devices


def test_it_is_written_down_like_every_log_in(client, manager, admins_browser):
    sign_in(client)

    page = admins_browser.get("/admin/tenants/auditevent/").content.decode()

    assert "log_in_ok" in page
    assert str(manager) in page


# --- how long it lasts ---------------------------------------------------------------------------


def test_it_stays_awake_while_somebody_clicks_and_ends_at_last(manager):
    half = settings.SESSION_IDLE_LIFETIME / 2
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        for _ in range(2):
            clock.shift(half)
            assert is_logged_in(browser)

        clock.shift(settings.SESSION_LIFETIME - 2 * half)
        assert not is_logged_in(browser)


def test_it_falls_asleep_when_nobody_does(manager):
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        clock.shift(settings.SESSION_IDLE_LIFETIME + timedelta(seconds=1))

        assert not is_logged_in(browser)


def test_a_page_writes_when_it_was_used_once_a_minute(manager):
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = open_browser(manager)
        clock.shift(timedelta(seconds=30))
        browser.get("/admin/jsi18n/")
        assert list_sessions(manager)[0].last_used_at == MORNING

        clock.shift(timedelta(seconds=60))
        browser.get("/admin/jsi18n/")
        assert list_sessions(manager)[0].last_used_at == MORNING + timedelta(seconds=90)


def test_no_scope_is_needed_or_left_behind(manager):
    open_browser(manager)
    (log_in,) = list_sessions(manager)

    with across_tenants():
        found = find_browser_session(log_in.pk, token_version=1)

    assert found.user.tenant == manager.tenant
    assert find_browser_session(log_in.pk, token_version=2) is None

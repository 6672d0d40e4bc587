"""Rate limits of the admin log-in, CSRF protection and cookies."""

import pytest
import time_machine
from django.test import Client

from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.admin_browser import (
    LOGIN_URL,
    is_logged_in,
    list_sessions,
    open_browser,
    sign_in,
    snapshot_database,
)
from tests.support.api import Api
from tests.support.token_refresh import MORNING
from tests.support.users import LOG_IN, build_credentials

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def stop_clock():
    with time_machine.travel(MORNING, tick=False):
        yield


def test_attack_150_guesses_at_the_api_count_for_the_admin(client, manager):
    for _ in range(5):
        guess = build_credentials(username="mgr", password="wrong")
        assert Api().post(LOG_IN, guess).status_code == 401

    response = sign_in(client)

    assert response.status_code == 429
    assert response["Retry-After"] == "2"
    assert "Try again in 2 seconds" in response.content.decode()
    assert not is_logged_in(client)
    assert list_sessions(manager) == []


def test_guesses_at_the_admin_count_for_the_api(client, manager, problem):
    for _ in range(5):
        assert sign_in(client, password="wrong").status_code == 200

    problem(Api().post(LOG_IN, build_credentials(username="mgr")), 429, "too_many_attempts")


def test_unknown_usernames_are_limited_like_known_ones(client, shop):
    statuses = [sign_in(client, "nobody", "wrong").status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]


def test_guesses_at_one_shop_do_not_lock_another(client, manager, foreign):
    for _ in range(6):
        sign_in(Client(), password="wrong")

    assert sign_in(client, tenant="leakmark-b-slug").status_code == 302


def test_dashboard_counts_failed_logins(client, manager, shop):
    sign_in(Client(), password="wrong")
    sign_in(client)

    assert client.get("/admin/").context["panels"][-1].facts["metrics"].log_ins_24h == {
        "ok": 1,
        "failed": 1,
    }


# --- cookies, forms and hosts ------------------------------------------------------------------


def test_attack_147_form_without_a_csrf_token_is_rejected(manager, cashier):
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict).status_code == 403

    strict.cookies = open_browser(manager).cookies
    before = snapshot_database(type(cashier))
    posted = {"action": "deactivate", "_selected_action": [cashier.pk]}
    for page in (
        "/admin/accounts/cashier/",
        "/admin/accounts/cashier/add/",
        f"/admin/accounts/cashier/{cashier.pk}/reset-password/",
        "/admin/password_change/",
        "/admin/logout/",
    ):
        assert strict.post(page, posted).status_code == 403, page
    assert snapshot_database(type(cashier)) == before
    assert is_logged_in(strict)


def test_attack_147_cross_origin_form_is_rejected_despite_a_valid_csrf_token(manager):
    strict = Client(enforce_csrf_checks=True)
    strict.get(LOGIN_URL)
    form = {
        "tenant": "green",
        "username": "mgr",
        "password": PASSWORD,
        "csrfmiddlewaretoken": strict.cookies["__Host-till_csrf"].value,
    }

    assert (
        strict.post(LOGIN_URL, form, headers={"Origin": "https://evil.example"}).status_code == 403
    )
    assert strict.post(LOGIN_URL, form, headers={"Origin": "http://testserver"}).status_code == 302


def test_attack_147_cookies_are_secure_httponly_and_host_only(client, manager):
    sign_in(client)

    for name in ("__Host-till_session", "__Host-till_csrf"):
        cookie = client.cookies[name]
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    assert set(client.cookies) == {"__Host-till_session", "__Host-till_csrf"}


def test_session_cookie_changes_at_login(client, manager):
    client.get(LOGIN_URL)
    session = client.session
    session["planted"] = "yes"
    session.save()
    planted = client.cookies["__Host-till_session"].value

    sign_in(client)

    assert client.cookies["__Host-till_session"].value != planted
    assert "planted" not in client.session
    stolen_browser = Client()
    stolen_browser.cookies["__Host-till_session"] = planted
    assert not is_logged_in(stolen_browser)


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_attack_149_pages_never_use_a_forged_host(header, managers_browser):
    for page in ("/admin/", LOGIN_URL, "/admin/accounts/cashier/"):
        response = managers_browser.get(page, headers={header: "evil.example"})

        assert response.status_code == (400 if header == "Host" else response.status_code)
        assert "evil" not in response.content.decode()
        assert "evil" not in response.get("Location", "")


def test_attack_153_access_token_is_rejected_by_pages(client, admin, client_of):
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {client_of(admin).tokens.access}"

    assert not is_logged_in(client)
    assert not is_logged_in(client, "/platform/")


def test_attack_153_session_cookie_is_rejected_by_the_api(managers_browser, problem):
    api = Api()
    api.client.cookies = managers_browser.cookies

    for path in ("auth/me/", "users/", "orders/", "audit/"):
        problem(api.get(path), 401, "not_authenticated")
    problem(api.post("users/", {"username": "new", "role": "cashier"}), 401, "not_authenticated")


def test_pages_are_not_cached_and_have_no_inline_scripts(managers_browser, client):
    pages = [managers_browser.get(page) for page in ("/admin/", "/admin/accounts/cashier/add/")]

    for page in [*pages, managers_browser.get("/admin/password_change/"), client.get(LOGIN_URL)]:
        assert "no-store" in page["Cache-Control"]
        policy = page["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        body = page.content.decode()
        assert " style=" not in body
        assert "<style" not in body
        assert " onclick=" not in body


def test_django_session_of_a_shop_user_is_rejected(root, manager):
    with across_tenants():
        browser = Client()
        browser.force_login(manager)

    assert not is_logged_in(browser)
    assert not is_logged_in(browser, "/platform/")

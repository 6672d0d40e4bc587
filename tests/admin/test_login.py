"""Log-in pages of the shop admin and of the platform admin."""

import pytest
import time_machine
from django.contrib import admin as django_admin
from django.test import Client
from django.urls import reverse

from accounts.admin_site.site import shop_site
from tests.factories.accounts import PASSWORD, PlatformUserFactory
from tests.support.admin_browser import (
    LOGIN_URL,
    is_logged_in,
    list_sessions,
    open_browser,
    read_errors,
    sign_in,
)
from tests.support.token_refresh import MORNING

pytestmark = pytest.mark.once

PLATFORM_LOGIN = "/platform/login/"
REFUSED = "Invalid credentials or inactive account."


@pytest.fixture(autouse=True)
def stop_clock():
    with time_machine.travel(MORNING, tick=False):
        yield


@pytest.mark.parametrize("who", ["admin", "manager"])
def test_managers_and_admins_log_in(who, client, request):
    user = request.getfixturevalue(who)

    response = sign_in(client, user.username)

    assert (response.status_code, response["Location"]) == (302, "/admin/")
    page = client.get("/admin/").content.decode()
    assert "Green Grocery" in page
    assert str(user) in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"username": "nobody"},
        {"tenant": "nowhere"},
        {"tenant": "blue; drop"},
        {"tenant": ""},
    ],
    ids=str,
)
def test_every_failed_login_shows_the_same_message(wrong, client, manager):
    response = sign_in(client, **wrong)

    assert read_errors(response) == REFUSED
    assert not is_logged_in(client)
    assert list_sessions(manager) == []


def test_inactive_user_or_shop_is_refused_like_a_wrong_password(client, manager, shop):
    manager.is_active = False
    manager.save()
    assert read_errors(sign_in(client)) == REFUSED

    manager.is_active, shop.is_active = True, False
    manager.save()
    shop.save()
    assert read_errors(sign_in(client)) == REFUSED
    assert list_sessions(manager) == []


def test_attack_146_cashier_is_told_the_reason_only_with_the_correct_password(client, cashier):
    assert read_errors(sign_in(client, "c1", "wrong")) == REFUSED
    assert "Cashiers log in at a register" in read_errors(sign_in(client, "c1"))

    assert not is_logged_in(client)
    assert list_sessions(cashier) == []


def test_attack_146_session_of_a_cashier_is_rejected_by_all_pages(cashier):
    """Also if an error elsewhere created such a session."""
    browser = open_browser(cashier)

    for page in ("/admin/", "/admin/accounts/cashier/", "/admin/password_change/"):
        assert browser.get(page).status_code == 302
    assert not is_logged_in(browser, "/platform/")


def test_platform_user_logs_in_with_an_empty_shop(client, root):
    response = sign_in(client, "root", tenant="")

    assert (response.status_code, response["Location"]) == (302, "/platform/")
    assert is_logged_in(client, "/platform/")
    assert not is_logged_in(client)


def test_platform_login_redirects_to_the_requested_page(client, root):
    form = {"username": "root", "password": PASSWORD, "next": "/platform/tenants/tenant/"}

    assert client.post(PLATFORM_LOGIN, form)["Location"] == "/platform/tenants/tenant/"


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "/admin/", "x"])
def test_platform_login_ignores_other_redirects(next_page, client, root):
    form = {"username": "root", "password": PASSWORD, "next": next_page}

    assert client.post(PLATFORM_LOGIN, form)["Location"] == "/platform/"


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_login_does_not_redirect_to_another_host(next_page, client, manager):
    form = {"tenant": "green", "username": "mgr", "password": PASSWORD, "next": next_page}

    assert client.post(LOGIN_URL, form)["Location"] == "/admin/"


def test_shop_users_cannot_log_in_to_the_platform(client, admin):
    assert read_errors(sign_in(client, "adm", login_url=PLATFORM_LOGIN)) == REFUSED

    assert not is_logged_in(client, "/platform/")
    assert not is_logged_in(client)


def test_login_pages_link_to_each_other(client, db):
    assert PLATFORM_LOGIN in client.get(LOGIN_URL).content.decode()
    assert LOGIN_URL in client.get(PLATFORM_LOGIN).content.decode()


def test_session_of_one_site_is_rejected_by_the_other(managers_browser, platform_browser):
    for site, browser in [(shop_site, platform_browser), (django_admin.site, managers_browser)]:
        for model in site._registry:
            name = f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist"
            response = browser.get(reverse(name))
            assert response.status_code == 302
            assert response["Location"].startswith(reverse(f"{site.name}:login"))


def test_login_replaces_the_former_user_of_the_browser(client, manager, root):
    sign_in(client)
    sign_in(client, "root", tenant="")
    assert not is_logged_in(client)

    sign_in(client)
    assert is_logged_in(client)
    assert not is_logged_in(client, "/platform/")


def test_same_username_in_shop_and_platform_are_different_users(client, admin):
    PlatformUserFactory(username="adm", password="another long password")

    assert read_errors(sign_in(client, "adm", tenant="")) == REFUSED
    assert read_errors(sign_in(client, "adm", "another long password")) == REFUSED
    assert sign_in(client, "adm").status_code == 302


@pytest.mark.parametrize("tenant", ["x" * 64, "gre\x00en"])
def test_invalid_shop_name_is_not_treated_as_the_platform(tenant, client, root, monkeypatch):
    monkeypatch.setattr("accounts.services.login_attempts.check_password_of", None)

    response = sign_in(client, "root", tenant=tenant)

    assert read_errors(response)
    assert not is_logged_in(client, "/platform/")


def test_shop_is_accepted_in_capitals_or_by_id(manager, shop):
    assert sign_in(Client(), tenant="GREEN").status_code == 302
    assert sign_in(Client(), tenant=str(shop.pk)).status_code == 302


def test_password_of_two_megabytes_is_not_hashed(client, manager, monkeypatch):
    monkeypatch.setattr("accounts.services.login_attempts.check_password_of", None)

    response = sign_in(client, password="x" * 2_000_000)

    assert "at most 128 characters" in read_errors(response)

"""Only platform users can log in to the platform admin."""

from contextlib import nullcontext
from itertools import product

import pytest
from django.test import Client

from accounts.backends import TenantBackend
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PASSWORD, PlatformUserFactory
from tests.factories.orders import ProductFactory
from tests.support.api import Api
from tests.support.platform_admin import EVERYWHERE

LOGIN = "/platform/login/"


def sign_in(browser, username, password=PASSWORD):
    return browser.post(LOGIN, {"username": username, "password": password})


def is_closed(browser):
    responses = [browser.get(page) for page in [*EVERYWHERE, "/platform/accounts/user/"]]
    return all(
        response.status_code == 302 and response["Location"].startswith(LOGIN)
        for response in responses
    )


def test_platform_user_logs_in(client, root):
    assert sign_in(client, "root").status_code == 302
    assert client.get("/platform/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager", "cashier", "foreign_admin"])
def test_shop_users_cannot_log_in(who, client, request):
    person = request.getfixturevalue(who)

    assert sign_in(client, person.username).status_code == 200
    assert is_closed(client)


def test_same_username_in_shop_and_platform_are_different_users(client, admin):
    PlatformUserFactory(username=admin.username, password="another long password")

    sign_in(client, admin.username)
    assert is_closed(client)
    sign_in(client, admin.username, "another long password")
    assert client.get("/platform/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager", "cashier"])
def test_session_of_a_shop_user_is_rejected(who, client, request):
    """Also if an error elsewhere created such a session."""
    client.force_login(request.getfixturevalue(who))

    assert is_closed(client)


def test_backend_finds_only_platform_users(cashier, root):
    backend = TenantBackend()

    for scope in (across_tenants(), nullcontext()):
        with scope:
            assert backend.get_user(cashier.pk) is None
            assert backend.get_user(root.pk) == root
    with tenant_scope(cashier.tenant):
        assert backend.get_user(cashier.pk) is None


def test_access_token_is_rejected_by_the_platform_admin(client, admin, client_of):
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {client_of(admin).tokens.access}"

    assert is_closed(client)


def test_deactivated_platform_user_is_logged_out(platform_browser, root):
    root.is_active = False
    root.save()

    assert is_closed(platform_browser)
    assert sign_in(Client(), "root").status_code == 200


def test_admin_session_is_rejected_by_the_api(platform_browser, problem):
    for method, path in product(["get", "post"], ["users/", "stores/", "products/"]):
        api = Api()
        api.client.cookies = platform_browser.cookies
        problem(getattr(api, method)(path), 401, "not_authenticated")


def test_form_without_a_csrf_token_is_rejected(root):
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, "root").status_code == 403

    browser.force_login(root)
    posted = {"action": "deactivate", "_selected_action": [root.pk]}
    assert browser.post("/platform/accounts/user/", posted).status_code == 403


def test_markup_in_names_is_escaped(platform_browser, shop):
    ProductFactory(tenant=shop, name='<img src=x onerror="alert(1)">')

    page = platform_browser.get("/platform/orders/product/").content.decode()

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize(
    "given", [{}, {"username": "root"}, {"password": PASSWORD}, {"token": "x"}]
)
def test_backend_rejects_incomplete_credentials(given, root):
    assert TenantBackend().authenticate(None, **given) is None

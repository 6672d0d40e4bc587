"""Who gets into the admin: those who run the installation, and nobody else."""

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


def is_shut(browser):
    responses = [browser.get(page) for page in [*EVERYWHERE, "/platform/accounts/user/"]]
    return all(
        response.status_code == 302 and response["Location"].startswith(LOGIN)
        for response in responses
    )


def test_the_platform_signs_in(client, root):
    assert sign_in(client, "root").status_code == 302
    assert client.get("/platform/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager", "cashier", "foreign_admin"])
def test_the_people_of_a_shop_do_not(who, client, request):
    person = request.getfixturevalue(who)

    assert sign_in(client, person.username).status_code == 200
    assert is_shut(client)


def test_a_name_of_the_platform_and_of_a_shop_are_two_people(client, admin):
    PlatformUserFactory(username=admin.username, password="another long password")

    sign_in(client, admin.username)
    assert is_shut(client)
    sign_in(client, admin.username, "another long password")
    assert client.get("/platform/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager", "cashier"])
def test_not_even_with_a_session_of_their_own(who, client, request):
    """As a mistake elsewhere might make one."""
    client.force_login(request.getfixturevalue(who))

    assert is_shut(client)


def test_a_session_is_looked_up_among_the_platform_only(cashier, root):
    backend = TenantBackend()

    for scope in (across_tenants(), nullcontext()):
        with scope:
            assert backend.get_user(cashier.pk) is None
            assert backend.get_user(root.pk) == root
    with tenant_scope(cashier.tenant):
        assert backend.get_user(cashier.pk) is None


def test_nobody_gets_in_by_a_token(client, admin, client_of):
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {client_of(admin).tokens.access}"

    assert is_shut(client)


def test_whoever_is_switched_off_is_out_at_once(platform_browser, root):
    root.is_active = False
    root.save()

    assert is_shut(platform_browser)
    assert sign_in(Client(), "root").status_code == 200


def test_a_session_of_the_admin_opens_no_api(platform_browser, problem):
    for method, path in product(["get", "post"], ["users/", "stores/", "products/"]):
        api = Api()
        api.client.cookies = platform_browser.cookies
        problem(getattr(api, method)(path), 401, "not_authenticated")


def test_a_form_from_elsewhere_is_refused(root):
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, "root").status_code == 403

    browser.force_login(root)
    posted = {"action": "deactivate", "_selected_action": [root.pk]}
    assert browser.post("/platform/accounts/user/", posted).status_code == 403


def test_names_are_shown_and_not_run(platform_browser, shop):
    ProductFactory(tenant=shop, name='<img src=x onerror="alert(1)">')

    page = platform_browser.get("/platform/orders/product/").content.decode()

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize(
    "given", [{}, {"username": "root"}, {"password": PASSWORD}, {"token": "x"}]
)
def test_half_of_the_credentials_are_none(given, root):
    assert TenantBackend().authenticate(None, **given) is None

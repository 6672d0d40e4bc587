"""The host name of a shop selects the shop at log-in."""

import pytest
from django.test import Client

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.users import LOG_IN, build_credentials

GREEN = "green.till.example"


@pytest.fixture(autouse=True)
def set_parent_domain(settings, cashier):
    settings.POS_BASE_DOMAIN = "till.example"
    settings.ALLOWED_HOSTS = [".till.example", "testserver"]


def sessions():
    with across_tenants():
        return AuthSession.objects.count()


@pytest.mark.parametrize("host", [GREEN, "GREEN.till.example", f"{GREEN}:8000"])
def test_tenant_is_read_from_the_host(host, anonymous):
    answer = anonymous.post(LOG_IN, build_credentials(tenant=None), Host=host)

    assert answer.status_code == 200, answer.content


def test_tenant_that_differs_from_the_host_is_rejected(anonymous, problem, other_shop):
    assert anonymous.post(LOG_IN, build_credentials(), Host=GREEN).status_code == 200
    before = sessions()

    elsewhere = build_credentials(tenant=other_shop.slug)
    problem(anonymous.post(LOG_IN, elsewhere, Host=GREEN), 400, "tenant_mismatch")
    headers = {"Host": GREEN, "X_Tenant_ID": other_shop.slug}
    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None), **headers), 400, "tenant_mismatch"
    )
    assert sessions() == before


@pytest.mark.parametrize(
    "host", ["till.example", "www.till.example", "a.green.till.example", "testserver"]
)
def test_other_hosts_select_no_tenant(host, anonymous, problem):
    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None), Host=host), 400, "tenant_required"
    )
    assert anonymous.post(LOG_IN, build_credentials(), Host=host).status_code == 200


def test_host_selects_no_tenant_without_the_setting(anonymous, problem, settings):
    settings.POS_BASE_DOMAIN = ""

    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None), Host=GREEN), 400, "tenant_required"
    )


def log_in_by_browser(username, **more):
    form = {"username": username, "password": PASSWORD, **more}
    return Client(headers={"Host": GREEN}).post("/admin/login/?next=/admin/", form)


def test_admin_login_at_a_shop_host_is_only_for_that_shop(manager, root, other_shop):
    assert b'value="green"' in Client(headers={"Host": GREEN}).get("/admin/login/").content
    assert log_in_by_browser("mgr").status_code == 302
    before = sessions()

    refused = log_in_by_browser("mgr", tenant=other_shop.slug)
    assert b"belongs to another shop" in refused.content
    assert log_in_by_browser("root").status_code == 200, "platform users log in at another host"
    assert sessions() == before

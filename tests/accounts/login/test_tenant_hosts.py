"""A shop's own host name says where people log in."""

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
def test_nobody_names_the_shop_at_its_own_address(host, anonymous):
    answer = anonymous.post(LOG_IN, build_credentials(tenant=None), Host=host)

    assert answer.status_code == 200, answer.content


def test_whoever_names_it_too_must_agree(anonymous, problem, other_shop):
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
def test_other_addresses_name_nobody(host, anonymous, problem):
    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None), Host=host), 400, "tenant_required"
    )
    assert anonymous.post(LOG_IN, build_credentials(), Host=host).status_code == 200


def test_without_the_setting_a_host_is_only_a_host(anonymous, problem, settings):
    settings.POS_BASE_DOMAIN = ""

    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None), Host=GREEN), 400, "tenant_required"
    )


def log_in_by_browser(username, **more):
    form = {"username": username, "password": PASSWORD, **more}
    return Client(headers={"Host": GREEN}).post("/admin/login/?next=/admin/", form)


def test_the_admin_is_the_shops_own(manager, root, other_shop):
    assert b'value="green"' in Client(headers={"Host": GREEN}).get("/admin/login/").content
    assert log_in_by_browser("mgr").status_code == 302
    before = sessions()

    refused = log_in_by_browser("mgr", tenant=other_shop.slug)
    assert b"belongs to another shop" in refused.content
    assert log_in_by_browser("root").status_code == 200, "the platform's people use another host"
    assert sessions() == before

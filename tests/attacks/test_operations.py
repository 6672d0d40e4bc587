"""Internal errors, information leaks, request smuggling and shop names."""

import json
import re

import pytest
from gunicorn import SERVER
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from tenants.exceptions import TooManyRequests
from tenants.models import Tenant
from tests.attacks.test_external import server  # noqa: F401  (a fixture)
from tests.factories.accounts import UserFactory
from tests.factories.orders import CategoryFactory
from tests.factories.tenants import TenantFactory
from tests.support.api import Api, Person
from tests.support.attack_outcome import assert_refused
from tests.support.problems import assert_problem
from tests.support.users import LOG_IN, build_credentials

SQL = 'duplicate key "SELECT secret FROM orders_order" at /srv/till/orders/models.py line 7'


class Broken(Exception):
    pass


@pytest.mark.view_only("breaks the view")
@pytest.mark.parametrize("path", ["categories/", "auth/metrics/", "orders/"])
def test_attack_162_internal_error_reveals_no_details(path, admin, monkeypatch, settings):
    def fail(*_, **__):
        raise Broken(SQL)

    monkeypatch.setattr("rest_framework.views.APIView.finalize_response", fail)
    api = Person(admin)
    api.client.raise_request_exception = False

    response = api.get(path)

    assert settings.DEBUG is False
    problem = assert_problem(response, 500, "internal_error")
    assert problem["request_id"]
    assert not re.search(r"secret|srv|Broken|orders|line \d|Traceback", json.dumps(problem))


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/", "/nowhere/", "/api/v1/me/"])
def test_attack_164_167_public_responses_reveal_no_software(path, client, db, shop):
    response = client.get(path, secure=True)

    revealed = (response.content + str(response.headers).encode()).lower()
    assert not re.search(rb"python|django|postgres|sqlite|gunicorn|green|\d+\.\d+\.\d+", revealed)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Server" not in response
    assert "X-Powered-By" not in response
    assert not re.search(r"\d", SERVER)


SMUGGLING_HEADERS = [
    ("Content-Length: 5", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ("Content-Length: 5", "Content-Length: 6"),
    ("Content-Length: +5",),
    ("Content-Length: 5, 5",),
    ("Transfer-Encoding: xchunked",),
    ("Transfer-Encoding : chunked",),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    (" Content-Length: 5",),
]


@pytest.mark.parametrize("lines", SMUGGLING_HEADERS)
def test_attack_168_ambiguous_request_lengths_are_rejected(lines, server):  # noqa: F811
    """Two servers in a row could see different ends of such a request."""
    text = "\r\n".join(["POST /api/v1/orders/ HTTP/1.1", "Host: till.example", *lines, "", "5"])

    with pytest.raises(ParseException):
        next(RequestParser(server, [text.encode()], ("192.0.2.7", 5000)))


def test_attack_170_signup_with_a_reserved_or_taken_slug_is_rejected(anonymous, settings, shop):
    settings.SIGNUP_ENABLED = True
    admin = {"username": "ada", "email": "ada@red.example", "password": "nine purple herons fly"}
    names = ["admin", "api", "www", "GREEN", "Green", "xn--80ak6aa92e", "gr\u0435en", "green."]

    for slug in names:
        body = {"tenant": {"slug": slug, "name": "Red", "currency": "EUR"}, "admin": admin}
        assert_refused(anonymous.post("auth/signup/", body), 400, 429)

    body = {"tenant": {"slug": shop.slug, "name": "Red", "currency": "EUR"}, "admin": admin}
    assert assert_refused(anonymous.post("auth/signup/", body), 409) == "slug_taken"
    assert Tenant.objects.count() == 1


def test_attack_171_new_shop_with_the_slug_of_a_former_shop_is_separate(cashier, shop, problem):
    """The former shop was suspended and renamed, and another shop took its slug."""
    former = Person(cashier)
    Tenant.objects.filter(pk=shop.pk).update(is_active=False)
    problem(former.get("auth/me/"), 401, "token_not_valid")

    Tenant.objects.filter(pk=shop.pk).update(is_active=True, slug="green-before")
    namesake = TenantFactory(slug="green")
    UserFactory(tenant=namesake, username="c1", password="nine purple herons fly")
    CategoryFactory(tenant=namesake, name="Theirs")

    assert_refused(former.get("categories/", X_Tenant_ID="green"), 403)
    assert b"Theirs" not in former.get("categories/").content
    assert Api().post(LOG_IN, build_credentials()).status_code == 401


def test_attack_174_rate_limit_of_one_shop_does_not_affect_others(cashier, foreign):
    flooded = str(cashier.tenant_id)
    for _ in range(policies.LOG_IN_TO_TENANT.limit):
        count_attempt([policies.bucket_for_tenant(flooded)])
    with pytest.raises(TooManyRequests):
        count_attempt([policies.bucket_for_tenant(flooded)])

    theirs = build_credentials(tenant=foreign.tenant.slug, username="c1")

    assert Api().post(LOG_IN, build_credentials()).status_code == 429
    assert Api().post(LOG_IN, theirs).status_code == 200
    assert Person(foreign.cashier).get("categories/").status_code == 200

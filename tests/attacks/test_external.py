"""Attacks by requests that no other module covers."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.http.parser import RequestParser

from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.support.api import Api, Person
from tests.support.audit import list_audit_events
from tests.support.users import LOG_IN, build_credentials, count_sessions

GUNICORN = Path(__file__).parents[2] / "config" / "gunicorn.py"


@pytest.fixture
def server(monkeypatch):
    """Return the gunicorn configuration."""
    monkeypatch.setattr("sys.argv", ["gunicorn", "--config", str(GUNICORN)])
    return WSGIApplication().cfg


def read_tenant_headers(server, *lines):
    text = "\r\n".join(["GET / HTTP/1.1", "Host: till.example", *lines, "", ""])
    request = next(RequestParser(server, [text.encode()], ("192.0.2.7", 5000)))
    return {name: value for name, value in request.headers if "TENANT" in name}


def test_attack_009_tenant_header_with_underscores_is_dropped(server):
    """Django cannot tell them apart, and proxies only clean the one with hyphens."""
    read = read_tenant_headers(server, "X-TENANT-id: green", "X_Tenant_ID: blue")

    assert read == {"X-TENANT-ID": "green"}


@pytest.mark.usefixtures("cashier")
def test_attack_008_repeated_tenant_header_is_rejected(anonymous):
    """WSGI servers join repeated headers with a comma."""
    body = build_credentials(tenant=None)

    response = anonymous.post(LOG_IN, body, X_Tenant_ID="green,blue")

    assert response.status_code == 400
    assert count_sessions() == 0


@pytest.mark.usefixtures("cashier")
def test_attack_029_file_upload_as_username_is_rejected(problem):
    boundary = "--x\r\nContent-Disposition: form-data; name=username; filename=c1.txt\r\n\r\nc1\r\n"
    response = Api().post(
        LOG_IN, f"{boundary}--x--\r\n", content_type="multipart/form-data; boundary=x"
    )

    problem(response, 415, "unsupported_media_type")
    assert count_sessions() == 0


def test_attack_045_access_token_of_a_pin_session_cannot_refresh(cashier, problem):
    pin_client = Person(cashier, AuthSessionFactory(user=cashier, method="pin"))

    response = Api().post("auth/token/refresh/", {"refresh": pin_client.tokens.access})

    problem(response, 401, "token_not_valid")


def test_attack_054_logout_everywhere_ends_terminals_browsers_and_programs(manager, problem):
    program, other = Person(manager), Person(manager)
    pin_client = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    browser, index = Client(), reverse("shop:index")
    log_in = {"tenant": "green", "username": "mgr", "password": PASSWORD}
    browser.post(reverse("shop:login"), log_in)
    assert browser.get(index).status_code == 200

    assert program.post("auth/logout-all/").status_code == 204

    for client in (program, other, pin_client):
        problem(client.get("auth/me/"), 401, "token_not_valid")
    assert browser.get(index).status_code == 302


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_attack_056_requests_for_another_shop_are_denied_and_recorded(
    who, product, other_shop, request, problem
):
    person = Person(request.getfixturevalue(who))
    calls = [
        ("GET", "products/", None),
        ("GET", f"products/{product.pk}/", None),
        ("POST", "products/", {"sku": "NEW", "name": "New", "price": "1.00"}),
        ("POST", "orders/", {"lines": []}),
    ]

    for method, path, body in calls:
        response = person.send(method, path, body, X_Tenant_ID=other_shop.slug)
        problem(response, 403, "tenant_mismatch")

    assert len(list_audit_events("tenant_mismatch")) == len(calls)
    assert {found.tenant_id for found in list_audit_events("tenant_mismatch")} == {
        product.tenant_id
    }


@pytest.mark.parametrize("query", [{"format": "api"}, {"format": "html"}, {"format": "admin"}])
def test_attack_089_format_parameter_is_rejected(query, manager):
    response = Person(manager).get("products/", query)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["users", "//users/", "users/../tenant/", "users/%2e%2e/tenant/", "users/;jsessionid=1/"],
)
@pytest.mark.parametrize("who", ["anonymous", "admin"])
def test_attack_090_paths_in_other_spellings_get_404(path, who, request, admin):
    api = request.getfixturevalue("anonymous") if who == "anonymous" else Person(admin)

    response = api.get(path)

    assert response.status_code == 404
    assert b"green" not in response.content

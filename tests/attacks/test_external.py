"""Attacks from outside that no other test makes, as requests and what must become of them."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.http.parser import RequestParser

from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.support.api import Api, Person
from tests.support.audit import list_audit_events
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions

GUNICORN = Path(__file__).parents[2] / "config" / "gunicorn.py"


@pytest.fixture
def server(monkeypatch):
    """The settings of the server in front, as it reads them itself."""
    monkeypatch.setattr("sys.argv", ["gunicorn", "--config", str(GUNICORN)])
    return WSGIApplication().cfg


def headers_read_by(server, *lines):
    text = "\r\n".join(["GET / HTTP/1.1", "Host: till.example", *lines, "", ""])
    request = next(RequestParser(server, [text.encode()], ("192.0.2.7", 5000)))
    return {name: value for name, value in request.headers if "TENANT" in name}


def test_attack_009_a_header_with_an_underscore_is_not_taken_for_the_one_with_a_hyphen(server):
    """Before Django both would be one; the server drops the one that no proxy cleans."""
    read = headers_read_by(server, "X-TENANT-id: green", "X_Tenant_ID: blue")

    assert read == {"X-TENANT-ID": "green"}


@pytest.mark.usefixtures("cashier")
def test_attack_008_a_header_that_comes_twice_names_no_shop(anonymous):
    """As a server hands two headers of one name over."""
    body = build_credentials(tenant=None)

    response = anonymous.post(LOG_IN, body, X_Tenant_ID="green,blue")

    assert response.status_code == 400
    assert snapshot_sessions() == 0


@pytest.mark.usefixtures("cashier")
def test_attack_029_a_file_is_no_username(problem):
    boundary = "--x\r\nContent-Disposition: form-data; name=username; filename=c1.txt\r\n\r\nc1\r\n"
    response = Api().post(
        LOG_IN, f"{boundary}--x--\r\n", content_type="multipart/form-data; boundary=x"
    )

    problem(response, 415, "unsupported_media_type")
    assert snapshot_sessions() == 0


def test_attack_045_what_a_pin_let_in_buys_no_further_tokens(cashier, problem):
    at_the_till = Person(cashier, AuthSessionFactory(user=cashier, method="pin"))

    response = Api().post("auth/token/refresh/", {"refresh": at_the_till.tokens.access})

    problem(response, 401, "token_not_valid")


def test_attack_054_a_log_out_everywhere_ends_terminals_browsers_and_programs(manager, problem):
    program, other = Person(manager), Person(manager)
    at_the_till = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    browser, office = Client(), reverse("shop:index")
    log_in = {"tenant": "green", "username": "mgr", "password": PASSWORD}
    browser.post(reverse("shop:login"), log_in)
    assert browser.get(office).status_code == 200

    assert program.post("auth/logout-all/").status_code == 204

    for client in (program, other, at_the_till):
        problem(client.get("auth/me/"), 401, "token_not_valid")
    assert browser.get(office).status_code == 302


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_attack_056_no_call_is_for_another_shop_and_each_is_written_down(
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
def test_attack_089_no_parameter_turns_an_answer_into_a_page(query, manager):
    response = Person(manager).get("products/", query)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["users", "//users/", "users/../tenant/", "users/%2e%2e/tenant/", "users/;jsessionid=1/"],
)
@pytest.mark.parametrize("who", ["anonymous", "admin"])
def test_attack_090_a_path_in_another_spelling_leads_nowhere(path, who, request, admin):
    api = request.getfixturevalue("anonymous") if who == "anonymous" else Person(admin)

    response = api.get(path)

    assert response.status_code == 404
    assert b"green" not in response.content

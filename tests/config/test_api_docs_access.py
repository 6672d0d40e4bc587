"""API_DOCS decides who may read the OpenAPI document and the Swagger page."""

import os
import subprocess
import sys

import pytest
from django.test import Client

from tenants.scope import across_tenants
from tests.factories.accounts import PlatformUserFactory
from tests.support.admin_browser import open_browser, sign_in
from tests.support.api import Person
from tests.support.discovery import ROOT
from tests.support.problems import assert_problem

SCHEMA, DOCS = "/api/schema/", "/api/docs/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def staff_only(settings):
    settings.API_DOCS = "staff"


@pytest.fixture(autouse=True)
def _short_document(monkeypatch):
    """Render a short document instead of the real one, which takes a second."""
    monkeypatch.setattr("config.api_docs.render_document", lambda media_type: b"{}")


def test_public_docs_need_no_log_in(client, settings):
    settings.API_DOCS = "public"

    assert client.get(SCHEMA).status_code == client.get(DOCS).status_code == 200


def test_docs_for_staff_are_refused_without_a_log_in(staff_only, client, db):
    refused = client.get(SCHEMA, headers=JSON)
    page = client.get(DOCS)
    script = client.get(f"{DOCS}?script=")

    assert_problem(refused, 401, "not_authenticated")
    assert refused["WWW-Authenticate"].startswith("Bearer")
    for response in (page, script):
        assert (response.status_code, response["Location"]) == (
            302,
            "/admin/login/?next=%2Fapi%2Fdocs%2F",
        )


def test_docs_for_staff_are_open_to_every_user_of_the_api(staff_only, cashier):
    headers = Person(cashier).defaults

    assert Client().get(SCHEMA, headers=headers).status_code == 200
    assert Client().get(DOCS, headers=headers).status_code == 200


def test_invalid_token_is_refused(staff_only, db):
    headers = JSON | {"Authorization": "Bearer wrong"}

    assert_problem(Client().get(SCHEMA, headers=headers), 401, "token_not_valid")


def test_docs_for_staff_are_open_in_a_browser_that_is_logged_in(staff_only, manager):
    browser = open_browser(manager)

    assert browser.get(DOCS).status_code == browser.get(SCHEMA).status_code == 200


def test_ended_session_of_a_browser_is_refused(staff_only, manager):
    browser = open_browser(manager)
    with across_tenants():
        manager.token_version += 1
        manager.save()

    assert_problem(browser.get(SCHEMA, headers=JSON), 401, "not_authenticated")


def test_docs_for_staff_are_open_to_platform_users(staff_only, client, db):
    client.force_login(PlatformUserFactory())

    assert client.get(DOCS).status_code == 200


def test_log_in_leads_back_to_the_docs(staff_only, client, manager):
    location = client.get(DOCS)["Location"]

    response = sign_in(client, login_url=location)

    assert (response.status_code, response["Location"]) == (302, DOCS)
    assert client.get(DOCS).status_code == 200


def test_without_docs_nobody_reads_them_and_the_root_is_the_admin(client, settings, manager):
    settings.API_DOCS = "off"
    browser = open_browser(manager)

    for each in (client, browser):
        assert_problem(each.get(SCHEMA, headers=JSON), 404, "not_found")
        assert_problem(each.get(DOCS), 404, "not_found")
    assert client.get("/")["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("given", "debug", "expected"),
    [
        (None, "on", "public"),
        (None, "off", "staff"),
        ("off", "on", "off"),
        ("Public", "off", "API_DOCS must be public, staff or off."),
    ],
)
def test_default_depends_on_debug_and_other_values_are_refused(given, debug, expected):
    environment = {
        "DEBUG": debug,
        "SECRET_KEY": "k" * 40,
        "JWT_SIGNING_KEY": "j" * 40,
        "PATH": os.environ["PATH"],
    }
    if given is not None:
        environment["API_DOCS"] = given
    program = "from config import settings; print(settings.API_DOCS)"

    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert expected in (ran.stdout + ran.stderr)

"""GET /metrics counts log-ins for Prometheus, with a token of its own."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as given
from prometheus_client import REGISTRY

from config import gunicorn
from tests.factories.accounts import PASSWORD
from tests.support.admin_browser import sign_in
from tests.support.api import Api, Person
from tests.support.discovery import ROOT
from tests.support.problems import assert_problem
from tests.support.terminals import WRONG_PIN, PairedTerminal, give_pin
from tests.support.users import build_credentials

AUTHORIZED = {"Authorization": f"Bearer {given.METRICS_TOKEN}"}


def collect():
    """Return all counters by name, method and outcome; the latter two are None without labels."""
    return {
        (each.name, each.labels.get("method"), each.labels.get("outcome")): each.value
        for metric in REGISTRY.collect()
        for each in metric.samples
    }


@pytest.fixture
def count():
    """Return a function that returns by how much a counter has grown in this test."""
    before = collect()

    def grown(name, method=None, outcome=None):
        key = (f"till_{name}_total", method, outcome)
        return collect()[key] - before[key]

    return grown


# --- who may read it ---------------------------------------------------------------------------


def test_counters_are_text_for_prometheus(client):
    response = client.get("/metrics", headers=AUTHORIZED)

    text = response.content.decode()
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in response["Cache-Control"]
    for method in ("password", "pin"):
        for outcome in ("ok", "failed", "refused"):
            assert f'till_log_ins_total{{method="{method}",outcome="{outcome}"}}' in text
    for name in ("token_refreshes", "token_reuses", "lockouts"):
        assert f"till_{name}_total" in text


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer ", "Bearer wrong", given.METRICS_TOKEN, "Bearer \u00e9"]
)
def test_page_needs_its_token(value, client):
    headers = {} if value is None else {"Authorization": value}

    response = client.get("/metrics", headers=headers)

    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="metrics"'


def test_access_token_of_an_admin_is_refused(admin):
    response = Person(admin).client.get("/metrics", headers=Person(admin).defaults)

    assert_problem(response, 401, "not_authenticated")


def test_token_of_the_page_opens_nothing_else(db):
    assert Api(given.METRICS_TOKEN).get("products/").status_code == 401


def test_without_a_token_there_is_no_page(client, settings):
    settings.METRICS_TOKEN = ""

    for headers in ({}, {"Authorization": "Bearer "}, AUTHORIZED):
        assert_problem(client.get("/metrics", headers=headers), 404, "not_found")


def test_page_cannot_be_changed(client):
    assert_problem(client.post("/metrics", headers=AUTHORIZED), 405, "method_not_allowed")


# --- what it counts ----------------------------------------------------------------------------


def test_log_ins_by_password_are_counted(count, cashier, anonymous):
    assert anonymous.post("auth/token/", build_credentials()).status_code == 200
    for password in ("wrong", "wrong too"):
        anonymous.post("auth/token/", build_credentials(password=password))

    assert (count("log_ins", "password", "ok"), count("log_ins", "password", "failed")) == (1, 2)
    assert count("log_ins", "password", "refused") == count("log_ins", "pin", "ok") == 0


def test_refused_log_ins_and_lockouts_are_counted(count, cashier, anonymous):
    answers = [
        anonymous.post("auth/token/", build_credentials(password="wrong")).status_code
        for _ in range(8)
    ]

    assert count("log_ins", "password", "failed") == answers.count(401)
    assert count("log_ins", "password", "refused") == answers.count(429) > 0
    assert count("lockouts") > 0


def test_log_ins_of_the_admin_pages_are_counted(count, manager, client):
    sign_in(client, password="wrong")
    sign_in(client)

    assert (count("log_ins", "password", "ok"), count("log_ins", "password", "failed")) == (1, 1)


def test_log_ins_by_pin_are_counted(count, cashier, manager, register):
    give_pin(cashier)
    paired = PairedTerminal(register, manager)

    assert paired.enter(cashier).status_code == 200
    answers = [paired.enter(cashier, WRONG_PIN).status_code for _ in range(7)]

    assert (count("log_ins", "pin", "ok"), count("log_ins", "pin", "failed")) == (
        1,
        answers.count(401),
    )
    assert count("log_ins", "pin", "refused") == answers.count(429) > 0
    assert count("lockouts") > 0
    assert count("log_ins", "password", "ok") == 0


def test_reauthentication_is_no_log_in(count, cashier):
    assert Person(cashier).post("auth/reauth/", {"password": PASSWORD}).status_code == 200

    assert count("log_ins", "password", "ok") == 0


def test_refreshes_and_reuses_are_counted(count, clock, cashier, anonymous):
    pair = anonymous.post("auth/token/", build_credentials()).json()
    newer = anonymous.post("auth/token/refresh/", {"refresh": pair["refresh"]}).json()
    anonymous.post("auth/token/refresh/", {"refresh": newer["refresh"]})
    clock.shift(3600)
    response = anonymous.post("auth/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 401
    assert (count("token_refreshes"), count("token_reuses")) == (2, 1)


# --- several processes -------------------------------------------------------------------------

PROGRAM = """
from accounts.services.log_in_counters import LOG_INS, REFRESHES
from config.metrics import render_metrics
LOG_INS.labels("pin", "ok").inc()
REFRESHES.inc(2)
print(render_metrics().decode())
"""


def test_counters_of_all_processes_are_added_up(tmp_path):
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    setup = "import django; django.setup()\n"
    command = [sys.executable, "-c", setup + PROGRAM]

    outputs = [
        subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    ]

    assert 'till_log_ins_total{method="pin",outcome="ok"} 3.0' in outputs[-1]
    assert "till_token_refreshes_total 6.0" in outputs[-1]


@pytest.fixture
def with_token(monkeypatch, tmp_path):
    environment = {"METRICS_TOKEN": given.METRICS_TOKEN}
    monkeypatch.setattr(gunicorn.Environment, "ENVIRON", environment)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(gunicorn.METRICS_DIRECTORY, "")  # is restored, unlike a missing one
    return environment


def test_server_creates_and_removes_a_directory_for_its_workers(with_token, tmp_path):
    gunicorn.on_starting(server=None)

    (directory,) = tmp_path.iterdir()
    assert os.environ[gunicorn.METRICS_DIRECTORY] == str(directory)
    gunicorn.on_exit(server=None)
    assert list(tmp_path.iterdir()) == []


def test_server_that_replaces_another_has_its_own_directory(with_token, tmp_path):
    gunicorn.on_starting(server=None)
    inherited = os.environ[gunicorn.METRICS_DIRECTORY]

    gunicorn.on_starting(server=None)

    assert os.environ[gunicorn.METRICS_DIRECTORY] != inherited
    assert len(list(tmp_path.iterdir())) == 2


def test_directory_of_the_operator_is_used_and_kept(with_token, tmp_path, monkeypatch):
    (directory := tmp_path / "counters").mkdir()
    monkeypatch.setenv(gunicorn.METRICS_DIRECTORY, str(directory))

    gunicorn.on_starting(server=None)
    gunicorn.on_exit(server=None)

    assert os.environ[gunicorn.METRICS_DIRECTORY] == str(directory)
    assert list(tmp_path.iterdir()) == [directory]


def test_server_without_a_token_creates_no_directory(with_token, tmp_path):
    with_token.clear()

    gunicorn.on_starting(server=None)
    gunicorn.on_exit(server=None)

    assert os.environ[gunicorn.METRICS_DIRECTORY] == ""
    assert list(tmp_path.iterdir()) == []

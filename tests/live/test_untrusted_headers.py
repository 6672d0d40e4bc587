"""Forwarded headers are ignored unless the settings name a proxy."""

import socket

import pytest

from config.server import GRANIAN, SERVERS
from tests.support.live.server import TILL, run_server

pytestmark = [
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

SECURE = "strict-transport-security"
PREFIXES = ["/public", "/zzz", "/"]
NAMES = ["SCRIPT_NAME", "script_name", "Script-Name", "PATH_INFO", "path-info", "REMOTE_USER"]
NAMES += ["SCRIPT_URL", "REDIRECT_URL", "X-Script-Name", "X-Forwarded-Prefix", "X-Rewrite-URL"]


@pytest.fixture(scope="module", params=SERVERS)
def software(request):
    return request.param


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory, software):
    folder = tmp_path_factory.mktemp("alone")
    with run_server(folder, TILL, WEB_CONCURRENCY="1", SERVER=software) as server:
        yield server


@pytest.fixture(scope="module")
def proxied(django_db_setup, tmp_path_factory, software):
    """Run the same server configured for one proxy."""
    folder = tmp_path_factory.mktemp("proxied")
    with run_server(folder, TILL, WEB_CONCURRENCY="1", NUM_PROXIES="1", SERVER=software) as server:
        yield server


def request(server, path, *headers):
    """Send exactly these bytes; return status, headers and body of the response."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    fields_by_name = {
        name.lower(): value for name, value in (each.split(": ", 1) for each in fields)
    }
    return int(status.split()[1]), fields_by_name, body


def comparable(answer):
    """Return the parts that are the same in two responses to one request."""
    status, headers, _ = answer
    names = ("content-type", "location", SECURE)
    return status, {name: value for name, value in headers.items() if name in names}


@pytest.mark.parametrize("path", ["/public/platform/login/", "/", "/zzz/health/live/"])
@pytest.mark.parametrize("name", NAMES)
def test_header_does_not_change_the_path(server, name, path):
    without_header = comparable(request(server, path))

    for prefix in PREFIXES:
        assert comparable(request(server, path, f"{name}: {prefix}")) == without_header, prefix


def test_response_to_a_script_name_header_is_a_problem(server):
    status, headers, body = request(server, "/public/platform/login/", "SCRIPT_NAME: /public")

    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert "not_found" in body


def test_script_name_in_the_environment_does_not_change_the_path(
    tmp_path, django_db_setup, software
):
    environment = {"SCRIPT_NAME": "/zzz", "SERVER": software}
    with run_server(tmp_path, TILL, WEB_CONCURRENCY="1", **environment) as server:
        assert request(server, "/health/live/")[0] == 200
        assert request(server, "/zzz/health/live/")[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Forwarded-Proto: https"],
        ["X-Forwarded-Protocol: ssl"],
        ["X-Forwarded-Ssl: on"],
        ["X-Forwarded-Ssl: on", "X-Forwarded-Proto: http"],
        ["Forwarded: proto=https"],
        ["Front-End-Https: on"],
    ],
)
def test_header_does_not_make_a_request_secure_without_a_proxy(server, headers):
    without_header = comparable(request(server, "/api/docs/"))

    assert comparable(request(server, "/api/docs/", *headers)) == without_header
    assert SECURE not in without_header[1]


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        (["X-Forwarded-Proto: https"], True),
        (["X-Forwarded-Proto: http"], False),
        (["X-Forwarded-Proto: http", "X-Forwarded-Ssl: on"], False),
        (["X-Forwarded-Ssl: on"], False),
    ],
)
def test_only_the_configured_header_makes_a_proxied_request_secure(proxied, headers, is_secure):
    status, fields_by_name, _ = request(proxied, "/api/docs/", *headers)

    assert status == 200
    assert (SECURE in fields_by_name) == is_secure


def test_only_granian_reads_an_underscore_in_a_header_name_as_a_hyphen(proxied, software):
    """The proxy in front of granian has to remove such headers: docs/operations/servers.md."""
    _, fields_by_name, _ = request(proxied, "/api/docs/", "X_Forwarded_Proto: https")

    assert (SECURE in fields_by_name) == (software == GRANIAN)

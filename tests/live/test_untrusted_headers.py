"""A real server on loopback believes no header of its peer but those that settings name."""

import socket

import pytest

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


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    with run_server(tmp_path_factory.mktemp("alone"), TILL, WEB_CONCURRENCY="1") as server:
        yield server


@pytest.fixture(scope="module")
def proxied(django_db_setup, tmp_path_factory):
    """The same server as its settings have it behind one proxy."""
    folder = tmp_path_factory.mktemp("proxied")
    with run_server(folder, TILL, WEB_CONCURRENCY="1", NUM_PROXIES="1") as server:
        yield server


def ask(server, path, *headers):
    """Return the status, the headers and the body of an answer to exactly these bytes."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    told = {name.lower(): value for name, value in (each.split(": ", 1) for each in fields)}
    return int(status.split()[1]), told, body


def essence(answer):
    """What is the same in two answers to one request."""
    status, headers, _ = answer
    kept = ("content-type", "location", SECURE)
    return status, {name: value for name, value in headers.items() if name in kept}


@pytest.mark.parametrize("path", ["/public/platform/login/", "/", "/zzz/health/live/"])
@pytest.mark.parametrize("name", NAMES)
def test_no_header_moves_a_path(server, name, path):
    plain = essence(ask(server, path))

    for prefix in PREFIXES:
        assert essence(ask(server, path, f"{name}: {prefix}")) == plain, prefix


def test_what_a_header_asked_for_is_a_problem_as_before(server):
    status, headers, body = ask(server, "/public/platform/login/", "SCRIPT_NAME: /public")

    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert "not_found" in body


def test_a_prefix_in_the_servers_own_environment_moves_no_path(tmp_path, django_db_setup):
    with run_server(tmp_path, TILL, WEB_CONCURRENCY="1", SCRIPT_NAME="/zzz") as server:
        assert ask(server, "/health/live/")[0] == 200
        assert ask(server, "/zzz/health/live/")[0] == 404


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
def test_no_header_makes_a_request_secure_without_a_proxy_in_the_settings(server, headers):
    plain = essence(ask(server, "/api/docs/"))

    assert essence(ask(server, "/api/docs/", *headers)) == plain
    assert SECURE not in plain[1]


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        (["X-Forwarded-Proto: https"], True),
        (["X-Forwarded-Proto: http"], False),
        (["X-Forwarded-Proto: http", "X-Forwarded-Ssl: on"], False),
        (["X-Forwarded-Ssl: on"], False),
        (["X_Forwarded_Proto: https"], False),
    ],
)
def test_behind_a_proxy_the_one_header_that_the_settings_name_is_believed(
    proxied, headers, is_secure
):
    status, told, _ = ask(proxied, "/api/docs/", *headers)

    assert status == 200
    assert (SECURE in told) == is_secure

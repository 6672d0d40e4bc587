"""Behavior of both web servers over real sockets: see docs/operations/servers.md."""

import json
import signal
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from config.server import GRANIAN, SERVERS
from tests.support.live.server import TILL, run_server

pytestmark = [pytest.mark.live, pytest.mark.once, pytest.mark.django_db(transaction=True)]

LOG_IN = "/api/v1/auth/token/"
BODY = b'{"tenant": "green", "username": "c1", "password": "wrong"}'
HOST = "Host: localhost"
CLOSE = "Connection: close"
JSON = "Content-Type: application/json"
THREADS = 2
MIB = 1024 * 1024


@pytest.fixture(scope="module", params=SERVERS)
def software(request):
    return request.param


@pytest.fixture(scope="module")
def options(software):
    return {"SERVER": software, "WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS)}


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory, options):
    with run_server(tmp_path_factory.mktemp("web"), TILL, **options) as server:
        yield server


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def build_request(method, path, *headers):
    return "\r\n".join([f"{method} {path} HTTP/1.1", HOST, *headers, "", ""]).encode()


def receive(connection):
    """Return all bytes until the connection is closed or reset."""
    received = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def send(server, *parts):
    """Return the response to exactly these bytes."""
    with connect(server) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        return receive(connection)


def read_status(response):
    return int(response.split(b" ", 2)[1])


def read_problem(response):
    return json.loads(response.partition(b"\r\n\r\n")[2])


def post(length, *headers):
    return build_request("POST", LOG_IN, JSON, f"Content-Length: {length}", *headers)


def count_live(server):
    return read_status(send(server, build_request("GET", "/health/live/", CLOSE)))


def test_body_above_the_limit_is_answered_with_a_problem(server):
    body = b'"' + b"x" * (MIB - 1) + b'"'
    response = send(server, post(len(body), CLOSE), body)

    assert read_status(response) == 413
    assert read_problem(response)["code"] == "body_too_large"
    assert count_live(server) == 200


def test_body_far_above_the_limit_is_not_read(server):
    """The response may be lost, as the client is still sending when the connection is closed."""
    response = send(server, post(64 * MIB, CLOSE), b'"' + b"x" * (64 * MIB))

    assert not response or read_status(response) == 413
    assert count_live(server) == 200


def test_chunked_body_is_refused(server):
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    request = build_request("POST", LOG_IN, JSON, "Transfer-Encoding: chunked", CLOSE)
    response = send(server, request, chunks)

    assert read_status(response) == 411
    assert b'"length_required"' in response


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Content-Length: 5", f"Content-Length: {len(BODY)}"],
        [f"Content-Length: +{len(BODY)}"],
        ["Content-Length: -1"],
        [f"Content-Length : {len(BODY)}"],
    ],
    ids="; ".join,
)
def test_ambiguous_content_length_is_refused(server, headers):
    """Otherwise a proxy and the server could disagree about where a request ends."""
    hidden = build_request("GET", "/health/live/", CLOSE)
    response = send(server, build_request("POST", LOG_IN, JSON, *headers), BODY, hidden)

    assert response.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 411 ", b"HTTP/1.1 501 "))
    assert b"200 OK" not in response


@pytest.mark.parametrize(
    "header",
    ["X-A: b\r\n c", "X-A : b", "X-A: b\0c", "X-A: b\rX-B: c", "X A: b", ": b", "X-A"],
    ids=repr,
)
def test_malformed_header_is_refused(server, header):
    response = send(server, build_request("GET", "/health/live/", header, CLOSE))

    assert read_status(response) == 400


def test_too_many_headers_are_refused(server):
    headers = [f"X-{number}: a" for number in range(200)]
    response = send(server, build_request("GET", "/health/live/", *headers, CLOSE))

    assert read_status(response) == 431


def test_requests_on_one_connection_are_answered_in_order(server):
    paths = ["/health/live/", "/nowhere", "/health/live/"]
    requests = b"".join(build_request("GET", path) for path in paths)
    response = send(server, requests + build_request("GET", "/nowhere", CLOSE))

    lines = [line for line in response.split(b"\r\n") if b"HTTP/1.1 " in line]
    assert [int(line.rpartition(b"HTTP/1.1 ")[2][:3]) for line in lines] == [200, 404, 200, 404]


def test_response_to_head_has_no_body(server):
    response = send(server, build_request("HEAD", "/health/live/", CLOSE))

    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-length: 16" in head.lower()
    assert body == b""


def test_expect_header_is_answered_with_100_continue(server):
    with connect(server) as connection:
        connection.sendall(post(len(BODY), "Expect: 100-continue", CLOSE))
        interim = connection.recv(65_536)
        connection.sendall(BODY)
        response = receive(connection)

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert read_status(response) == 401


def test_slow_body_occupies_only_one_thread(server):
    """Each occupies a thread, so the proxy has to receive slow bodies first."""
    with ExitStack() as stack:
        for _ in range(THREADS - 1):
            slow = stack.enter_context(connect(server))
            slow.sendall(post(100) + b"{")
        time.sleep(0.5)

        assert count_live(server) == 200
    assert count_live(server) == 200


def test_slow_headers_occupy_threads_of_gunicorn_but_not_of_granian(server, software):
    """With gunicorn, the proxy has to receive slow headers first."""
    with ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(connect(server))
            slow.sendall(b"GET /health/live/ HTTP/1.1\r\nHost: loc")
        time.sleep(0.5)

        assert (server.status("/health/live/", 10.0) == 200) == (software == GRANIAN)
    server.until(server.is_live)


def test_sigterm_finishes_running_requests_and_refuses_new_ones(tmp_path, django_db_setup, options):
    with run_server(tmp_path, TILL, **options) as server:
        running = connect(server)
        running.sendall(post(len(BODY), CLOSE) + BODY[:10])
        idle = connect(server)
        idle.sendall(build_request("GET", "/health/live/"))
        assert read_status(idle.recv(65_536)) == 200
        time.sleep(0.5)

        server.popen.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while server.is_live():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.popen.poll() is None, "the running request is not finished"
        running.sendall(BODY[10:])
        response = receive(running)

        assert read_status(response) == 401
        assert read_problem(response)["code"] == "invalid_credentials"
        assert server.popen.wait(30) == 0


def test_granian_exits_if_a_worker_is_killed_twice_in_a_short_time(tmp_path, django_db_setup):
    """A supervisor has to restart granian; gunicorn always starts a new worker."""
    options = {"SERVER": GRANIAN, "WEB_CONCURRENCY": "1"}
    with run_server(tmp_path, TILL, **options) as server:
        (first,) = server.workers
        assert server.kill_worker()
        server.until(lambda: bool(set(server.workers) - {first}))
        assert server.kill_worker()

        assert server.popen.wait(30) == 1

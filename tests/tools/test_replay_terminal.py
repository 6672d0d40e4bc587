"""The terminal of the replay with lost connections and expired tokens."""

import pytest
from django.core.management import CommandError

from tests.support.scripted_server import BROKEN, TOKENS, Line, ScriptedServer, run_scripted_server
from tests.tools.replay_baskets.terminal import ATTEMPTS, LogIn, Terminal, ensure_server_answers

CREDENTIALS = LogIn(tenant="replay", username="replay", password="a secret of this run")
SALE = {"id": "1"}
SOLD: Line = (201, {"id": "1"}, {})
EXPIRED: Line = (401, {"code": "token_not_valid"}, {})


@pytest.fixture
def pauses() -> list[float]:
    return []


def create_terminal(server: ScriptedServer, pauses: list[float]) -> Terminal:
    return Terminal(server.url, CREDENTIALS, pause=pauses.append)


def test_terminal_logs_in_once_and_keeps_its_connection(pauses):
    with run_scripted_server(TOKENS, SOLD, SOLD) as server:
        terminal = create_terminal(server, pauses)
        answers = [terminal.post("orders/", SALE), terminal.post("orders/", SALE)]
        terminal.close()

    assert [answer.status for answer in answers] == [201, 201]
    assert server.received == [
        (
            "auth/token/",
            {"tenant": "replay", "username": "replay", "password": "a secret of this run"},
            None,
        ),
        ("orders/", SALE, "Bearer first"),
        ("orders/", SALE, "Bearer first"),
    ]
    assert len(server.connections) == 1
    assert pauses == []


@pytest.mark.parametrize(
    "failure",
    [
        BROKEN,
        (503, {"code": "unavailable"}, {}),
        (429, {"code": "throttled"}, {}),
        (502, b"<p>", {}),
    ],
    ids=["broken connection", "503", "429", "502 in HTML"],
)
def test_temporary_failure_is_retried(pauses, failure):
    with run_scripted_server(TOKENS, failure, failure, SOLD) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.retries) == (201, 2)
    assert [body for path, body, _ in server.received if path == "orders/"] == [SALE] * 3
    assert pauses == [0.1, 0.2]


def test_retry_after_is_respected(pauses):
    with run_scripted_server(
        TOKENS, (429, {"code": "throttled"}, {"Retry-After": "7"}), SOLD
    ) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.is_good
    assert pauses == [7]


def test_any_answer_with_retry_after_is_retried(pauses):
    underway: Line = (409, {"code": "payment_underway"}, {"Retry-After": "3"})
    with run_scripted_server(TOKENS, underway, SOLD) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.is_good
    assert pauses == [3]


def test_refusal_is_not_retried(pauses):
    with run_scripted_server(TOKENS, (409, {"code": "insufficient_stock"}, {})) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.code, answer.is_good) == (409, "insufficient_stock", False)
    assert pauses == []


def test_expired_token_is_refreshed(pauses):
    renewed: Line = (200, {"access": "second", "refresh": "next renewal"}, {})
    with run_scripted_server(TOKENS, EXPIRED, renewed, SOLD) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.status == 201
    assert server.received[1:] == [
        ("orders/", SALE, "Bearer first"),
        ("auth/token/refresh/", {"refresh": "renewal"}, None),
        ("orders/", SALE, "Bearer second"),
    ]


def test_failed_refresh_logs_in_again(pauses):
    with run_scripted_server(TOKENS, EXPIRED, EXPIRED, TOKENS, SOLD) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.status == 201
    paths = [path for path, _, _ in server.received]
    assert paths == ["auth/token/", "orders/", "auth/token/refresh/", "auth/token/", "orders/"]


def test_refused_login_raises(pauses):
    with run_scripted_server((401, {"code": "invalid_credentials"}, {})) as server:
        terminal = create_terminal(server, pauses)
        with pytest.raises(CommandError, match="401 invalid_credentials"):
            terminal.post("orders/", SALE)
        terminal.close()


def test_unavailable_server_is_given_up(pauses):
    with run_scripted_server(TOKENS, *[BROKEN] * ATTEMPTS) as server:
        terminal = create_terminal(server, pauses)
        with pytest.raises(CommandError, match="no longer answers"):
            terminal.post("orders/", SALE)
        terminal.close()

    assert len(server.received) == 1 + ATTEMPTS
    assert pauses == sorted(pauses)
    assert max(pauses) == 5


def test_busy_server_returns_its_last_refusal(pauses):
    with run_scripted_server(TOKENS, *[(503, {"code": "unavailable"}, {})] * ATTEMPTS) as server:
        terminal = create_terminal(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.code) == (503, "unavailable")


def test_repr_does_not_show_the_password():
    assert CREDENTIALS.password not in repr(CREDENTIALS)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://till.example", "http://"])
def test_invalid_url_is_refused(url):
    with pytest.raises(CommandError, match="is not an address"):
        Terminal(url, CREDENTIALS)


def test_path_prefix_of_the_url_is_kept(pauses):
    with run_scripted_server(TOKENS, SOLD) as server:
        terminal = Terminal(f"{server.url}/shops/", CREDENTIALS, pause=pauses.append)
        terminal.post("orders/", SALE)
        terminal.close()

    assert [path for path, _, _ in server.received] == [
        "/shops/api/v1/auth/token/",
        "/shops/api/v1/orders/",
    ]


def test_other_server_is_refused():
    with (
        run_scripted_server((404, b"", {})) as server,
        pytest.raises(CommandError, match="not a Till"),
    ):
        ensure_server_answers(server.url)

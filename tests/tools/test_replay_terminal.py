"""A terminal that loses connections and tokens, against a server that does as it is told."""

import pytest
from django.core.management import CommandError

from tests.support.scripted_server import BROKEN, TOKENS, Line, ScriptedServer, run_scripted_server
from tests.tools.replay_baskets.terminal import ATTEMPTS, LogIn, Terminal, ensure_somebody_answers

ME = LogIn(tenant="replay", username="replay", password="a secret of this run")
SALE = {"id": "1"}
SOLD: Line = (201, {"id": "1"}, {})
EXPIRED: Line = (401, {"code": "token_not_valid"}, {})


@pytest.fixture
def pauses() -> list[float]:
    return []


def terminal_at(server: ScriptedServer, pauses: list[float]) -> Terminal:
    return Terminal(server.url, ME, pause=pauses.append)


def test_it_logs_in_once_and_keeps_its_connection(pauses):
    with run_scripted_server(TOKENS, SOLD, SOLD) as server:
        terminal = terminal_at(server, pauses)
        answers = [terminal.post("orders/", SALE), terminal.post("orders/", SALE)]
        terminal.close()

    assert [answer.status for answer in answers] == [201, 201]
    assert server.asked == [
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
def test_it_asks_for_the_same_again_after_what_will_pass(pauses, failure):
    with run_scripted_server(TOKENS, failure, failure, SOLD) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.retries) == (201, 2)
    assert [body for path, body, _ in server.asked if path == "orders/"] == [SALE] * 3
    assert pauses == [0.1, 0.2]


def test_it_waits_as_long_as_the_server_asks_for(pauses):
    with run_scripted_server(
        TOKENS, (429, {"code": "throttled"}, {"Retry-After": "7"}), SOLD
    ) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.is_good
    assert pauses == [7]


def test_it_asks_again_whatever_the_server_wants_to_be_asked_again(pauses):
    underway: Line = (409, {"code": "payment_underway"}, {"Retry-After": "3"})
    with run_scripted_server(TOKENS, underway, SOLD) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.is_good
    assert pauses == [3]


def test_a_refusal_is_final(pauses):
    with run_scripted_server(TOKENS, (409, {"code": "insufficient_stock"}, {})) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.code, answer.is_good) == (409, "insufficient_stock", False)
    assert pauses == []


def test_it_renews_its_tokens_when_they_have_run_out(pauses):
    renewed: Line = (200, {"access": "second", "refresh": "next renewal"}, {})
    with run_scripted_server(TOKENS, EXPIRED, renewed, SOLD) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.status == 201
    assert server.asked[1:] == [
        ("orders/", SALE, "Bearer first"),
        ("auth/token/refresh/", {"refresh": "renewal"}, None),
        ("orders/", SALE, "Bearer second"),
    ]


def test_it_logs_in_again_when_they_cannot_be_renewed(pauses):
    with run_scripted_server(TOKENS, EXPIRED, EXPIRED, TOKENS, SOLD) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert answer.status == 201
    paths = [path for path, _, _ in server.asked]
    assert paths == ["auth/token/", "orders/", "auth/token/refresh/", "auth/token/", "orders/"]


def test_a_log_in_that_is_refused_ends_it(pauses):
    with run_scripted_server((401, {"code": "invalid_credentials"}, {})) as server:
        terminal = terminal_at(server, pauses)
        with pytest.raises(CommandError, match="401 invalid_credentials"):
            terminal.post("orders/", SALE)
        terminal.close()


def test_it_gives_up_a_server_that_is_gone(pauses):
    with run_scripted_server(TOKENS, *[BROKEN] * ATTEMPTS) as server:
        terminal = terminal_at(server, pauses)
        with pytest.raises(CommandError, match="does not answer any more"):
            terminal.post("orders/", SALE)
        terminal.close()

    assert len(server.asked) == 1 + ATTEMPTS
    assert pauses == sorted(pauses)
    assert max(pauses) == 5


def test_it_gives_back_the_refusal_of_a_server_that_stays_busy(pauses):
    with run_scripted_server(TOKENS, *[(503, {"code": "unavailable"}, {})] * ATTEMPTS) as server:
        terminal = terminal_at(server, pauses)
        answer = terminal.post("orders/", SALE)
        terminal.close()

    assert (answer.status, answer.code) == (503, "unavailable")


def test_the_password_is_not_in_its_own_words():
    assert ME.password not in repr(ME)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://till.example", "http://"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(CommandError, match="is not an address"):
        Terminal(url, ME)


def test_a_path_before_the_api_is_kept(pauses):
    with run_scripted_server(TOKENS, SOLD) as server:
        terminal = Terminal(f"{server.url}/shops/", ME, pause=pauses.append)
        terminal.post("orders/", SALE)
        terminal.close()

    assert [path for path, _, _ in server.asked] == [
        "/shops/api/v1/auth/token/",
        "/shops/api/v1/orders/",
    ]


def test_something_else_that_answers_is_no_till():
    with (
        run_scripted_server((404, b"", {})) as server,
        pytest.raises(CommandError, match="not a Till"),
    ):
        ensure_somebody_answers(server.url)

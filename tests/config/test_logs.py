import io
import json
import logging
import logging.config
import uuid
from copy import deepcopy
from unittest.mock import patch

import pytest
import structlog
import time_machine
from django.conf import settings as django_settings

from config.logging import REDACTED, logging_config, write_event

SECRET_VALUE = "LEAKMARK-secret"


@pytest.fixture
def configure_log():
    """Return a function that configures logging and returns the stream of the lines."""

    structlog.contextvars.clear_contextvars()  # context of a request of another test

    def configure(*, debug):
        stream = io.StringIO()
        config = deepcopy(logging_config(debug=debug, level="INFO"))
        config["handlers"]["console"]["stream"] = stream
        logging.config.dictConfig(config)
        return stream

    yield configure
    logging.config.dictConfig(django_settings.LOGGING)
    structlog.contextvars.clear_contextvars()


def read_lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_production_logs_are_json_lines(configure_log):
    stream = configure_log(debug=False)
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("till.test").info("sold", total="12.50", line="a\nb\x1b[2J")
    logging.getLogger("somebody.else").warning("careful, %s", "please")

    ours, theirs = read_lines(stream)
    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "sold",
        "total": "12.50",
        "line": "a\nb\x1b[2J",
        "level": "info",
        "logger": "till.test",
        "request_id": "r-1",
    }
    assert theirs == {
        "event": "careful, please",
        "level": "warning",
        "logger": "somebody.else",
        "request_id": "r-1",
    }


def test_development_logs_are_readable(configure_log):
    stream = configure_log(debug=True)

    structlog.get_logger("till.test").info("sold", total="12.50")

    assert "sold" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        read_lines(stream)


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("error_stream", "no_color", "colored"),
    [
        (Screen(), None, True),
        (Screen(), "", True),
        (Screen(), "1", False),
        (io.StringIO(), None, False),
    ],
)
def test_colors_are_used_only_in_a_terminal(
    configure_log, monkeypatch, error_stream, no_color, colored
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stderr", error_stream)
    stream = configure_log(debug=True)

    structlog.get_logger("till.test").warning("sold", total="12.50")

    assert ("\x1b[" in stream.getvalue()) == colored


@pytest.mark.parametrize(
    "name",
    [
        *("password", "current_password", "temporary_password", "pin", "PIN", "token", "access"),
        *("refresh", "access_token", "terminal_token", "Authorization", "client_secret", "Cookie"),
        *("JWT_SIGNING_KEY_secret", "csrftoken", "webhook-signature"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_secrets_are_redacted(configure_log, name, debug):
    stream = configure_log(debug=debug)

    structlog.get_logger("till.test").info(
        "x", **{name: SECRET_VALUE}, body={name: SECRET_VALUE, "lines": [{name: [SECRET_VALUE]}]}
    )

    assert SECRET_VALUE not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) == 3


def test_deeply_nested_values_are_not_logged(configure_log):
    stream = configure_log(debug=False)
    deep: object = SECRET_VALUE
    for _ in range(50):
        deep = {"a": [deep]}

    structlog.get_logger("till.test").info("x", deep=deep, pinned="yes", accessible="yes")

    (line,) = read_lines(stream)
    assert SECRET_VALUE not in stream.getvalue()
    assert (line["pinned"], line["accessible"]) == ("yes", "yes")


@pytest.mark.parametrize("debug", [False, True])
def test_traceback_shows_no_variables(configure_log, debug):
    stream = configure_log(debug=debug)

    def fail(password):
        raise RuntimeError("broken")

    try:
        fail(SECRET_VALUE)
    except RuntimeError:
        structlog.get_logger("till.test").exception("failed")
        logging.getLogger("somebody.else").exception("failed")

    assert stream.getvalue().count("RuntimeError: broken") == 2
    assert SECRET_VALUE not in stream.getvalue()


def test_django_warnings_and_the_development_server_are_not_logged(configure_log):
    stream = configure_log(debug=False)

    logging.getLogger("django.request").warning("Not Found: /x")
    logging.getLogger("django.server").info('"GET /?password=x HTTP/1.1" 200')
    logging.getLogger("django.request").error("Internal Server Error: /x")

    assert [line["event"] for line in read_lines(stream)] == ["Internal Server Error: /x"]


def test_lines_below_the_level_are_not_logged(configure_log):
    stream = configure_log(debug=False)

    structlog.get_logger("till.test").debug("detail")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("level", ["info", "error"])
def test_access_log_line_equals_the_one_of_structlog(configure_log, monkeypatch, debug, level):
    """`write_event` skips the processors of structlog and writes the same line."""
    stream = configure_log(debug=debug)
    structlog.contextvars.bind_contextvars(request_id="r-1", ip="192.0.2.7", token=SECRET_VALUE)
    facts = {"method": "GET", "path": '/a"b\n\u2028\x1b[2J/', "status": 200, "milliseconds": 0.1}
    facts |= {
        "password": SECRET_VALUE,
        "nested": {"pin": SECRET_VALUE, "a": [{"secret": SECRET_VALUE}]},
    }

    with time_machine.travel("2026-11-30T01:02:03.456789Z", tick=False):
        getattr(structlog.get_logger("till.access"), level)("request", **facts)
        logger = logging.getLogger("till.access")
        write_event(logger, getattr(logging, level.upper()), "request", **facts)

    by_structlog, by_us = stream.getvalue().splitlines()
    assert by_us == by_structlog
    assert SECRET_VALUE not in by_us


def test_access_log_line_respects_the_level(configure_log):
    stream = configure_log(debug=False)
    logger = logging.getLogger("till.access")

    write_event(logger, logging.DEBUG, "request")

    assert stream.getvalue() == ""


def test_access_log_writes_values_of_other_types_as_text(configure_log):
    stream = configure_log(debug=False)
    id = uuid.uuid4()

    write_event(logging.getLogger("till.access"), logging.INFO, "request", user=id)

    (line,) = read_lines(stream)
    assert line["user"] == str(id)


@pytest.mark.parametrize("level", ["info", "error"])
def test_access_log_line_without_secrets_equals_the_one_of_structlog(
    configure_log, monkeypatch, level
):
    """Without secrets, the line is written without a log record and a formatter."""
    stream = configure_log(debug=False)
    # Without the handlers of pytest, which need a record.
    only = [each for each in logging.root.handlers if type(each) is logging.StreamHandler]
    monkeypatch.setattr(logging.root, "handlers", only)
    structlog.contextvars.bind_contextvars(request_id="r-1", ip=None)
    facts = {"method": "GET", "path": '/a"b\n\u2028\x1b[2J/ü', "status": 200, "milliseconds": 0.1}

    with time_machine.travel("2026-11-30T01:02:03.456789Z", tick=False):
        getattr(structlog.get_logger("till.access"), level)("request", **facts)
        logger = logging.getLogger("till.access")
        with patch.object(logger, "handle", side_effect=AssertionError):
            write_event(logger, getattr(logging, level.upper()), "request", **facts)

    by_structlog, by_us = stream.getvalue().splitlines()
    assert by_us == by_structlog

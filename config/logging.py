"""Logging with structlog: JSON lines in production, readable lines in development.

django-structlog is not used: it logs query strings, which may contain secrets, trusts any request
id and logs each request twice.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

REDACTED = "[redacted]"
SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "signature")
SECRET_NAMES = frozenset({"pin", "access", "refresh", "api_key", "idempotency_key"})
MAX_DEPTH = 5
PLAIN_TYPES = (str, int, float, type(None))

add_timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
# Created once: `json.dumps` with options creates an encoder for each line.
encode_line = json.JSONEncoder(default=str).encode


def write_event(logger: logging.Logger, level: int, event: str, **facts: Any) -> None:
    """Write the line that structlog would write, for the one line that every request has.

    Skips structlog's chain and the search for the calling line. If the line has no secret and
    nothing else listens, it also skips the record and the formatter.
    """
    if not logger.isEnabledFor(level):
        return
    name = logging.getLevelName(level).lower()
    line = {**facts, "event": event}
    structlog.contextvars.merge_contextvars(logger, name, line)
    line |= {"level": name, "logger": logger.name}
    handler = find_json_handler(logger)
    if handler is not None and is_plain_line(line):
        with handler.lock:
            handler.stream.write(f"{encode_line(add_timestamp(logger, name, line))}\n")
            handler.flush()
        return
    record = logger.makeRecord(
        logger.name,
        level,
        "",
        0,
        add_timestamp(logger, name, line),
        (),
        None,
        extra={"_logger": logger, "_name": name},
    )
    logger.handle(record)


def find_json_handler(logger: logging.Logger) -> Any:
    """Return the only handler if it writes JSON lines to a stream, as LOGGING has it."""
    handlers = logging.root.handlers
    if logger.handlers or len(handlers) != 1 or type(handlers[0]) is not logging.StreamHandler:
        return None
    processors = getattr(handlers[0].formatter, "processors", None)
    return handlers[0] if processors and processors[-1] is render_json else None


def is_plain_line(line: EventDict) -> bool:
    """Return whether no name means a secret and no value contains other values."""
    if not all(type(value) in PLAIN_TYPES for value in line.values()):
        return False
    return not has_secret_name(tuple(line))


@lru_cache(maxsize=256)
def has_secret_name(names: tuple[str, ...]) -> bool:
    return any(is_secret(name) for name in names)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered in SECRET_NAMES or any(word in lowered for word in SECRET_WORDS)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace secrets in log entries, also in nested data that was logged by mistake."""
    return {name: _redacted(name, value, MAX_DEPTH) for name, value in event.items()}


def _redacted(name: object, value: Any, depth: int) -> Any:
    if is_secret(str(name)):
        return REDACTED
    if isinstance(value, Mapping):
        if not depth:
            return REDACTED
        return {key: _redacted(key, inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner, depth - 1) for inner in value] if depth else REDACTED
    return value


def logging_config(*, debug: bool, level: str) -> dict[str, Any]:
    """Configure structlog and return Django's LOGGING, so that both write the same lines."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        add_timestamp,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    redact,
                    *renderers(debug=debug),
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Replaces Django's handlers, one of which mails whole requests.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # One line per sale for other systems, at any LOG_LEVEL.
            "till.sales": {"level": "INFO"},
            # Logs every step of rendering a PDF.
            "weasyprint": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            # Client errors are in the access log.
            "django.request": {"level": "ERROR"},
            # The lines of the development server contain the query string.
            "django.server": {"handlers": [], "level": "CRITICAL", "propagate": True},
        },
    }


def has_colors() -> bool:
    """Return whether the log goes to a terminal and NO_COLOR is not set."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def renderers(*, debug: bool) -> list[Processor]:
    """Return renderers whose tracebacks omit local variables, which may contain passwords."""
    if debug:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=has_colors(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, render_json]


def render_json(_logger: object, _method: str, event: EventDict) -> str:
    return encode_line(event)

"""How Till writes its log: JSON lines in production, readable ones in development.

structlog does it, without its Django package: that one writes query strings, in which people put
secrets, believes any request id and writes each request twice.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

REDACTED = "[redacted]"
SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "signature")
SECRET_NAMES = frozenset({"pin", "access", "refresh", "api_key", "idempotency_key"})
DEPTH = 5


def is_secret(name: object) -> bool:
    lowered = str(name).lower()
    return lowered in SECRET_NAMES or any(word in lowered for word in SECRET_WORDS)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """What must not be in a log is not, also when somebody logs a whole body by mistake."""
    return {name: _redacted(name, value, DEPTH) for name, value in event.items()}


def _redacted(name: object, value: Any, depth: int) -> Any:
    if is_secret(name):
        return REDACTED
    if isinstance(value, Mapping):
        if not depth:
            return REDACTED
        return {key: _redacted(key, inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner, depth - 1) for inner in value] if depth else REDACTED
    return value


def logging_config(*, debug: bool, level: str) -> dict[str, Any]:
    """Configures structlog, and returns Django's LOGGING so that both write the same lines."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
            # Replaces Django's own handlers, one of which mails whole requests.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # One line for each sale, for other systems to read: not less at a higher level.
            "till.sales": {"level": "INFO"},
            # Tells every step of every page that is drawn.
            "weasyprint": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            # Refusals have their line in the access log.
            "django.request": {"level": "ERROR"},
            # The development server's line shows the query string.
            "django.server": {"handlers": [], "level": "CRITICAL", "propagate": True},
        },
    }


def has_colors() -> bool:
    """Return whether somebody looks at the log (a file has no use for colors) and wants them."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def renderers(*, debug: bool) -> list[Processor]:
    """Tracebacks without the values of variables: among them are passwords."""
    if debug:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=has_colors(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]

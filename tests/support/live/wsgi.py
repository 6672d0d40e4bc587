"""The WSGI application of servers under test: it names the route of each answer before Django."""

from typing import Any

# First, because it sets up Django.
from config.wsgi import application  # isort: skip
from config import fast_entry
from tests.support.live import FAST_HEADER

__all__ = ["application"]

_encode_answer = fast_entry.encode_answer


def _encode_and_name(route: Any, *arguments: Any) -> Any:
    headers, body = _encode_answer(route, *arguments)
    return [*headers, (FAST_HEADER, route.name)], body


fast_entry.encode_answer = _encode_and_name

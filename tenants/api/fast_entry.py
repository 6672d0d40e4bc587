"""Requests that are answered before Django: what is read of them, and what is answered.

A fast entry finds the route, reads, calls the same services and renderers as the view, and writes
the answer. It returns None for everything unusual and for every error: then the view answers. So
every refusal is written once, by the view.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from tenants.api.conditional import has_current

# An empty header accepts nothing, other than none.
ACCEPTED = frozenset({"*/*", "application/json"})
# Headers with a meaning of their own for the answer.
UNUSUAL_HEADERS = (
    "HTTP_X_TENANT_ID",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_CONTENT_ENCODING",
    "HTTP_IF_MATCH",
)
PARAMETER = re.compile(r"([a-z_]{1,32})=([A-Za-z0-9._~:%,+-]{1,7400})")
BEARER = re.compile(r"Bearer ([A-Za-z0-9._-]{20,4096})")
UUID_LENGTH = 36
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ONE = "<id>/"
OK, NOT_MODIFIED = "200 OK", "304 Not Modified"

# How often each route was answered here, for tests and for `make bench`.
hits: Counter[str] = Counter()
encode = msgspec.json.Encoder().encode


class FastRequest(NamedTuple):
    """A request without anything unusual. `id` is that of the path."""

    environ: dict[str, Any]
    token: str
    query: Mapping[str, str]
    id: str | None

    @property
    def if_none_match(self) -> str | None:
        return self.environ.get("HTTP_IF_NONE_MATCH")

    @property
    def base(self) -> str:
        """Return scheme and host for absolute links."""
        return f"{read_scheme(self.environ)}://{self.environ['HTTP_HOST']}"

    @property
    def url(self) -> str:
        query = self.environ.get("QUERY_STRING", "")
        return f"{self.base}{self.environ['PATH_INFO']}{'?' if query else ''}{query}"


class FastAnswer(NamedTuple):
    """The answer of a view, with the ids for the access log."""

    body: bytes
    user: str
    tenant: str
    session: str
    status: str = OK
    headers: tuple[tuple[str, str], ...] = ()

    def with_etag(self, etag: str, request: FastRequest) -> "FastAnswer":
        """Return the answer with its tag, or 304 to a client that has it."""
        tagged = self._replace(headers=(("ETag", etag),))
        if has_current(request.if_none_match, etag):
            return tagged._replace(status=NOT_MODIFIED, body=b"")
        return tagged


Handler = Callable[[FastRequest], FastAnswer | None]


class Route(NamedTuple):
    """A handler, and the header `Allow` of its view."""

    name: str
    handler: Handler
    allow: str


def find_route(
    routes: Mapping[tuple[str, str], Route], environ: Mapping[str, Any]
) -> tuple[Route | None, str | None]:
    """Return the route of a request, and the id in its path."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    route = routes.get((method, path))
    if route is not None or len(path) <= UUID_LENGTH:
        return route, None
    base, pk = path[: -UUID_LENGTH - 1], path[-UUID_LENGTH - 1 : -1]
    route = routes.get((method, base + ONE))
    if route is None or path[-1] != "/" or not UUID.fullmatch(pk):
        return None, None
    return route, pk


def read_request(environ: dict[str, Any], pk: str | None) -> FastRequest | None:
    """Return a request that a fast entry may answer, or None for anything unusual."""
    for name in UNUSUAL_HEADERS:
        if name in environ:
            return None
    bearer = BEARER.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    if bearer is None or environ.get("HTTP_ACCEPT", "*/*") not in ACCEPTED:
        return None
    if environ.get("SCRIPT_NAME") or not is_allowed_host(environ.get("HTTP_HOST", "")):
        return None
    scheme = read_scheme(environ)
    if scheme is None or (settings.SECURE_SSL_REDIRECT and scheme != "https"):
        return None
    query = read_query(environ.get("QUERY_STRING", ""))
    return None if query is None else FastRequest(environ, bearer[1], query, pk)


def read_query(text: str) -> dict[str, str] | None:
    """Return the parameters, or None unless each is plain and given once."""
    found: dict[str, str] = {}
    if not text:
        return found
    for part in text.split("&"):
        pair = PARAMETER.fullmatch(part)
        if pair is None or pair[1] in found:
            return None
        found[pair[1]] = value = pair[2].replace("+", " ")
        if "%" in value:
            try:
                found[pair[1]] = unquote_to_bytes(value).decode()
            except UnicodeDecodeError:
                return None
    return found


def read_scheme(environ: Mapping[str, Any]) -> str | None:
    """Return http or https; None where a proxy says something else."""
    name, _ = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or ("", "")
    sent = environ.get(name) if name else None
    if sent is None:
        return str(environ["wsgi.url_scheme"])
    return sent if sent in {"http", "https"} else None


def is_allowed_host(host: str) -> bool:
    return _is_allowed_host(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=256)
def _is_allowed_host(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def render_json(data: Any) -> bytes:
    """Return the bytes that DRF's JSONRenderer writes."""
    text: bytes = encode(data)
    # Searching takes as long as writing, and most responses are ASCII.
    if not text.isascii() and b"\xe2\x80" in text:
        text = text.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return text

"""The WSGI entry that answers frequent requests before Django, with the same headers and log line.

`FAST_PATHS=off` switches it off.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from accounts.client_info import find_client_ip
from accounts.fast_entries import changes, me
from config.compression import CompressionMiddleware, compress, is_compressible
from config.logging import write_event
from config.middleware import (
    REQUEST_ID_FORMAT,
    ApiMiddleware,
    NoStoreMiddleware,
    OriginsMiddleware,
    access_log,
)
from orders.fast_entries import orders, products, sale, stock
from tenants.api.fast_entry import (
    NOT_MODIFIED,
    OK,
    ONE,
    FastAnswer,
    Route,
    find_route,
    hits,
    read_request,
    read_scheme,
)
from tenants.database.postgres import pipeline

Application = Callable[[dict[str, Any], Any], Any]
Headers = list[tuple[str, str]]

API = "/api/v1/"
LIST_ALLOW = "GET, POST, HEAD, OPTIONS"
ONE_ALLOW = "GET, PATCH, HEAD, OPTIONS"
READ_ALLOW = "GET, HEAD, OPTIONS"
log = structlog.get_logger("till.fast_entry")


def build_routes() -> dict[tuple[str, str], Route]:
    routes = (
        ("GET", "products/", products.list_products, LIST_ALLOW),
        ("GET", f"products/{ONE}", products.retrieve_product, ONE_ALLOW),
        ("GET", "stock/", stock.list_stock, READ_ALLOW),
        ("GET", "changes/", changes.list_changes, READ_ALLOW),
        ("GET", "auth/me/", me.retrieve_profile, ONE_ALLOW),
        ("GET", "orders/", orders.list_orders, LIST_ALLOW),
        ("GET", f"orders/{ONE}", orders.retrieve_order, ONE_ALLOW),
        ("POST", "orders/", sale.create_order, LIST_ALLOW),
    )
    return {
        (method, API + path): Route(f"{method} {path}", handler, allow)
        for method, path, handler, allow in routes
    }


ROUTES = build_routes()


def with_fast_entry(application: Application) -> Application:
    """Wrap the WSGI application: answer what a fast entry can answer, and pass on the rest."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        route, pk = find_route(ROUTES, environ)
        if route is not None and settings.FAST_PATHS:
            body = answer_fast(route, pk, environ, start_response)
            if body is not None:
                return body
        passed: Iterable[bytes] = application(environ, start_response)
        return passed

    return answer


def answer_fast(
    route: Route, pk: str | None, environ: dict[str, Any], start_response: Any
) -> list[bytes] | None:
    started = time.perf_counter()
    answer = find_answer(route, pk, environ)
    if answer is None:
        return None
    hits[route.name] += 1
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    request_id = sent if REQUEST_ID_FORMAT.fullmatch(sent) else secrets.token_hex(16)
    headers, body = encode_answer(route, environ, answer, request_id)
    start_response(answer.status, headers)
    write_event(
        access_log,
        logging.INFO,
        "request",
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        status=int(answer.status[:3]),
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
        user=answer.user,
        tenant=answer.tenant,
        request_id=request_id,
        ip=find_client_ip(environ),
        session=answer.session,
    )
    return [body]


def find_answer(route: Route, pk: str | None, environ: dict[str, Any]) -> FastAnswer | None:
    """Return the answer, or None to let the view answer. Leaves no transaction open."""
    request = read_request(environ, pk)
    if request is None:
        return None
    try:
        return route.handler(request)
    except Exception:
        # The view can answer it; what is wrong here must be seen all the same.
        log.exception("fast_entry_failed", route=route.name)
        return None
    finally:
        pipeline.rollback()


# --- headers and log line -------------------------------------------------------------------------


def encode_answer(
    route: Route, environ: dict[str, Any], answer: FastAnswer, request_id: str
) -> tuple[Headers, bytes]:
    """Return the headers that the middleware sets, in its order, and the body as it is sent."""
    names = tuple(name for name, _ in answer.headers)
    body, values = answer.body, dict(answer.headers)
    # Of the tag only its kind matters here.
    tag = values.get("ETag", "")[:1]
    template, is_compressed = build_header_template(
        route, answer.status, read_scheme(environ) or "", names, read_origin(environ), tag
    )
    encoding = environ.get("HTTP_ACCEPT_ENCODING", "") if is_compressed else ""
    compressed = compress(body, encoding) if encoding else None
    values["Content-Length"] = str(len(compressed or body))
    headers = [(name, values.get(name, value)) for name, value in template]
    if compressed is not None:
        place = next(place for place, (name, _) in enumerate(headers) if name == "Vary")
        headers.insert(place + 1, ("Content-Encoding", "gzip"))
    return [*headers, ("X-Request-ID", request_id)], compressed or body


def read_origin(environ: dict[str, Any]) -> str | None:
    """Return an allowed origin, empty for any other; None if no origin is allowed."""
    allowed = settings.CORS_ALLOWED_ORIGINS
    if not allowed:
        return None
    origin = environ.get("HTTP_ORIGIN", "")
    return origin if origin in allowed else ""


class RequestOfScheme(HttpRequest):
    """A request that says by which scheme it came, for the headers that depend on it."""

    sent_scheme = "http"

    def _get_scheme(self) -> str:
        return self.sent_scheme


@lru_cache(maxsize=256)
def build_header_template(
    route: Route,
    status: str,
    scheme: str,
    header_names: tuple[str, ...],
    origin: str | None,
    tag: str,
) -> tuple[Headers, bool]:
    """Return the headers of an empty response after all middleware, and if it is compressible."""
    request = RequestOfScheme()
    request.sent_scheme = scheme
    request.method, path = route.name.split(" ")
    request.path = request.path_info = API + path
    if origin:
        request.META["HTTP_ORIGIN"] = origin

    def respond(_: HttpRequest) -> HttpResponse:
        response = (
            HttpResponseNotModified()
            if status == NOT_MODIFIED
            else HttpResponse(content_type="application/json")
        )
        for name in (*header_names, "Allow"):
            response[name] = tag if name == "ETag" else route.allow
        return middleware.add_headers(request, response)

    middleware = ApiMiddleware(respond)
    response = OriginsMiddleware(NoStoreMiddleware(CompressionMiddleware(respond)))(request)
    is_compressed = status == OK and is_compressible(request.method, request.path, tag)
    return list(response.items()), is_compressed

"""Compression of answers of the API.

Compressed answers reveal by their length whether a guess in them equals a secret in them (BREACH).
So all are compressed that hold no token, password, PIN or code, also not a part of one: reads,
except those below `SECRET_PREFIXES`, and the writes in `COMPRESSED_WRITES`. Other writes may show a
secret once. HttpResponses with a strong ETag are not compressed, because it names exact bytes.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from tenants.api.compression import GZIP_FORMAT, accepts_gzip

GetResponse = Callable[[HttpRequest], HttpResponse]

PREFIX = "/api/"
# Their answers hold a secret or a part of one: tokens and sessions; stored answers of any request;
# temporary passwords; the last characters of keys; addresses of webhooks, which may contain a
# token; the last characters of gift cards.
SECRET_PREFIXES = tuple(
    f"/api/v1/{name}/"
    for name in ("auth", "idempotency", "users", "service-keys", "webhooks", "store-credits")
)
# Large answers to writes that never show a secret.
COMPRESSED_WRITES = frozenset(
    f"/api/v1/{name}/"
    for name in ("orders/calculate", "prices/batch", "products/import", "stock/movements/batch")
)
# PDF documents and images are compressed already.
TEXT = re.compile(r"text/|application/(?:[\w.]+\+)?(?:json|yaml|vnd\.oai\.openapi)")
SUCCESS = frozenset({200, 201})
MIN_LENGTH = 1024
# Twice as fast as the default of 6 for a tenth more bytes.
LEVEL = 3


def is_compressible(method: str | None, path: str, etag: str) -> bool:
    """Return whether an answer with this ETag, or none, may be compressed."""
    if not path.startswith(PREFIX) or path.startswith(SECRET_PREFIXES):
        return False
    may_method = method == "GET" or (method == "POST" and path in COMPRESSED_WRITES)
    return may_method and not etag.startswith('"')


def compress(body: bytes, accept_encoding: str) -> bytes | None:
    """Return the body as gzip, or None if it is short or the client does not accept that."""
    if len(body) < MIN_LENGTH or not accepts_gzip(accept_encoding):
        return None
    compressor = zlib.compressobj(LEVEL, wbits=GZIP_FORMAT)
    return compressor.compress(body) + compressor.flush()


def compress_stream(blocks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(LEVEL, wbits=GZIP_FORMAT)
    for block in blocks:
        if compressed := compressor.compress(block):
            yield compressed
    yield compressor.flush()


class CompressionMiddleware:
    """Compresses answers of the API for clients that accept gzip."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if may_be_compressed(request, response):
            patch_vary_headers(response, ["Accept-Encoding"])
            compress_response(response, request.headers.get("Accept-Encoding", ""))
        return response


def may_be_compressed(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether this is a text without a secret, which the view has not compressed itself."""
    return (
        response.status_code in SUCCESS
        and is_compressible(request.method, request.path, response.headers.get("ETag", ""))
        and TEXT.match(response.headers.get("Content-Type", "")) is not None
        and not response.has_header("Content-Encoding")
    )


def compress_response(response: Any, accept_encoding: str) -> None:
    if response.streaming:
        if accepts_gzip(accept_encoding):
            response.streaming_content = compress_stream(response.streaming_content)
            response["Content-Encoding"] = "gzip"
        return
    body = compress(response.content, accept_encoding)
    if body is not None:
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(body))
        response.content = body

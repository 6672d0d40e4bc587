"""Strict parsers of request bodies: reject what two parsers could read differently.

Duplicate keys, NUL, lone surrogates, NaN, huge numbers and deep nesting are answered with 400
before any serializer runs.
"""

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NoReturn
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser, FormParser, JSONParser

from tenants.exceptions import FieldError

MAX_DEPTH = 32
MAX_DIGITS = 40
MAX_FORM_FIELDS = 50
SHOWN = 100
PLAIN_ENCODINGS = frozenset({"", "identity"})

# Possessive quantifiers avoid backtracking: the match takes linear time, also without a closing
# quote.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
SQUARE = bytes.maketrans(b"{}", b"[]")
# Surrogate pairs are matched first, so that the named groups find only NUL and lone surrogates.
ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<nul>\\u0000)|(?P<surrogate>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


class MalformedBody(ParseError):
    """The body is malformed or ambiguous; `errors` may name the place."""

    def __init__(self, code: str, detail: str, *errors: FieldError) -> None:
        super().__init__(detail, code)
        self.errors = errors


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body must not exceed {limit} bytes.")
        self.facts = {"max_bytes": limit}


class UnsupportedEncoding(UnsupportedMediaType):
    default_code = "unsupported_content_encoding"

    def __init__(self) -> None:
        super().__init__("", "Content-Encoding is not supported. Send the body unencoded.")


class LimitedBodyParser(ABC, BaseParser):
    """Reads the body up to the size limit, which a view raises with `max_body_bytes`.

    Mixed with DRF's parsers it gets Django's buffered body, so that `request.body` can still be
    read afterwards.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return self.read(read_body(stream, media_type, parser_context or {}))

    @abstractmethod
    def read(self, body: bytes) -> Any:
        """Return the data of the body, or raise MalformedBody."""


class StrictJSONParser(LimitedBodyParser, JSONParser):
    """JSON in UTF-8, of limited depth, without duplicate keys."""

    def read(self, body: bytes) -> Any:
        return read_json(body)


class StrictFormParser(LimitedBodyParser, FormParser):
    """A URL-encoded form without duplicate fields, for OAuth 2.0. Returns a plain dict."""

    def read(self, body: bytes) -> Any:
        return read_form(body)


def read_body(stream: IO[Any], media_type: str | None, context: Mapping[str, Any]) -> bytes:
    """Read at most the size limit of the view, also if Content-Length is wrong."""
    ensure_utf8(media_type or "")
    ensure_not_encoded(context)
    limit = max_body_size(context)
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge(limit)
    return body


def max_body_size(context: Mapping[str, Any]) -> int:
    """Return the size limit of the view in bytes."""
    limit: int | None = getattr(context.get("view"), "max_body_bytes", None)
    return limit or settings.API_MAX_BODY_BYTES


def ensure_not_encoded(context: Mapping[str, Any]) -> None:
    request = context.get("request")
    if request and request.META.get("HTTP_CONTENT_ENCODING", "").lower() not in PLAIN_ENCODINGS:
        raise UnsupportedEncoding


def ensure_utf8(media_type: str) -> None:
    if ";" not in media_type:
        return
    try:
        charset = parse_header_parameters(media_type)[1].get("charset", "utf-8")
    except ValueError:
        charset = ""
    if charset.lower() not in {"utf-8", "utf8"}:
        raise MalformedBody("unsupported_charset", "The charset must be UTF-8.")


def read_json(body: bytes) -> Any:
    text = decode_utf8(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        ensure_depth(body)
    if "\\u" in text:
        ensure_scalar_values(text)
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedBody(
            "malformed_json", f"{error.msg}: line {error.lineno}, column {error.colno}."
        ) from error


def decode_utf8(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody(
            "malformed_encoding", f"Invalid UTF-8 at byte {error.start}."
        ) from error


def ensure_depth(body: bytes) -> None:
    """Reject nesting beyond MAX_DEPTH without recursion: remove innermost pairs level by level.

    What remains is nested deeper or never closed; a few unclosed brackets are left to the decoder.
    """
    brackets = STRING.sub(b"", body).translate(SQUARE, NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise MalformedBody("too_deep", f"The body is nested more than {MAX_DEPTH} levels deep.")


def ensure_scalar_values(text: str) -> None:
    for escape in ESCAPE.finditer(text):
        if escape["nul"]:
            reject_nul()
        if escape["surrogate"]:
            raise MalformedBody("lone_surrogate", "A lone surrogate is not a valid character.")


def reject_nul() -> NoReturn:
    raise MalformedBody("nul_character", "The NUL character is not allowed.")


def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        reject_duplicate(key for key, _ in pairs)
    return result


def reject_duplicate(keys: Iterable[str]) -> NoReturn:
    twice, _ = Counter(keys).most_common(1)[0]
    error = FieldError(twice[:SHOWN], "duplicate_key", "Must be given only once.")
    raise MalformedBody("duplicate_key", "The body contains a duplicate key.", error)


def read_integer(literal: str) -> int:
    if len(literal) > MAX_DIGITS:
        reject_number()
    return int(literal)


def read_fraction(literal: str) -> Decimal:
    """Return the exact number, of limited size, for a field to accept or reject."""
    if len(literal) > MAX_DIGITS:
        reject_number()
    try:
        number = Decimal(literal)
    except InvalidOperation:
        reject_number()
    if abs(number.adjusted()) > MAX_DIGITS:
        reject_number()
    return number


def reject_number() -> NoReturn:
    raise MalformedBody("number_out_of_range", f"Numbers must not exceed {MAX_DIGITS} digits.")


def reject_constant(literal: str) -> NoReturn:
    raise MalformedBody("malformed_json", f"{literal} is not valid JSON.")


# Shared by all requests: creating a decoder costs more than reading a small body.
DECODER = json.JSONDecoder(
    object_pairs_hook=build_object,
    parse_int=read_integer,
    parse_float=read_fraction,
    parse_constant=reject_constant,
)


def read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            decode_utf8(body),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(
            "malformed_encoding", "A percent-encoded value is not valid UTF-8."
        ) from error
    except ValueError as error:
        raise MalformedBody(
            "malformed_form", f"A form must not exceed {MAX_FORM_FIELDS} fields."
        ) from error
    if any("\0" in key or "\0" in value for key, value in pairs):
        reject_nul()
    return build_object(pairs)

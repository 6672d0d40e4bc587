"""Conditional reads: entity tags, and 304 for a client that has the current answer."""

from hashlib import blake2b
from typing import Any

from django.http import HttpResponseBase, HttpResponseNotModified
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

# Of 304 responses; middleware sets the others.
KEPT_HEADERS = ("ETag", "Allow")


def build_version_etag(version: int) -> str:
    """Return the strong tag of a row, which If-Match accepts."""
    return f'"{version}"'


def build_body_etag(body: bytes) -> str:
    """Return the tag of a list. It is weak, because a compressed answer has the same one."""
    return f'W/"{blake2b(body, digest_size=12).hexdigest()}"'


def has_current(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match contains this tag, by the weak comparison of RFC 9110."""
    if if_none_match is None:
        return False
    tags = parse_etags(if_none_match)
    return "*" in tags or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}


def answer_if_changed(request: Request, response: Response) -> Response:
    """Return 304 instead of a response whose ETag the client has."""
    etag = response["ETag"]
    if not has_current(request.headers.get("If-None-Match"), etag):
        return response
    return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})


def tag_list(request: Request, response: Response) -> Response:
    """Set the ETag of a list when it is rendered, or answer 304 to a client that has it."""
    # Reserves its place among the headers.
    response["ETag"] = ""

    def tag(rendered: Any) -> HttpResponseBase | None:
        etag = build_body_etag(rendered.content)
        rendered["ETag"] = etag
        if not has_current(request.headers.get("If-None-Match"), etag):
            return None
        unchanged = HttpResponseNotModified()
        for name in KEPT_HEADERS:
            unchanged[name] = rendered[name]
        return unchanged

    response.add_post_render_callback(tag)
    return response

"""File uploads and CSV responses, streamed rather than held in memory."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any, cast

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from tenants.api.parsers import (
    SHOWN,
    BodyTooLarge,
    MalformedBody,
    ensure_not_encoded,
    ensure_utf8,
    max_body_size,
)
from tenants.exceptions import FieldError, Invalid

FIELD = "file"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Larger files are written to disk.
MAX_IN_MEMORY = 1024 * 1024
CHUNK_SIZE = 64 * 1024


class FileFormParser(MultiPartParser):
    """A multipart form with one file, and the text fields that the view names `form_fields`."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = dict(parser_context or {})
        ensure_readable(context)
        try:
            form = super().parse(stream, media_type, cast(Any, context))
        except ParseError as error:
            raise MalformedBody(
                "malformed_form", "The body must be a multipart form with one file."
            ) from error
        allowed = getattr(context.get("view"), "form_fields", ())
        unknown = [name for name in form.data if name not in allowed]
        unknown += [name for name in form.files if name != FIELD]
        if unknown:
            detail = "Unknown field."
            raise Invalid(
                errors=tuple(FieldError(name[:SHOWN], "unknown_field", detail) for name in unknown)
            )
        files = form.files.getlist(FIELD)
        if len(files) > 1:
            raise Invalid.field(FIELD, "Must be a single file.", code="duplicate_key")
        repeated = [name for name in form.data if len(form.data.getlist(name)) > 1]
        if repeated:
            raise Invalid.field(repeated[0], "Must be given once.", code="duplicate_key")
        return {**form.data.dict(), **({FIELD: files[0].file} if files else {})}


class FileParser(BaseParser):
    """Parses a request body that is a file of `media_type`."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return read_file(stream, parser_context or {})


class XLSXParser(FileParser):
    media_type = XLSX


class PNGParser(FileParser):
    media_type = "image/png"


class JPEGParser(FileParser):
    media_type = "image/jpeg"


class WebPParser(FileParser):
    media_type = "image/webp"


class CSVParser(FileParser):
    media_type = CSV

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        ensure_utf8(media_type or "")
        return super().parse(stream, media_type, parser_context)


def read_file(stream: IO[Any], context: Mapping[str, Any]) -> dict[str, Any]:
    ensure_readable(context)
    file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115  (read by the view)
    while piece := stream.read(CHUNK_SIZE):
        file.write(piece)
    return {FIELD: file}


class CSVRenderer(BaseRenderer):
    """Content negotiation for CSV; the view returns its own streaming response."""

    media_type = CSV
    format = "csv"


def stream_csv(text: Iterable[str], *, filename: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{filename}"',
            "Cache-Control": "no-store",
        },
    )


def build_file_response(content: bytes, content_type: str, filename: str) -> HttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(content, content_type=content_type, headers=headers)


def ensure_readable(context: Mapping[str, Any]) -> None:
    """Reject encoded and oversized bodies. WSGI reads nothing beyond Content-Length."""
    ensure_not_encoded(context)
    limit = max_body_size(context)
    if int(context["request"].META.get("CONTENT_LENGTH") or 0) > limit:
        raise BodyTooLarge(limit)


def get_uploaded_file(request: Request) -> IO[bytes]:
    """Return the uploaded file."""
    file = cast(dict[str, Any], request.data).get(FIELD)
    if file is None:
        raise Invalid.field(FIELD, "A file is required.", code="required")
    return cast(IO[bytes], file)


def get_form_fields(request: Request) -> dict[str, Any]:
    """Return the text fields beside the uploaded file."""
    data = cast(dict[str, Any], request.data)
    return {name: value for name, value in data.items() if name != FIELD}


def hash_file(file: IO[bytes]) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # a real file

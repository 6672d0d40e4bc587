"""Files that are sent, and files that are answered: streamed, and never in memory as a whole."""

import hashlib
import tempfile
from collections.abc import Mapping
from typing import IO, Any, cast

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
# Larger files lie on the disk.
MAX_IN_MEMORY = 1024 * 1024
CHUNK_SIZE = 64 * 1024


class FileFormParser(MultiPartParser):
    """A form of one field, the file."""

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
            raise MalformedBody("malformed_form", "This is not a form with a file.") from error
        unknown = [*form.data, *(name for name in form.files if name != FIELD)]
        if unknown:
            detail = "There is no such field."
            raise Invalid(
                errors=tuple(FieldError(name[:SHOWN], "unknown_field", detail) for name in unknown)
            )
        files = form.files.getlist(FIELD)
        if len(files) > 1:
            raise Invalid.field(FIELD, "One file at a time.", code="duplicate_key")
        return {FIELD: files[0].file} if files else {}


class CSVParser(BaseParser):
    """The file alone, as the whole body."""

    media_type = CSV

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        ensure_utf8(media_type or "")
        ensure_readable(parser_context or {})
        file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115  (read by the view)
        while piece := stream.read(CHUNK_SIZE):
            file.write(piece)
        return {FIELD: file}


class CSVRenderer(BaseRenderer):
    """Lets a client ask for CSV; the view answers with a stream of its own."""

    media_type = CSV
    format = "csv"


def ensure_readable(context: Mapping[str, Any]) -> None:
    """Not encoded, and no longer than the view takes: nothing is read beyond Content-Length."""
    ensure_not_encoded(context)
    limit = max_body_size(context)
    if int(context["request"].META.get("CONTENT_LENGTH") or 0) > limit:
        raise BodyTooLarge(limit)


def get_uploaded_file(request: Request) -> IO[bytes]:
    """The file that was sent."""
    file = cast(dict[str, Any], request.data).get(FIELD)
    if file is None:
        raise Invalid.field(FIELD, "Send a file.", code="required")
    return cast(IO[bytes], file)


def hash_file(file: IO[bytes]) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # a real file

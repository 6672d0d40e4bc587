"""Answers of many lines of JSON, which are written completely before the first byte is sent."""

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer

from tenants.api.compression import GZIP_FORMAT, accepts_gzip

NDJSON = "application/x-ndjson"
LEVEL = 3
# Larger files are written to disk.
MAX_IN_MEMORY = 1024 * 1024
CHUNK_SIZE = 64 * 1024


class NDJSONRenderer(BaseRenderer):
    """Content negotiation for lines of JSON; the view returns its own streaming response."""

    media_type = NDJSON
    format = "ndjson"


def write_compressed(blocks: Iterable[bytes]) -> IO[bytes]:
    """Return a file with the blocks as gzip, so that a slow client keeps no transaction open."""
    file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115  (closed when sent)
    compressor = zlib.compressobj(LEVEL, wbits=GZIP_FORMAT)
    for block in blocks:
        file.write(compressor.compress(block))
    file.write(compressor.flush())
    return file


def stream_ndjson(file: IO[bytes], accept_encoding: str, **headers: str) -> StreamingHttpResponse:
    """Return the compressed file as it is, or decompressed for a client that needs that."""
    response = StreamingHttpResponse(content_type=NDJSON, headers=headers)
    response["Vary"] = "Accept-Encoding"
    if accepts_gzip(accept_encoding):
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(file.tell())
        response.streaming_content = read_chunks(file)
    else:
        response.streaming_content = decompress(read_chunks(file))
    return response


def read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK_SIZE):
            yield chunk


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield at most CHUNK_SIZE bytes at once: short input may have long output."""
    decompressor: Any = zlib.decompressobj(wbits=GZIP_FORMAT)
    for chunk in chunks:
        rest = chunk
        while rest:
            yield decompressor.decompress(rest, CHUNK_SIZE)
            rest = decompressor.unconsumed_tail
    yield decompressor.flush()

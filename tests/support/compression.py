"""Decompressed bodies of responses."""

import gzip
from typing import Any


def unpack(response: Any) -> bytes:
    body: bytes = response.content
    is_packed = response.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(body) if is_packed else body

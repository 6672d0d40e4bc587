"""What a client accepts as compression."""

import re

ACCEPTS_GZIP = re.compile(
    r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?:1(?:\.0*)?|0?\.\d*[1-9]\d*))?\s*(?:,|$)"
)
# The window of zlib, with the header and the checksum of gzip.
GZIP_FORMAT = 31


def accepts_gzip(accept_encoding: str) -> bool:
    return ACCEPTS_GZIP.search(accept_encoding.lower()) is not None

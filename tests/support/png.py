"""PNG images for tests."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, color: int = 0, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def build_png(width: int = 16, height: int = 8, *, extra: bytes = b"") -> bytes:
    """Return a gray image with vertical stripes, and `extra` chunks before its pixels."""
    row = b"\0" + bytes(255 * (x // 4 % 2) for x in range(width))
    pixels = chunk(b"IDAT", zlib.compress(row * height))
    return SIGNATURE + header(width, height) + extra + pixels + chunk(b"IEND")

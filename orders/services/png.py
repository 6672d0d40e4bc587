"""Check of PNG images of uncertain origin, without a decoder.

Source: W3C, Portable Network Graphics Specification (Third Edition), chapters 5, 7, 9 and 11.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 1024
# Samples per pixel and allowed bits per sample of each color type.
COLOR_TYPES = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
PALETTE, MAX_PALETTE = 3, 256
MAX_FILTER = 4
# Start and step of the columns and rows of each pass of an interlaced image.
PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2))
LAST_PASS = (0, 1, 1, 2)


class NotPng(Exception):
    """The data is not a PNG image with at most MAX_SIDE pixels in width and height."""


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of IHDR."""

    width: int
    height: int
    depth: int
    color_type: int
    is_interlaced: bool

    @classmethod
    def parse(cls, data: bytes) -> "Header":
        if len(data) != struct.calcsize(">IIBBBBB"):
            raise NotPng
        width, height, depth, color_type, compression, filtering, interlace = struct.unpack(
            ">IIBBBBB", data
        )
        fits = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE
        is_known = color_type in COLOR_TYPES and depth in COLOR_TYPES[color_type][1]
        if not (fits and is_known) or (compression, filtering) != (0, 0) or interlace > 1:
            raise NotPng
        return cls(width, height, depth, color_type, bool(interlace))

    def row_sizes(self) -> Iterator[int]:
        """Yield the bytes of each row, with its filter byte."""
        passes = (*PASSES, LAST_PASS) if self.is_interlaced else ((0, 1, 0, 1),)
        for x, step_x, y, step_y in passes:
            width = -(-(self.width - x) // step_x)
            if width > 0:
                bits = width * COLOR_TYPES[self.color_type][0] * self.depth
                for _ in range(y, self.height, step_y):
                    yield 1 + -(-bits // 8)


def clean_png(data: bytes) -> bytes:
    """Return the image without texts, profiles and other optional chunks. Raises `NotPng`."""
    chunks = list(_read_chunks(data))
    names = [name for name, _ in chunks]
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or chunks[-1][1]:
        raise NotPng
    header = Header.parse(chunks[0][1])
    palette = _read_palette(header, chunks)
    first = names.index(b"IDAT") if b"IDAT" in names else 0
    count = names.count(b"IDAT")
    if not count or set(names[first : first + count]) != {b"IDAT"}:
        raise NotPng
    pixels = b"".join(content for name, content in chunks if name == b"IDAT")
    _check_pixels(header, pixels)
    kept = [chunks[0], *palette, (b"IDAT", pixels), chunks[-1]]
    return SIGNATURE + b"".join(_write_chunk(*each) for each in kept)


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise NotPng
    position = len(SIGNATURE)
    while position < len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8].ljust(8, b"\0"))
        content = data[position + 8 : position + 8 + length]
        checksum = data[position + 8 + length : position + 12 + length]
        if checksum != struct.pack(">I", zlib.crc32(name + content)):
            raise NotPng
        # An upper-case letter marks chunks without which the image cannot be shown.
        if name[:1].isupper() and name not in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}:
            raise NotPng
        yield name, content
        position += 12 + length


def _write_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _read_palette(header: Header, chunks: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return PLTE and tRNS, if the color type has them. Raises `NotPng` if they do not fit."""
    names = [name for name, _ in chunks]
    if names.count(b"IHDR") > 1 or names.count(b"PLTE") > 1 or names.count(b"tRNS") > 1:
        raise NotPng
    found = dict(chunks)
    colors = len(found.get(b"PLTE", b""))
    if header.color_type != PALETTE:
        # A suggested palette is of no use to a printer.
        size = {0: 2, 2: 6}.get(header.color_type)
        transparent = found.get(b"tRNS")
        return [(b"tRNS", transparent)] if transparent and len(transparent) == size else []
    if not 0 < colors <= 3 * min(MAX_PALETTE, 2**header.depth) or colors % 3:
        raise NotPng
    if len(found.get(b"tRNS", b"")) > colors // 3:
        raise NotPng
    if names.index(b"PLTE") > (names.index(b"IDAT") if b"IDAT" in names else 0):
        raise NotPng
    return [(name, found[name]) for name in (b"PLTE", b"tRNS") if found.get(name)]


def _check_pixels(header: Header, compressed: bytes) -> None:
    """Decompress at most what the header allows, and check the size and every filter byte."""
    sizes = list(header.row_sizes())
    stream = zlib.decompressobj()
    try:
        pixels = stream.decompress(compressed, sum(sizes) + 1)
    except zlib.error as error:
        raise NotPng from error
    if len(pixels) != sum(sizes) or not stream.eof or stream.unused_data:
        raise NotPng
    position = 0
    for size in sizes:
        if pixels[position] > MAX_FILTER:
            raise NotPng
        position += size

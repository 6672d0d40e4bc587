"""Check of uploaded PNG images."""

import io
import zlib

import pytest
from PIL import Image

from orders.services.png import MAX_SIDE, NotPng, clean_png
from tests.support.png import SIGNATURE, build_png, chunk, header

pytestmark = pytest.mark.once

END = chunk(b"IEND")


def build(head, pixels, *before):
    data = chunk(b"IDAT", zlib.compress(pixels))
    return SIGNATURE + head + b"".join(before) + data + END


def encode(mode, *, size=(13, 7), **options):
    """Return an image that another encoder has written."""
    stream = io.BytesIO()
    Image.new(mode, size, 1).save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (13, 7), (MAX_SIDE, MAX_SIDE)])
def test_images_of_every_color_type_are_accepted(mode, size):
    data = encode(mode, size=size)

    cleaned = clean_png(data)

    before, after = (Image.open(io.BytesIO(each)) for each in (data, cleaned))
    assert (before.size, before.mode, before.tobytes()) == (after.size, after.mode, after.tobytes())
    assert clean_png(cleaned) == cleaned


def test_interlaced_image_is_accepted():
    sizes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1), (2, 3), (5, 2)]
    pixels = b"".join((b"\0" + b"x" * width) * rows for width, rows in sizes)
    data = build(header(5, 5, interlace=1), pixels)

    assert clean_png(data) == data
    assert Image.open(io.BytesIO(data)).tobytes() == b"x" * 25


def test_texts_and_other_optional_parts_are_removed():
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10_000_000)))
    data = build_png(extra=bomb + chunk(b"tEXt", b"Author\0Eve"))

    assert clean_png(data) == build_png()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SIGNATURE,
        b"GIF89a" + bytes(40),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0" + bytes(40),
        build_png()[:-1],
        build_png() + b"more",
        build_png().replace(b"IDAT", b"IDAX"),
        # a wrong checksum
        build_png()[:-20] + bytes([build_png()[-20] ^ 1]) + build_png()[-19:],
        SIGNATURE + header(1, 1) + END,
        SIGNATURE + header(1, 1) + chunk(b"IDAT", b"not zlib") + END,
        build(b"", b"\0\0"),
        build(header(1, 1) * 2, b"\0\0"),
        build(header(0, 1), b"\0\0"),
        build(header(1, 2**31), b"\0\0"),
        build(header(MAX_SIDE + 1, 1), b"\0" * (MAX_SIDE + 2)),
        build(header(1, MAX_SIDE + 1), b"\0\0" * (MAX_SIDE + 1)),
        build(header(1, 1, depth=3), b"\0\0"),
        build(header(1, 1, color=7), b"\0\0"),
        build(header(1, 1, interlace=2), b"\0\0"),
        # an unknown filter
        build(header(1, 1), b"\5\0"),
        # fewer and more pixels than the header says
        build(header(2, 1), b"\0\0"),
        build(header(1, 1), b"\0\0\0"),
        # no palette, too large a palette, more transparencies than colors
        build(header(1, 1, color=3), b"\0\0"),
        build(header(1, 1, depth=1, color=3), b"\0\0", chunk(b"PLTE", bytes(9))),
        build(header(1, 1, color=3), b"\0\0", chunk(b"PLTE", bytes(4))),
        build(header(1, 1, color=3), b"\0\0", chunk(b"PLTE", bytes(3)), chunk(b"tRNS", bytes(2))),
        # a part that is required to show the image, and unknown
        build(header(1, 1), b"\0\0", chunk(b"NEWS")),
        # a length beyond the end
        SIGNATURE + b"\xff\xff\xff\xffIHDR",
    ],
)
def test_other_data_is_refused(data):
    with pytest.raises(NotPng):
        clean_png(data)


def test_decompression_bomb_is_refused_after_the_size_of_the_header():
    bomb = build(header(10, 10), bytes(50_000_000))
    assert len(bomb) < 200 * 1024

    with pytest.raises(NotPng):
        clean_png(bomb)

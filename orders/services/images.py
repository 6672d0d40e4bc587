"""Photos of uncertain origin, as small images without metadata. Pillow is imported on first use."""

import importlib
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from threading import Lock
from typing import Any

from tenants.exceptions import FieldError, Invalid

MAX_IMAGE_BYTES = 1024 * 1024
# Four bytes each while it is decoded.
MAX_PIXELS = 16_000_000
# Each scan of a progressive JPEG passes over all its pixels; cameras and editors write about ten.
MAX_SCANS = 100
START_OF_SCAN = b"\xff\xda"
FORMATS = ("PNG", "JPEG", "WEBP")
TOO_MANY_PIXELS = f"The image must not have more than {MAX_PIXELS // 1_000_000} megapixels."
CONTENT_TYPE = "image/webp"
# The longer side of what is stored, in pixels.
MAX_SIDE = 1600
THUMBNAIL_SIDE = 320
QUALITY = 82
HASH_BYTES = 16
# Longest side from which a decoder may start with a half or a quarter of a JPEG image.
DRAFT_SIDE = 2 * MAX_SIDE
# One image is decoded at a time in a process, because each takes much memory.
DECODING = Lock()


@dataclass(frozen=True, slots=True)
class NormalizedImage:
    """An image and its thumbnail as WebP; `hash` names the bytes of the image."""

    hash: str
    width: int
    height: int
    image: bytes
    thumbnail: bytes


def normalize_image(data: bytes, field: str) -> NormalizedImage:
    """Return an image of PNG, JPEG or WebP as new WebP files. Raises `Invalid` for `field`.

    Position, camera, texts and color profile are not kept; the orientation is applied.
    """
    if len(data) > MAX_IMAGE_BYTES:
        detail = f"The image must not exceed {MAX_IMAGE_BYTES // 1024} KB."
        raise Invalid.field(field, detail, code="image_too_large")
    image = importlib.import_module("PIL.Image")
    try:
        with DECODING:
            return _encode(_decode(data))
    except image.DecompressionBombError as reason:
        error = FieldError(field, "too_many_pixels", TOO_MANY_PIXELS)
        raise Invalid(errors=(error,)) from reason
    except _TooManyScans as reason:
        detail = "The JPEG image is built up in too many steps. Save it again without them."
        raise Invalid.field(field, detail, code="too_many_scans") from reason
    except _Animated as reason:
        detail = "The image is animated. Choose one with a single picture."
        raise Invalid.field(field, detail, code="animated_image") from reason
    except Exception as reason:
        # Decoders of damaged files raise errors of many kinds.
        detail = "Must be an image in PNG, JPEG or WebP format that is not damaged."
        raise Invalid.field(field, detail, code="invalid_image") from reason


class _TooManyScans(Exception):
    """Decoding the JPEG image would take too long."""


class _Animated(Exception):
    """The image has several pictures."""


def _decode(data: bytes) -> Any:
    """Return the pixels in RGB or RGBA. Nothing is decoded before all checks."""
    image, operations = (importlib.import_module(f"PIL.{name}") for name in ("Image", "ImageOps"))
    with image.open(BytesIO(data), formats=FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise image.DecompressionBombError
        # No other bytes of a scan are like its mark.
        if opened.format in {"JPEG", "MPO"} and data.count(START_OF_SCAN) > MAX_SCANS:
            raise _TooManyScans
        # The further pictures of a photo (MPO) are depth, previews or another view.
        if opened.format != "MPO" and getattr(opened, "is_animated", False):
            raise _Animated
        opened.draft("RGB", (DRAFT_SIDE, DRAFT_SIDE))
        has_alpha = opened.mode in {"RGBA", "LA", "PA"} or "transparency" in opened.info
        opened.load()
        upright = operations.exif_transpose(opened)
    if upright.mode.startswith("I"):
        # Gray with 16 bits, which a conversion would cut instead of scaling.
        upright = upright.convert("I").point(lambda value: value / 256).convert("L")
    picture = upright.convert("RGBA" if has_alpha else "RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return picture


def _encode(picture: Any) -> NormalizedImage:
    full = _write_webp(picture)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    digest = blake2b(full, digest_size=HASH_BYTES).hexdigest()
    width, height = picture.size
    return NormalizedImage(digest, width, height, full, _write_webp(small))


def _write_webp(picture: Any) -> bytes:
    file = BytesIO()
    # Nothing of the original's metadata, which Pillow would copy.
    picture.save(file, "WEBP", quality=QUALITY, exif=b"", xmp=b"", icc_profile=b"")
    return file.getvalue()

"""Signatures after Standard Webhooks, by which receivers verify the sender.

Version 1.0.0 of spec/standard-webhooks.md in github.com/standard-webhooks/standard-webhooks:
HMAC-SHA256 of id, time of the attempt and body; secrets of 24 to 64 bytes, as base64.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from tenants.models.webhook import PREFIX


def build_signed_headers(
    id: str, timestamp: int, body: bytes, secrets: Iterable[str]
) -> dict[str, str]:
    """Return the headers, with a signature for each secret, so that secrets can be rotated."""
    signatures = (sign(id, timestamp, body, secret) for secret in secrets)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def sign(id: str, timestamp: int, body: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()

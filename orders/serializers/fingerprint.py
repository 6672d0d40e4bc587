"""Digests of requests, by which repeated ones are recognized."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec


def compute_fingerprint(body: Mapping[str, Any], **effective: str) -> str:
    """Return a SHA-256 digest of the content, independent of the order of its fields.

    `effective` overrides values that may come from the log-in instead of the body, such as the
    register. The approval is left out: it does not change what was requested.
    """
    content = {**body, "approval": None, **effective}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()

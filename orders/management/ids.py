"""Reproducible ids for commands, so that a repeated run creates nothing twice."""

import uuid

NAMESPACE = uuid.UUID("5c1e2a0e-6f0b-5b53-9c0b-7d0f3a1b9e42")


def stable_id(*names: object) -> uuid.UUID:
    """Return a UUIDv5 of these names."""
    return uuid.uuid5(NAMESPACE, "/".join(str(name) for name in names))

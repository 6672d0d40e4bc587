"""Ids: UUIDs of version 7, so that new rows lie together in every index."""

import hashlib
import uuid

from django.db import IntegrityError
from uuid_utils.compat import uuid7, uuid8

UNIQUE_VIOLATIONS = frozenset({"23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"})


def new_id() -> uuid.UUID:
    return uuid7()


def derive_id(*names: object) -> uuid.UUID:
    """Always the same id for the same names."""
    text = "\0".join(map(str, names))
    return uuid8(hashlib.sha256(text.encode()).digest()[:16])


def is_duplicate(error: IntegrityError) -> bool:
    """Somebody was quicker with the same id or name, as PostgreSQL or SQLite says it."""
    cause = error.__cause__
    name = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return name in UNIQUE_VIOLATIONS

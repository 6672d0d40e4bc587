"""Primary keys: UUIDs of version 7, sorted by time, so that new rows are neighbours in indexes."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

from django.db import IntegrityError, connection
from uuid_utils import uuid7
from uuid_utils.compat import uuid8

from tenants.exceptions import IdConflict

# On PostgreSQL also exclusion constraints, which are unique constraints of periods.
UNIQUE_VIOLATIONS = frozenset(
    {"23505", "23P01", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"}
)


UNKNOWN_SAFETY = uuid.SafeUUID.unknown


def new_id() -> uuid.UUID:
    return build_uuid(uuid7().int)


def build_uuid(number: int) -> uuid.UUID:
    """Return the UUID of a number, without the checks of its constructor, which take longer."""
    built = uuid.UUID.__new__(uuid.UUID)
    object.__setattr__(built, "int", number)
    object.__setattr__(built, "is_safe", UNKNOWN_SAFETY)
    return built


def to_db_id(id: uuid.UUID | None) -> uuid.UUID | str | None:
    """Return the id as a parameter of SQL: SQLite has UUIDs as 32 hexadecimal digits."""
    return id if id is None or _has_uuids() else id.hex


@cache
def _has_uuids() -> bool:
    return bool(connection.features.has_native_uuid_field)


def derive_id(*names: object) -> uuid.UUID:
    """Return a UUID that depends on the names alone."""
    text = "\0".join(map(str, names))
    return uuid8(hashlib.sha256(text.encode()).digest()[:16])


def is_duplicate(error: IntegrityError) -> bool:
    """Return whether PostgreSQL or SQLite reports a primary key, unique or exclusion constraint."""
    cause = error.__cause__
    name = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return name in UNIQUE_VIOLATIONS


@contextmanager
def unique_or(find_error: Callable[[], Exception | None]) -> Iterator[None]:
    """Raise what `find_error` returns if the block violates a unique constraint.

    `find_error` is an exception class, or a function that may also raise by itself; where it
    returns None, the `IntegrityError` is raised as it is. A block inside of a transaction needs a
    savepoint where anything is queried after it: `with unique_or(IdConflict), atomic():`.
    """
    try:
        yield
    except IntegrityError as violation:
        error = find_error() if is_duplicate(violation) else None
        if error is None:
            raise
        raise error from violation


class HasFingerprint(Protocol):
    @property
    def fingerprint(self) -> str: ...


def ensure_same_content(known: HasFingerprint, new: HasFingerprint) -> None:
    """Raise `IdConflict` if a known id comes again with different content."""
    if known.fingerprint != new.fingerprint:
        raise IdConflict

"""Idempotency keys: a key is saved in the transaction of the request's effect.

A view sets the key of its request (`use_key`). A request of one transaction locks the key and
saves it at the end with the response. In a request of several transactions, the service saves the
key in the first one (`save_key`, or `key_rows` for `bulk_insert`), and the view adds the response
at the end. Before a call to an external system the key is saved first (`reserve_key`). When a
crash lost the response, a retry resumes the request (`is_resumed`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.db import connection

from tenants.database.compiled_queries import CompiledQuery
from tenants.exceptions import DomainError, RequestInProgress
from tenants.ids import unique_or
from tenants.models import IdempotencyKey
from tenants.scope import atomic_with_retry, tenant_context

_claim: ContextVar[IdempotencyKey | None] = ContextVar("idempotency_key", default=None)

KEY = CompiledQuery(
    lambda tenant, user, method, path, key: IdempotencyKey.objects.filter(
        tenant=tenant, user=user, method=method, path=path, key=key
    )
)
COMPLETE = (
    "UPDATE tenants_idempotencykey SET status = %s, headers = %s, body = %s "
    "WHERE tenant_id = %s AND id = %s AND status IS NULL"
)
# No wait for the disk: a lost response can be made again from the effect.
ASYNCHRONOUS_COMMIT = "SET LOCAL synchronous_commit = off; "


@contextmanager
def use_key(idempotency_key: IdempotencyKey) -> Iterator[None]:
    """Set the Idempotency-Key of the current request for the services that save it."""
    token = _claim.set(idempotency_key)
    try:
        yield
    finally:
        _claim.reset(token)


def key_rows() -> list[IdempotencyKey]:
    """Return the unsaved key of the request as a list of one or none, for `bulk_insert`."""
    idempotency_key = _claim.get()
    return [] if idempotency_key is None else [idempotency_key]


def save_key(resume_data: str = "") -> None:
    """Save the key of the request, if it has one, in the transaction of its effect.

    May be called in each of several transactions: the first commit saves the key. `resume_data`
    is what a retry needs for its response beyond the saved rows. Raises RequestInProgress.
    """
    for idempotency_key in key_rows():
        idempotency_key.body = resume_data
        with (
            unique_or(partial(RequestInProgress, retry_after=1)),
            tenant_context(idempotency_key.tenant),
        ):
            IdempotencyKey.objects.bulk_create(
                [idempotency_key],
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["updated_at"],
            )


def find_key(idempotency_key: IdempotencyKey) -> IdempotencyKey | None:
    """Return the saved key, or None. Raises IdempotencyKeyReused if its request was another."""
    found = KEY.first(
        tenant=idempotency_key.tenant.pk,
        user=idempotency_key.user,
        method=idempotency_key.method,
        path=idempotency_key.path,
        key=idempotency_key.key,
    )
    if found is not None:
        found.ensure_same(idempotency_key)
    return found


def find_answered_key(idempotency_key: IdempotencyKey) -> IdempotencyKey | None:
    """Return the saved key if it has a response."""
    found = find_key(idempotency_key)
    return found if found is not None and found.is_answered else None


@contextmanager
def reserve_key() -> Iterator[None]:
    """Save the key before a call to an external system, and delete it if the call is denied."""
    if key_rows():
        atomic_with_retry(save_key)()
    try:
        yield
    except DomainError:
        atomic_with_retry(_delete_unanswered)()
        raise


def _delete_unanswered() -> None:
    for idempotency_key in key_rows():
        IdempotencyKey.objects.filter(pk=idempotency_key.pk, status=None).delete()


def is_resumed() -> bool:
    """Return whether an earlier attempt of this request had an effect, but no response."""
    return any(idempotency_key.is_resumed for idempotency_key in key_rows())


def resume_data() -> str:
    """Return the data that the earlier attempt saved for the response."""
    return "".join(
        idempotency_key.body for idempotency_key in key_rows() if idempotency_key.is_resumed
    )


def lock_key(idempotency_key: IdempotencyKey) -> None:
    """Lock the key until the end of the transaction. Raises RequestInProgress.

    Does nothing on SQLite, which has one writer at a time.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(idempotency_key.resource_id.bytes[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise RequestInProgress(retry_after=1)


def save_answer(idempotency_key: IdempotencyKey) -> bool:
    """Add the response to the saved key; return False if this request saved none."""
    columns: Any = map(
        idempotency_key._meta.get_field, ("status", "headers", "body", "tenant", "id")
    )
    values = [
        column.get_db_prep_save(getattr(idempotency_key, column.attname), connection)
        for column in columns
    ]
    # Not on Citus, where a SET must not be in one message with other statements.
    features: Any = connection.features
    is_asynchronous = connection.vendor == "postgresql" and not features.is_distributed
    prefix = ASYNCHRONOUS_COMMIT if is_asynchronous else ""
    with connection.cursor() as cursor:
        cursor.execute(prefix + COMPLETE, values)
        if prefix:
            cursor.nextset()
        return bool(cursor.rowcount)


def save_answered_key(idempotency_key: IdempotencyKey) -> None:
    """Save the key and response of a request that wrote nothing."""
    with tenant_context(idempotency_key.tenant):
        IdempotencyKey.objects.bulk_create([idempotency_key], ignore_conflicts=True)

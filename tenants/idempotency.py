"""Doing once what is asked twice: the key of a request is written with what the request does.

A view names the key of its request (`use_key`). Work of one transaction is locked by it and
writes it at the end, answer and all. Work of several transactions has its deed write the key
in the first of them (`save_key`, or `key_rows` for `bulk_insert`), and the answer follows. Where
somebody outside is asked first, the key is written before (`reserve_key`). Of a deed that was done
and whose answer was lost, the same request again is told what became of it (`is_resumed`).
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
# Nobody waits for the disk: an answer that is lost is known from what was done.
UNHURRIED = "SET LOCAL synchronous_commit = off; "


@contextmanager
def use_key(idempotency_key: IdempotencyKey) -> Iterator[None]:
    """Everything done here is done under this key, once."""
    token = _claim.set(idempotency_key)
    try:
        yield
    finally:
        _claim.reset(token)


def key_rows() -> list[IdempotencyKey]:
    """The key of this request, if it has one, for deeds that write all their rows at once."""
    idempotency_key = _claim.get()
    return [] if idempotency_key is None else [idempotency_key]


def save_key(resume_data: str = "") -> None:
    """Write the key of this request, if it has one, in the transaction of the deed.

    A request of several deeds may do so in each: the first that is committed writes it.
    `resume_data` is what the answer can be made of, where it cannot be read off the rows.
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
    """What this key was used for before; refused where that was something else."""
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
    """The same, where its answer is kept."""
    found = find_key(idempotency_key)
    return found if found is not None and found.is_answered else None


@contextmanager
def reserve_key() -> Iterator[None]:
    """The key is there before anybody outside is asked, and gone again if that is refused."""
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
    """Whether a deed of this request was done before, when it came first under the same key."""
    return any(idempotency_key.is_resumed for idempotency_key in key_rows())


def resume_data() -> str:
    """What that deed left to make the answer of."""
    return "".join(
        idempotency_key.body for idempotency_key in key_rows() if idempotency_key.is_resumed
    )


def lock_key(idempotency_key: IdempotencyKey) -> None:
    """Let nobody else do the same until this transaction ends, however it ends.

    SQLite has one writer at a time anyway: there the others wait.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(idempotency_key.resource_id.bytes[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise RequestInProgress(retry_after=1)


def save_answer(idempotency_key: IdempotencyKey) -> bool:
    """Keep the answer with the key that a deed wrote; False where none of this request did."""
    columns: Any = map(
        idempotency_key._meta.get_field, ("status", "headers", "body", "tenant", "id")
    )
    values = [
        column.get_db_prep_save(getattr(idempotency_key, column.attname), connection)
        for column in columns
    ]
    hurry = UNHURRIED if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(hurry + COMPLETE, values)
        if hurry:
            cursor.nextset()
        return bool(cursor.rowcount)


def save_answered_key(idempotency_key: IdempotencyKey) -> None:
    """Keep the answer to a request that had nothing to write."""
    with tenant_context(idempotency_key.tenant):
        IdempotencyKey.objects.bulk_create([idempotency_key], ignore_conflicts=True)

"""Doing once what is asked twice: the key of a request is written with what the request does.

A view names the key of its request (`claimed`). Work of one transaction is locked by it and
writes it at the end, answer and all. Work of several transactions has its deed write the key
in the first of them (`note`, or `rows` for `insert_all`), and the answer follows. Where somebody
outside is asked first, the key is written before (`begun`). Of a deed that was done and whose
answer was lost, the same request again is told what became of it (`is_resumed`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import IntegrityError, connection

from tenants.database.compiled_queries import Prepared
from tenants.exceptions import DomainError, RequestInProgress
from tenants.ids import is_duplicate
from tenants.models import IdempotencyKey
from tenants.scope import deed, tenant_context

_claim: ContextVar[IdempotencyKey | None] = ContextVar("idempotency_key", default=None)

KEY = Prepared(
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
def claimed(claim: IdempotencyKey) -> Iterator[None]:
    """Everything done here is done under this key, once."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def rows() -> list[IdempotencyKey]:
    """The key of this request, if it has one, for deeds that write all their rows at once."""
    claim = _claim.get()
    return [] if claim is None else [claim]


def note(left: str = "") -> None:
    """Write the key of this request, if it has one, in the transaction of the deed.

    A request of several deeds may do so in each: the first that is committed writes it. `left`
    is what the answer can be made of, where it cannot be read off the rows.
    """
    for claim in rows():
        claim.body = left
        try:
            with tenant_context(claim.tenant):
                IdempotencyKey.objects.bulk_create(
                    [claim],
                    update_conflicts=True,
                    unique_fields=["id"],
                    update_fields=["updated_at"],
                )
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
            raise RequestInProgress(retry_after=1) from error


def known(claim: IdempotencyKey) -> IdempotencyKey | None:
    """What this key was used for before; refused where that was something else."""
    found = KEY.first(
        tenant=claim.tenant.pk,
        user=claim.user,
        method=claim.method,
        path=claim.path,
        key=claim.key,
    )
    if found is not None:
        found.ensure_same(claim)
    return found


def answered(claim: IdempotencyKey) -> IdempotencyKey | None:
    """The same, where its answer is kept."""
    found = known(claim)
    return found if found is not None and found.is_answered else None


@contextmanager
def begun() -> Iterator[None]:
    """The key is there before anybody outside is asked, and gone again if that is refused."""
    if rows():
        deed(note)()
    try:
        yield
    except DomainError:
        deed(_forget)()
        raise


def _forget() -> None:
    for claim in rows():
        IdempotencyKey.objects.filter(pk=claim.pk, status=None).delete()


def is_resumed() -> bool:
    """Whether a deed of this request was done before, when it came first under the same key."""
    return any(claim.is_resumed for claim in rows())


def left() -> str:
    """What that deed left to make the answer of."""
    return "".join(claim.body for claim in rows() if claim.is_resumed)


def lock(claim: IdempotencyKey) -> None:
    """Let nobody else do the same until this transaction ends, however it ends.

    SQLite has one writer at a time anyway: there the others wait.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(claim.natural_id.bytes[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise RequestInProgress(retry_after=1)


def complete(claim: IdempotencyKey) -> bool:
    """Keep the answer with the key that a deed wrote; False where none of this request did."""
    columns: Any = map(claim._meta.get_field, ("status", "headers", "body", "tenant", "id"))
    values = [
        column.get_db_prep_save(getattr(claim, column.attname), connection) for column in columns
    ]
    hurry = UNHURRIED if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(hurry + COMPLETE, values)
        if hurry:
            cursor.nextset()
        return bool(cursor.rowcount)


def keep(claim: IdempotencyKey) -> None:
    """Keep the answer to a request that had nothing to write."""
    with tenant_context(claim.tenant):
        IdempotencyKey.objects.bulk_create([claim], ignore_conflicts=True)

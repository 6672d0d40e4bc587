"""Whose rows: the one place that says which shop the running code works for.

A scope is entered by authentication, by a command or by the relay, always by name.
Without one, every query on a shop's rows raises: forgetting is loud, never a leak.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

from tenants.exceptions import NoTenantScope

if TYPE_CHECKING:
    from tenants.models import Tenant

P = ParamSpec("P")
T = TypeVar("T")


class AllTenants(Enum):
    """The loud way across tenants, for platform work only."""

    SCOPE = "all tenants"


_scope: ContextVar["Tenant | AllTenants | None"] = ContextVar("tenant_scope", default=None)

# SQLSTATE of serialization_failure and deadlock_detected: PostgreSQL asks to try again.
TRANSIENT_SQLSTATES = frozenset({"40001", "40P01"})
MAX_ATTEMPTS = 5


def current_scope() -> "Tenant | AllTenants":
    scope = _scope.get()
    if scope is None:
        raise NoTenantScope("No tenant scope: enter tenant_scope(tenant) first.")
    return scope


def current_tenant() -> "Tenant":
    scope = current_scope()
    if isinstance(scope, AllTenants):
        raise NoTenantScope("This work belongs to one tenant, but the scope is all of them.")
    return scope


def current_tenant_id() -> uuid.UUID:
    return current_tenant().pk


def has_scope() -> bool:
    return _scope.get() is not None


def scope_or_none() -> "Tenant | AllTenants | None":
    """For the connection, which tells PostgreSQL."""
    return _scope.get()


@contextmanager
def _entered(scope: "Tenant | AllTenants") -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def tenant_context(tenant: "Tenant") -> Iterator[None]:
    """Name the shop, and leave the transactions to the deeds inside.

    For work of several transactions, as when something outside the process is asked in between.
    """
    with _entered(tenant):
        yield


@contextmanager
def tenant_scope(tenant: "Tenant") -> Iterator[None]:
    """One unit of work for one shop; on PostgreSQL it is one transaction.

    On SQLite a transaction takes the write lock at its start, so that reading must not open
    one: there the deeds open their own.
    """
    with _entered(tenant):
        if connection.vendor == "postgresql":
            with transaction.atomic():
                yield
        else:
            yield


@contextmanager
def across_tenants() -> Iterator[None]:
    """See the rows of every shop. For platform work; grep for it."""
    with _entered(AllTenants.SCOPE):
        yield


def retry_on_conflict(work: Callable[P, T]) -> Callable[P, T]:
    """Run again, as a whole, what PostgreSQL rolled back to break a deadlock.

    Only the outermost transaction may: inside another one the first half would be lost.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.in_atomic_block:
            return work(*args, **kwargs)
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                if not is_transient(error):
                    raise
        return work(*args, **kwargs)

    return run


def is_transient(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in TRANSIENT_SQLSTATES


def atomic_with_retry(work: Callable[P, T]) -> Callable[P, T]:
    """A service that changes the shop: all of it or nothing, and tried again on a deadlock."""
    return retry_on_conflict(transaction.atomic(work))

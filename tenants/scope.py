"""The current tenant: which tenant's rows the running code may read and write.

Authentication, management commands and the relay enter a scope explicitly. Outside of a scope
every query on tenant rows raises `NoTenantScope`.
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
    """The scope of all tenants, for platform work only."""

    SCOPE = "all tenants"


_scope: ContextVar["Tenant | AllTenants | None"] = ContextVar("tenant_scope", default=None)

# serialization_failure and deadlock_detected, after which PostgreSQL asks for a retry.
TRANSIENT_SQLSTATES = frozenset({"40001", "40P01"})
MAX_ATTEMPTS = 5


def current_scope() -> "Tenant | AllTenants":
    scope = _scope.get()
    if scope is None:
        raise NoTenantScope("No tenant scope. Enter tenant_scope(tenant) first.")
    return scope


def current_tenant() -> "Tenant":
    # Called for every new row: `current_scope` is called to raise only.
    scope = _scope.get() or current_scope()
    if isinstance(scope, AllTenants):
        raise NoTenantScope("This needs the scope of one tenant, but the scope is all tenants.")
    return scope


def current_tenant_id() -> uuid.UUID:
    return current_tenant().id


def has_scope() -> bool:
    return _scope.get() is not None


def scope_or_none() -> "Tenant | AllTenants | None":
    """Return the scope, for the database connection that passes it to PostgreSQL."""
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
    """Enter the scope of a tenant without opening a transaction.

    For work of several transactions, such as a sale with a call to a payment gateway in between.
    """
    with _entered(tenant):
        yield


@contextmanager
def tenant_scope(tenant: "Tenant") -> Iterator[None]:
    """Enter the scope of a tenant; on PostgreSQL, also open a transaction.

    On SQLite a transaction takes the write lock at its start, so that only services that write
    open one.
    """
    with _entered(tenant):
        if connection.vendor == "postgresql":
            with transaction.atomic():
                yield
        else:
            yield


@contextmanager
def across_tenants() -> Iterator[None]:
    """Enter the scope of all tenants, for platform work."""
    with _entered(AllTenants.SCOPE):
        yield


def retry_on_conflict(work: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function to run again when PostgreSQL rolled it back for a conflict.

    Does nothing inside a transaction, where only the outermost function can be repeated.
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
    """Decorate a service that writes: one transaction, repeated on a deadlock."""
    return retry_on_conflict(transaction.atomic(work))

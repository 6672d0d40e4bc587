"""Find the register that a request names, and check that the user may use it."""

import uuid
from collections.abc import Sequence
from typing import Any

from accounts.models import User, build_assigned_store_filter
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.exceptions import Invalid, NotPermitted
from tenants.models import Register
from tenants.scope import current_tenant_id


def select_registers(*conditions: Any, **values: Any) -> Any:
    """Return registers with their stores, without the times that no sale needs."""
    unused = [f"{of}{name}" for of in ("", "store__") for name in ("created_at", "updated_at")]
    return Register.objects.select_related("store").filter(*conditions, **values).defer(*unused)


REGISTER = CompiledQuery(lambda tenant, pk: select_registers(tenant=tenant, pk=pk))
REGISTER_IN_ASSIGNED_STORES = CompiledQuery(
    lambda tenant, pk, user: select_registers(
        build_assigned_store_filter(user, tenant=tenant), tenant=tenant, pk=pk
    )
)


def find_register(register_id: uuid.UUID, by: User) -> Register | None:
    """Return the register with its store, or None if the tenant has none with this id.

    Raises `NotPermitted` if the user is not assigned to its store.
    """
    tenant = current_tenant_id()
    if by.works_in_all_stores:
        return REGISTER.first(tenant=tenant, pk=register_id)
    register = REGISTER_IN_ASSIGNED_STORES.first(tenant=tenant, pk=register_id, user=by.pk)
    if register is not None:
        ensure_at_own_terminal(register, by)
    elif REGISTER.first(tenant=tenant, pk=register_id):
        raise NotPermitted
    return register


def ensure_at_own_terminal(register: Register, by: User) -> None:
    """Raise `NotPermitted` for a cashier who has logged in at a terminal of another store."""
    if not by.works_in_all_stores and by.at_store not in {None, register.store_id}:
        raise NotPermitted


def get_register(register_id: uuid.UUID, by: User, *, in_use: bool = True) -> Register:
    """Return the register. Raises `Invalid` if it is unknown or inactive, or `NotPermitted`."""
    register = find_register(register_id, by)
    if register is None or (in_use and not register.is_in_use):
        raise unknown_register_error()
    return register


def prepare_register(register_id: uuid.UUID, by: User) -> PreparedQuery[Register]:
    """Return the query of `get_register` as a part of a message; `check_register` is the rest."""
    tenant = current_tenant_id()
    if by.works_in_all_stores:
        return REGISTER.prepare(tenant=tenant, pk=register_id)
    return REGISTER_IN_ASSIGNED_STORES.prepare(tenant=tenant, pk=register_id, user=by.pk)


def check_register(found: Sequence[Register], by: User) -> Register:
    """Return the register that `prepare_register` found, as `get_register` does."""
    if not found or not found[0].is_in_use:
        raise unknown_register_error()
    ensure_at_own_terminal(found[0], by)
    return found[0]


def unknown_register_error() -> Invalid:
    return Invalid.field("register", "Unknown or inactive register.", code="does_not_exist")

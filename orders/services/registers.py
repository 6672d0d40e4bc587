"""Which register a person may use: the one place that looks up a register that a request names."""

import uuid

from accounts.models import User, build_assigned_store_filter
from tenants.database.compiled_queries import CompiledQuery
from tenants.exceptions import Invalid, NotPermitted
from tenants.models import Register
from tenants.scope import current_tenant_id

REGISTER = CompiledQuery(
    lambda tenant, pk: Register.objects.select_related("store").filter(tenant=tenant, pk=pk)
)
REGISTER_IN_ASSIGNED_STORES = CompiledQuery(
    lambda tenant, pk, user: Register.objects.select_related("store").filter(
        build_assigned_store_filter(user, tenant=tenant), tenant=tenant, pk=pk
    )
)


def find_register(register_id: uuid.UUID, by: User) -> Register | None:
    """Return the register, with its store, or None where the shop has none with this id.

    Raises `NotPermitted` where the person does not work in its store. One statement, unless it
    is refused.
    """
    tenant = current_tenant_id()
    if by.works_in_all_stores:
        return REGISTER.first(tenant=tenant, pk=register_id)
    register = REGISTER_IN_ASSIGNED_STORES.first(tenant=tenant, pk=register_id, user=by.pk)
    is_elsewhere = register is not None and by.at_store not in {None, register.store_id}
    if is_elsewhere or (register is None and REGISTER.first(tenant=tenant, pk=register_id)):
        raise NotPermitted
    return register


def get_register(register_id: uuid.UUID, by: User, *, in_use: bool = True) -> Register:
    """Return the register at which this person acts, or raise what says why they may not."""
    register = find_register(register_id, by)
    if register is None or (in_use and not register.is_in_use):
        raise unknown_register_error()
    return register


def unknown_register_error() -> Invalid:
    return Invalid.field("register", "There is no such register in use.", code="does_not_exist")

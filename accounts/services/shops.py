"""Opening a shop: the tenant, its first place, its first till, its first admin."""

from typing import Any

from accounts.models import Role, User
from accounts.services.people import create_user
from tenants.models import Store, Tenant
from tenants.scope import deed, tenant_context
from tenants.services import add_register, add_tenant


@deed
def open_shop(
    *, tenant: dict[str, Any], admin: dict[str, Any]
) -> tuple[Tenant, User, str | None]:
    """A shop that can sell as soon as it has something to sell.

    Returns the admin's password too where none was given.
    """
    shop = add_tenant(**tenant)
    with tenant_context(shop):
        store = Store(name="Main")
        store.save(force_insert=True)
        add_register(store=store, name="Till 1")
        user, password = create_user(
            role=Role.ADMIN, must_change_password="password" not in admin, by=None, **admin
        )
    return shop, user, password

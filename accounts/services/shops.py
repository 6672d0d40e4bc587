"""Opening a shop: the tenant, its first place, its first till, its first admin."""

from typing import Any

from accounts.models import Role, User
from accounts.services.people import create_user
from tenants import audit
from tenants.exceptions import Invalid
from tenants.models import Store, Tenant
from tenants.outbox import announce_row
from tenants.scope import deed, tenant_context
from tenants.services import add_register, add_tenant


@deed
def open_shop(*, tenant: dict[str, Any], admin: dict[str, Any]) -> tuple[Tenant, User, str | None]:
    """A shop that can sell as soon as it has something to sell.

    Returns the admin's password too where none was given.
    """
    shop = add_tenant(**tenant)
    with tenant_context(shop):
        audit.record("tenant_created", target=shop, slug=shop.slug, currency=shop.currency)
        store = Store(name="Main")
        store.save(force_insert=True)
        announce_row(store, is_new=True)
        add_register(store=store, name="Till 1")
        user, password = _hire_first_admin(admin)
    return shop, user, password


def _hire_first_admin(admin: dict[str, Any]) -> tuple[User, str | None]:
    try:
        return create_user(
            role=Role.ADMIN, must_change_password="password" not in admin, by=None, **admin
        )
    except Invalid as refusal:
        raise refusal.under("admin") from refusal

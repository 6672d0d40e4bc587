"""Sign-up: create a tenant with its first store, register and admin."""

import uuid
from typing import Any

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import TokenPair, get_access_token_seconds
from accounts.services.login import open_password_session
from accounts.services.sessions import ClientInfo
from accounts.services.users import create_user
from tenants import audit, idempotency
from tenants.events.outbox import publish_row
from tenants.exceptions import IdempotencyKeyReused, Invalid
from tenants.models import Store, Tenant
from tenants.scope import atomic_with_retry, tenant_context
from tenants.services import create_register, create_tenant


@atomic_with_retry
def create_shop(
    *, tenant: dict[str, Any], admin: dict[str, Any]
) -> tuple[Tenant, User, str | None]:
    """Create tenant, store, register and admin.

    Return the tenant, the admin and the temporary password, if none was given.
    """
    shop = create_tenant(**tenant)
    with tenant_context(shop):
        audit.record("tenant_created", target=shop, slug=shop.slug, currency=shop.currency)
        store = Store(name="Main")
        store.save(force_insert=True)
        publish_row(store, is_new=True)
        create_register(store=store, name="Till 1")
        user, password = _create_first_admin(admin)
    return shop, user, password


@atomic_with_retry
def sign_up(
    *, tenant: dict[str, Any], admin: dict[str, Any], id: uuid.UUID | None, origin: ClientInfo
) -> tuple[AuthSession, TokenPair]:
    """Create a tenant and log its admin in; `id` is derived from the Idempotency-Key, if any.

    A repeated request gets empty tokens, as tokens are not stored.
    """
    if done := idempotency.resume_data():
        session = AuthSession.objects.select_related("user__tenant").get(pk=done)
        return session, TokenPair("", "", get_access_token_seconds(session))
    if id is not None:
        # The key has expired, but the tenant that it created exists.
        if Tenant.objects.filter(pk=id).exclude(slug=tenant["slug"]).exists():
            raise IdempotencyKeyReused
        tenant = tenant | {"id": id}
    shop, user, _ = create_shop(tenant=tenant, admin=admin)
    session, pair = open_password_session(user, origin)
    with tenant_context(shop):
        idempotency.save_key(str(session.pk))
    return session, pair


def _create_first_admin(admin: dict[str, Any]) -> tuple[User, str | None]:
    try:
        return create_user(
            role=Role.ADMIN, must_change_password="password" not in admin, by=None, **admin
        )
    except Invalid as refusal:
        raise refusal.nested_under("admin") from refusal

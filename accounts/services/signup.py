"""Opening a shop: the tenant, its first place, its first till, its first admin."""

import uuid
from typing import Any

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import TokenPair, get_access_token_seconds
from accounts.services.login import ClientInfo, open_password_session
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
    """A shop that can sell as soon as it has something to sell.

    Returns the admin's password too where none was given.
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
    """Open a shop and log its first admin in; `id` is the shop's where the request has a key.

    Where that was done before and its answer lost, in the scope of that shop, the tokens are
    empty: they are told once.
    """
    if done := idempotency.resume_data():
        session = AuthSession.objects.select_related("user__tenant").get(pk=done)
        return session, TokenPair("", "", get_access_token_seconds(session))
    if id is not None:
        # A key that was forgotten since: what it opened is there still.
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

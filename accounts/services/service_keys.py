"""Service keys: create, authenticate and revoke."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from accounts.exceptions import ForeignTenant, TokenNotValid
from accounts.models import Posting, ServiceKey, User
from accounts.models.service_key import PREFIX, parse_service_key
from accounts.services.denied_access_log import record_denied_access
from accounts.services.sessions import LAST_USED_PRECISION, is_user_active
from accounts.services.terminals import is_tenant_named
from tenants import audit
from tenants.exceptions import Invalid
from tenants.ids import new_id
from tenants.models import Store
from tenants.scope import across_tenants, atomic_with_retry, current_tenant

MIN_LIFETIME = timedelta(minutes=1)


def is_service_key(token: str) -> bool:
    """Return whether a bearer token is a service key rather than an access token."""
    return token.startswith(PREFIX)


def authenticate_service_key(secret: str, *, tenant: str | None = None) -> ServiceKey:
    """Return the active key, with user and tenant loaded by one query.

    `tenant` is the X-Tenant-ID of the request. Raises TokenNotValid and ForeignTenant.
    """
    parts = parse_service_key(secret)
    if parts is None:
        raise TokenNotValid
    shop, digest = parts
    now = timezone.now()
    with across_tenants():
        keys = ServiceKey.objects.select_related("user", "user__tenant", "tenant")
        # On a cluster, the tenant leads to the machine with the row.
        key = keys.filter(tenant=shop, secret_hash=digest).first()
    if key is None or not key.is_active_at(now) or not is_user_active(key.user):
        raise TokenNotValid
    if not is_tenant_named(key.tenant, tenant):
        record_denied_access("tenant_mismatch", key.build_session(), named=(tenant or "")[:63])
        raise ForeignTenant
    _record_use(key, now)
    return key


def _record_use(key: ServiceKey, now: datetime) -> None:
    """Record the use, at most once a minute."""
    used_before = now - LAST_USED_PRECISION
    if key.last_used_at is not None and key.last_used_at > used_before:
        return
    due = models.Q(last_used_at=None) | models.Q(last_used_at__lte=used_before)
    with across_tenants():
        keys = ServiceKey.objects.filter(due, tenant=key.tenant_id, pk=key.pk)
        keys.update(last_used_at=now)


@atomic_with_retry
def create_service_key(
    *,
    name: str,
    scopes: list[str],
    stores: list[Store] | None = None,
    expires_at: datetime | None = None,
    by: User,
) -> tuple[ServiceKey, str]:
    """Create a key with its user. Returns the key and its secret, of which the hash is stored."""
    if expires_at is not None and expires_at < timezone.now() + MIN_LIFETIME:
        raise Invalid.field("expires_at", "Must be in the future.", code="past")
    id = new_id()
    user = _create_user(id, name, stores or [])
    key = ServiceKey(
        id=id, name=name, user=user, scopes=scopes, expires_at=expires_at, created_by=by
    )
    secret = key.make_secret()
    key.full_clean()
    key.save(force_insert=True)
    audit.record("service_key_added", actor=by, target=key, scopes=scopes, stores=stores or [])
    return key, secret


def _create_user(id: uuid.UUID, name: str, stores: list[Store]) -> User:
    """Create the user of a key: without a role, a password and a PIN."""
    user = User(
        tenant=current_tenant(), username=f"key-{id.hex[:28]}", display_name=name, is_service=True
    )
    user.set_unusable_password()
    user.save(force_insert=True)
    for store in stores:
        Posting(user=user, store=store).save(force_insert=True)
    return user


@atomic_with_retry
def revoke_service_key(key_id: uuid.UUID, *, by: User) -> ServiceKey:
    """Revoke a key, which is refused from the next request on. Revoking it again does nothing."""
    key: ServiceKey = ServiceKey.objects.select_for_update(no_key=True).get(pk=key_id)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save_changes("revoked_at")
        User.objects.filter(pk=key.user_id).update(is_active=False)
        audit.record("service_key_revoked", actor=by, target=key)
    return key

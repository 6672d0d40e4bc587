"""Password check for the API and the admin, and the Django authentication backend."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts.models import User, build_username_key
from accounts.security.hashers import run_dummy_hash
from tenants.database.compiled_queries import CompiledQuery
from tenants.models import Tenant
from tenants.scope import tenant_context

USER_QUERY = CompiledQuery(
    lambda tenant, username_key: User.objects.select_related("tenant").filter(
        tenant=tenant, username_key=username_key
    )
)


@dataclass(frozen=True, slots=True)
class CredentialCheck:
    """User found by name, and why the log-in fails. The reason is only for the audit log."""

    user: User | None
    reason: str = ""


def check_credentials(tenant: Tenant | None, username: str, password: str) -> CredentialCheck:
    """Check a password with exactly one hash, also for an unknown user (constant work)."""
    return check_password_of(find_user(tenant, username), password)


def check_password_of(user: User | None, password: str) -> CredentialCheck:
    """Check a password as `check_credentials`, for a user who has been looked up already."""
    if user is None or not user.has_usable_password():
        run_dummy_hash(password)
        return CredentialCheck(user, "no_password" if user else "unknown_user")
    if not user.check_password(password):
        return CredentialCheck(user, "wrong_password")
    if user.tenant is not None and not user.tenant.is_active:
        return CredentialCheck(user, "inactive_tenant")
    return CredentialCheck(user, "" if user.is_active else "inactive_user")


class TenantBackend(BaseBackend):
    """Authenticate by tenant and username; without a tenant, platform users only.

    Every path runs exactly one password hash, so that timing does not reveal users.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        tenant: Tenant | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        result = check_credentials(tenant, username, password)
        return None if result.reason else result.user

    def user_can_authenticate(self, user: User) -> bool:
        return user.is_active and (user.tenant is None or user.tenant.is_active)

    def get_user(self, user_id: uuid.UUID) -> User | None:
        """Return the active platform user of an admin session, or None."""
        user = User.objects.filter(pk=user_id, tenant=None).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Grant all Django permissions to active platform users, and none to others."""
        return bool(user_obj.is_active and user_obj.is_superuser)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return self.has_perm(user_obj, app_label)


def find_user(tenant: Tenant | None, username: str) -> User | None:
    if tenant is None:
        return User.objects.filter(tenant=None, username_key=build_username_key(username)).first()
    with tenant_context(tenant):
        return USER_QUERY.first(tenant=tenant.pk, username_key=build_username_key(username))

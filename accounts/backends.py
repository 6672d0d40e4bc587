"""The one place where a password is checked, for the API and for the admin."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts.models import User, build_username_key
from accounts.security.hashers import run_dummy_hash
from tenants.models import Tenant
from tenants.scope import tenant_context


@dataclass(frozen=True, slots=True)
class CredentialCheck:
    """Who has this name, and why it is a no all the same; the reason is for the books alone."""

    user: User | None
    reason: str = ""


def check_credentials(tenant: Tenant | None, username: str, password: str) -> CredentialCheck:
    """Look at a password, whether or not there is one to compare it with."""
    user = find_user(tenant, username)
    if user is None or not user.has_usable_password():
        run_dummy_hash(password)
        return CredentialCheck(user, "no_password" if user else "unknown_user")
    if not user.check_password(password):
        return CredentialCheck(user, "wrong_password")
    if user.tenant is not None and not user.tenant.is_active:
        return CredentialCheck(user, "inactive_tenant")
    return CredentialCheck(user, "" if user.is_active else "inactive_user")


class TenantBackend(BaseBackend):
    """Finds a person by tenant and username; without a tenant only the platform's people.

    Every way through runs exactly one password hash, so that the time tells nothing.
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
        verdict = check_credentials(tenant, username, password)
        return None if verdict.reason else verdict.user

    def user_can_authenticate(self, user: User) -> bool:
        return user.is_active and (user.tenant is None or user.tenant.is_active)

    def get_user(self, user_id: uuid.UUID) -> User | None:
        """The platform person of an admin session."""
        user = User.objects.filter(pk=user_id, tenant=None).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Only platform people have Django's permissions, and they have all."""
        return bool(user_obj.is_active and user_obj.is_superuser)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return self.has_perm(user_obj, app_label)


def find_user(tenant: Tenant | None, username: str) -> User | None:
    if tenant is None:
        return User.objects.filter(tenant=None, username_key=build_username_key(username)).first()
    with tenant_context(tenant):
        people = User.objects.select_related("tenant")
        return people.filter(username_key=build_username_key(username)).first()

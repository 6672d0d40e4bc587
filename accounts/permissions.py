"""Permission classes by role. Permissions for one object are methods of the models."""

from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.exceptions import PasswordChangeRequired, PasswordRequired
from accounts.models import AuthSession, Role

if TYPE_CHECKING:  # DRF loads its default permissions while it loads its views
    from rest_framework.views import APIView


# For `password_only` of a view: the methods that need a session authenticated by password.
WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ALL_METHODS = WRITE_METHODS | frozenset(SAFE_METHODS)


def ensure_password_session(request: Request) -> None:
    """Raise PasswordRequired for a PIN session, where that depends on the request's content."""
    if request.auth.method == AuthSession.Method.PIN:
        raise PasswordRequired


class HasMinimumRole(BasePermission):
    """Require a tenant user with at least the `minimum` role and no temporary password.

    `password_only` of a view lists the HTTP methods that a PIN session may not call.
    """

    minimum: ClassVar[Role]

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        if getattr(user, "is_service", False):
            # The authentication has compared the route with the scopes of the key.
            return True
        if not (user.is_authenticated and user.is_at_least(self.minimum)):
            return False
        if user.must_change_password and not getattr(view, "open_before_password_change", False):
            raise PasswordChangeRequired
        if request.method in getattr(view, "password_only", ()):
            ensure_password_session(request)
        return True


class IsStaff(HasMinimumRole):
    """Require any active user of a tenant."""

    minimum = Role.CASHIER


class IsManager(HasMinimumRole):
    minimum = Role.MANAGER


class IsAdmin(HasMinimumRole):
    minimum = Role.ADMIN


class ReadOnly(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS

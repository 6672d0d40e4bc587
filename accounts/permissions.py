"""Who may ask at all, by role; who may do it to whom is said by the models."""

from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.exceptions import PasswordChangeRequired, PasswordRequired
from accounts.models import AuthSession, Role

if TYPE_CHECKING:  # DRF loads its default permissions while it loads its views
    from rest_framework.views import APIView


# For `password_only` of a view: the methods for which a PIN is too little.
WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ALL_METHODS = WRITE_METHODS | frozenset(SAFE_METHODS)


def ensure_password_session(request: Request) -> None:
    """Refuse what a PIN is too little for, where that depends on the content of a request."""
    if request.auth.method == AuthSession.Method.PIN:
        raise PasswordRequired


class RoleRequired(BasePermission):
    """Somebody of a shop, with this role or a higher one, and a password of their own.

    A view names in `password_only` the methods that somebody may not call who has shown a PIN:
    what is done in the office, not at a till.
    """

    minimum: ClassVar[Role]

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        if not (user.is_authenticated and user.is_at_least(self.minimum)):
            return False
        if user.must_change_password and not getattr(view, "open_before_password_change", False):
            raise PasswordChangeRequired
        if request.method in getattr(view, "password_only", ()):
            ensure_password_session(request)
        return True


class IsStaff(RoleRequired):
    """Anybody who works in the shop."""

    minimum = Role.CASHIER


class IsManager(RoleRequired):
    minimum = Role.MANAGER


class IsAdmin(RoleRequired):
    minimum = Role.ADMIN


class ReadOnly(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS

"""Users, credentials and log-ins for tests."""

from typing import Any

from accounts.models import AuthSession, User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.api import Api

LOG_IN = "auth/token/"


def reload_user(user: User) -> User:
    """Load the user again."""
    with across_tenants():
        return User.objects.get(pk=user.pk)


def snapshot_users() -> list[dict[str, Any]]:
    """Return all columns of all users, to check that nothing changed."""
    with across_tenants():
        return list(User.objects.order_by("pk").values())


def count_sessions() -> int:
    with across_tenants():
        return AuthSession.objects.count()


def build_credentials(**changes: Any) -> dict[str, Any]:
    """Return the credentials of the cashier with changes; None omits a field."""
    given = {"tenant": "green", "username": "c1", "password": PASSWORD} | changes
    return {name: value for name, value in given.items() if value is not None}


def can_log_in(password: str, **changes: str) -> bool:
    return bool(
        Api().post(LOG_IN, build_credentials(password=password, **changes)).status_code == 200
    )

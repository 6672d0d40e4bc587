"""The people of a shop: who they are, what they may do, and where they are logged in."""

from accounts.models.session import AuthSession
from accounts.models.throttle import Throttle
from accounts.models.user import Role, User, username_key

__all__ = ["AuthSession", "Role", "Throttle", "User", "username_key"]

"""The people of a shop: who they are, what they may do, and where they are logged in."""

from accounts.models.approval import Approval
from accounts.models.session import AuthSession
from accounts.models.terminal import Pin, Posting, Terminal
from accounts.models.throttle import Throttle
from accounts.models.user import Role, User, username_key

__all__ = [
    "Approval",
    "AuthSession",
    "Pin",
    "Posting",
    "Role",
    "Terminal",
    "Throttle",
    "User",
    "username_key",
]

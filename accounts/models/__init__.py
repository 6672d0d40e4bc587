"""The people of a shop: who they are, what they may do, and where they are logged in."""

from accounts.models.approval import EXPIRED, Approval, RefundMethod, object_key
from accounts.models.session import AuthSession
from accounts.models.shop import ShopSettings
from accounts.models.staff import Cashier, StaffMember
from accounts.models.terminal import (
    Pin,
    Posting,
    Terminal,
    in_stores_assigned_to,
    in_stores_of,
)
from accounts.models.throttle import Throttle
from accounts.models.user import Role, User, username_key

__all__ = [
    "EXPIRED",
    "Approval",
    "AuthSession",
    "Cashier",
    "Pin",
    "Posting",
    "RefundMethod",
    "Role",
    "ShopSettings",
    "StaffMember",
    "Terminal",
    "Throttle",
    "User",
    "in_stores_assigned_to",
    "in_stores_of",
    "object_key",
    "username_key",
]

"""Users, sessions, terminals, PINs, store assignments and approvals."""

from accounts.models.approval import (
    EXPIRED,
    Approval,
    ApprovalUse,
    RefundMethod,
    build_object_key,
)
from accounts.models.pairing_code import PairingCode
from accounts.models.service_key import ServiceKey
from accounts.models.session import AuthSession
from accounts.models.shop import ShopSettings
from accounts.models.staff import Cashier, StaffMember
from accounts.models.terminal import (
    Pin,
    Posting,
    Terminal,
    build_assigned_store_filter,
    build_store_filter,
)
from accounts.models.throttle import Throttle
from accounts.models.user import Role, User, build_username_key

__all__ = [
    "EXPIRED",
    "Approval",
    "ApprovalUse",
    "AuthSession",
    "Cashier",
    "PairingCode",
    "Pin",
    "Posting",
    "RefundMethod",
    "Role",
    "ServiceKey",
    "ShopSettings",
    "StaffMember",
    "Terminal",
    "Throttle",
    "User",
    "build_assigned_store_filter",
    "build_object_key",
    "build_store_filter",
    "build_username_key",
]

"""The pages about people and places: the platform's, and those of the shop's own site."""

from accounts.admin import (
    approvals,
    audit_log,
    dashboard,
    platform,
    sessions,
    settings,
    stores,
    terminals,
    users,
)

__all__ = [
    "approvals",
    "audit_log",
    "dashboard",
    "platform",
    "sessions",
    "settings",
    "stores",
    "terminals",
    "users",
]

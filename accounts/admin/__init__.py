"""Admin pages of users, stores, terminals, approvals and the audit log."""

from accounts.admin import (
    approvals,
    audit_log,
    dashboard,
    platform,
    service_keys,
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
    "service_keys",
    "sessions",
    "settings",
    "stores",
    "terminals",
    "users",
]

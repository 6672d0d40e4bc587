"""Serializers of users, sessions, tenant, approvals, webhooks and the audit log."""

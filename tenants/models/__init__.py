"""Models of tenants, stores, the audit log, idempotency keys, the outbox and webhooks."""

from tenants.models.audit import AuditEvent
from tenants.models.change_feed import ChangeFeed
from tenants.models.idempotency import IdempotencyKey
from tenants.models.outbox import OutboxDelivery, OutboxEvent
from tenants.models.owned import (
    ExternalReference,
    TenantManager,
    TenantOwned,
    TenantQuerySet,
    Versioned,
)
from tenants.models.store import Register, Store
from tenants.models.tenant import Tenant, default_limits
from tenants.models.webhook import Webhook

__all__ = [
    "AuditEvent",
    "ChangeFeed",
    "ExternalReference",
    "IdempotencyKey",
    "OutboxDelivery",
    "OutboxEvent",
    "Register",
    "Store",
    "Tenant",
    "TenantManager",
    "TenantOwned",
    "TenantQuerySet",
    "Versioned",
    "Webhook",
    "default_limits",
]

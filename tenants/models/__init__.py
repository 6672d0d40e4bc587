"""What a shop is, and how its rows are kept apart."""

from tenants.models.audit import AuditEvent
from tenants.models.idempotency import IdempotencyKey
from tenants.models.outbox import OutboxDelivery, OutboxEvent
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet, Versioned
from tenants.models.place import Register, Store
from tenants.models.tenant import Tenant, default_limits

__all__ = [
    "AuditEvent",
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
    "default_limits",
]

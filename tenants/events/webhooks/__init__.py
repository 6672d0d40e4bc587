"""Webhooks: signed HTTP requests with events to endpoints of a tenant's choice.

Signatures follow Standard Webhooks. URLs are validated when they are saved and again when they are
called, so that no request reaches the private network (SSRF).
"""

from tenants.events.webhooks.addresses import resolve_url
from tenants.events.webhooks.services import (
    add_webhook,
    change_webhook,
    redeliver,
    remove_webhook,
    rotate_secret,
    send_test,
)

__all__ = [
    "add_webhook",
    "change_webhook",
    "redeliver",
    "remove_webhook",
    "resolve_url",
    "rotate_secret",
    "send_test",
]

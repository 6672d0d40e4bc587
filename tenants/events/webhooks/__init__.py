"""Telling servers of a shop's own choice what happens in it: signed, and again until they hear it.

Signatures are those of Standard Webhooks. Whose server it is nobody knows, so that an address is
looked at twice, when it is saved and when it is called: no request goes where the installation
itself lives.
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

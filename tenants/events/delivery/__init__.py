"""Telling the world outside what happened in the shops, after it happened, until it is heard.

At least once, never exactly once: a relay that dies between a delivery and its mark delivers
again. Each delivery has an id of its own, by which whoever hears it can tell.
"""

from tenants.events.delivery.backoff import retry_delay
from tenants.events.delivery.loop import Relay
from tenants.events.delivery.subscribers import (
    DeliveryFailed,
    Job,
    PermanentFailure,
    RemoteSubscriber,
    Subscriber,
    load_configured,
)

__all__ = [
    "DeliveryFailed",
    "Job",
    "PermanentFailure",
    "Relay",
    "RemoteSubscriber",
    "Subscriber",
    "load_configured",
    "retry_delay",
]

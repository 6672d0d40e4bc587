"""Delivery of outbox events to subscribers, with retries.

Delivery is at least once: a relay that crashes before it records the result delivers again.
Subscribers recognize a repetition by the id of the delivery.
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

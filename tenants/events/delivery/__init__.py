"""Telling the world outside what happened in the shops, after it happened, until it is heard.

At least once, never exactly once: a relay that dies between a delivery and its mark delivers
again. Each delivery has an id of its own, by which whoever hears it can tell.
"""

from tenants.events.delivery.backoff import pause_after
from tenants.events.delivery.loop import Relay
from tenants.events.delivery.subscribers import (
    GiveUp,
    Job,
    NotDelivered,
    RemoteSubscriber,
    Subscriber,
    configured,
)

__all__ = [
    "GiveUp",
    "Job",
    "NotDelivered",
    "Relay",
    "RemoteSubscriber",
    "Subscriber",
    "configured",
    "pause_after",
]

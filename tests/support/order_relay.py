"""The configured relay."""

from typing import Any

from tenants.events.delivery import Relay, load_configured
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants


def relay_all() -> None:
    """Run all deliveries and jobs that are due."""
    Relay(*load_configured()).run(once=True)


def list_events(topic: str) -> list[OutboxEvent]:
    with across_tenants():
        return list(OutboxEvent.objects.filter(topic=topic).order_by("pk"))


def list_deliveries(subscriber: str) -> list[Any]:
    with across_tenants():
        return list(OutboxDelivery.objects.filter(subscriber=subscriber).order_by("event_id"))

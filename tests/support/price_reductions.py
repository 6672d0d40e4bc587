"""Discounts and price overrides: their audit events and the rows that an edit writes."""

from decimal import Decimal
from typing import Any

from orders.models import Order, OrderLine, Product
from tenants.models import AuditEvent, Tenant
from tenants.scope import tenant_scope

REDUCTION_EVENTS = ("discount_given", "price_overridden")


def reduction_events(shop: Tenant) -> list[Any]:
    """Return name, actor and facts of each event, oldest first."""
    with tenant_scope(shop):
        found = AuditEvent.objects.filter(event__in=REDUCTION_EVENTS).order_by("created_at", "id")
        return [(each.event, each.actor, each.facts) for each in found]


def snapshot_rows(shop: Tenant) -> tuple[Any, ...]:
    """Return everything that an edit writes: orders, lines and the number of audit events."""
    with tenant_scope(shop):
        orders = list(Order.objects.order_by("pk").values())
        lines = list(OrderLine.objects.order_by("pk").values())
        return orders, lines, AuditEvent.objects.filter(event__in=REDUCTION_EVENTS).count()


def change_price(product: Product, price: str) -> None:
    with tenant_scope(product.tenant):
        Product.objects.filter(pk=product.pk).update(price=Decimal(price))

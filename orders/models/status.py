"""Where an order stands, and every way that it can go from there."""

from django.db import models


class OrderStatus(models.TextChoices):
    OPEN = "open", "Open"
    HELD = "held", "Held"
    COMPLETED = "completed", "Completed"
    VOIDED = "voided", "Voided"
    PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
    REFUNDED = "refunded", "Refunded"


# Every way that an order can go; whatever is not here is refused.
TRANSITIONS = {
    OrderStatus.OPEN: {OrderStatus.HELD, OrderStatus.COMPLETED, OrderStatus.VOIDED},
    OrderStatus.HELD: {OrderStatus.OPEN, OrderStatus.VOIDED},
    OrderStatus.COMPLETED: {OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED},
    OrderStatus.PARTIALLY_REFUNDED: {OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED},
    OrderStatus.VOIDED: set(),
    OrderStatus.REFUNDED: set(),
}

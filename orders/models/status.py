"""Order status and its transitions."""

from django.db import models


class OrderStatus(models.TextChoices):
    OPEN = "open", "Open"
    HELD = "held", "Held"
    COMPLETED = "completed", "Completed"
    VOIDED = "voided", "Voided"
    PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
    REFUNDED = "refunded", "Refunded"


# All allowed transitions.
TRANSITIONS = {
    OrderStatus.OPEN: {OrderStatus.HELD, OrderStatus.COMPLETED, OrderStatus.VOIDED},
    OrderStatus.HELD: {OrderStatus.OPEN, OrderStatus.VOIDED},
    OrderStatus.COMPLETED: {OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED},
    OrderStatus.PARTIALLY_REFUNDED: {OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED},
    OrderStatus.VOIDED: set(),
    OrderStatus.REFUNDED: set(),
}

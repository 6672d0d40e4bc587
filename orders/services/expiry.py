"""Find products after the expiry date of their scanned code."""

from collections.abc import Sequence
from datetime import datetime

from orders.models import Order, OrderLine


def find_expired_line(order: Order, lines: Sequence[OrderLine], at: datetime) -> OrderLine | None:
    """Return the first line that has expired by the date of the store. No date never expires.

    Returned goods are not checked: nobody sells them.
    """
    sold = [line for line in lines if not line.is_returned]
    if not any(line.expires_on for line in sold):
        return None
    today = at.astimezone(order.store.clock).date()
    return next((line for line in sold if line.expires_on and line.expires_on < today), None)

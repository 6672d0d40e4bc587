"""What a till sends for a basket. Nothing here depends on the run: asked again, it is the same."""

import uuid
from decimal import ROUND_CEILING, Decimal
from typing import Any

from orders.management.ids import stable_id
from tests.tools.replay_baskets.files import SoldBasket, SoldLine

# The register is part of a sale's content, so a basket must come to the same till in every run,
# with however many workers: their number says only how many tills sell at the same time.
TILLS_PER_STORE = 8
NOTES = (Decimal(5), Decimal(10), Decimal(20), Decimal(50))
# Nobody pays small change with many large notes: at most so many of one kind.
MOST_NOTES = 4
ONE_IN_SO_MANY_BY_CARD = 3
# The simulated gateway answers amounts with these cents in its own ways (declined, time-out, late).
SPECIAL_CENTS = range(91, 95)


def order_id(shop: str, basket: SoldBasket) -> uuid.UUID:
    return stable_id("replay", shop, basket.id)


def line_id(shop: str, basket: SoldBasket, position: int) -> uuid.UUID:
    return stable_id("replay", shop, basket.id, "line", position)


def delivery_id(shop: str, basket: SoldBasket, position: int) -> uuid.UUID:
    """Each line has its goods delivered, so that any part of the files can be sold at any time."""
    return stable_id("replay", shop, basket.id, "delivery", position)


def till_of(shop: str, basket: SoldBasket) -> int:
    """The number of the till that sells this basket in its store, from 1."""
    return order_id(shop, basket).int % TILLS_PER_STORE + 1


def sale_of(shop: str, basket: SoldBasket, register: uuid.UUID) -> dict[str, Any]:
    """The body of POST orders/: the basket, and the money for it."""
    return {
        "id": str(order_id(shop, basket)),
        "register": str(register),
        "note": f"Basket {basket.id}",
        "lines": [
            {"id": str(line_id(shop, basket, position)), **_line(line)}
            for position, line in enumerate(basket.lines)
        ],
        "payments": _payments(shop, basket),
    }


def _line(line: SoldLine) -> dict[str, Any]:
    reasons = {"Loyalty card": line.discount, "Coupon": line.coupon}
    return {
        "sku": line.sku,
        "quantity": str(line.quantity),
        "unit_price": str(line.unit_price),
        "discounts": [
            {"type": "amount", "value": str(amount), "reason": reason}
            for reason, amount in reasons.items()
            if amount
        ],
    }


def _payments(shop: str, basket: SoldBasket) -> list[dict[str, str]]:
    """One payment of everything; what costs nothing is complete without any."""
    if not basket.paid:
        return []
    payment = {
        "id": str(stable_id("replay", shop, basket.id, "payment")),
        "amount": str(basket.paid),
    }
    if pays_by_card(shop, basket):
        return [payment | {"method": "card"}]
    return [payment | {"method": "cash", "tendered": str(handed_over(basket.paid))}]


def pays_by_card(shop: str, basket: SoldBasket) -> bool:
    cents = int(basket.paid * 100) % 100
    by_card = order_id(shop, basket).int // TILLS_PER_STORE % ONE_IN_SO_MANY_BY_CARD == 0
    return by_card and cents not in SPECIAL_CENTS


def handed_over(amount: Decimal) -> Decimal:
    """A few notes of one kind that cover the amount: 3.20 with a five, 21.00 with three tens."""
    note = next((note for note in NOTES if amount <= MOST_NOTES * note), NOTES[-1])
    return (amount / note).to_integral_value(ROUND_CEILING) * note

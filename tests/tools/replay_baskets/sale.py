"""Build the requests of a basket, which are the same in every run."""

import uuid
from decimal import ROUND_CEILING, Decimal
from typing import Any

from orders.management.ids import stable_id
from tests.tools.replay_baskets.files import SoldBasket, SoldLine

# The register is part of the sale, so a basket must be sold at the same till in every run,
# for any number of workers.
TILLS_PER_STORE = 8
NOTES = (Decimal(5), Decimal(10), Decimal(20), Decimal(50))
# Customers hand over at most this many notes of one kind.
MAX_NOTES = 4
CARD_PAYMENT_INTERVAL = 3
# The simulated gateway declines or delays amounts with these cents.
SPECIAL_CENTS = range(91, 95)


def order_id(shop: str, basket: SoldBasket) -> uuid.UUID:
    return stable_id("replay", shop, basket.id)


def line_id(shop: str, basket: SoldBasket, position: int) -> uuid.UUID:
    return stable_id("replay", shop, basket.id, "line", position)


def delivery_id(shop: str, basket: SoldBasket, position: int) -> uuid.UUID:
    """Return the id of the delivery of one line; each line has one, so any part can be sold."""
    return stable_id("replay", shop, basket.id, "delivery", position)


def get_till_number(shop: str, basket: SoldBasket) -> int:
    """Return the number of the till that sells this basket in its store, from 1."""
    return order_id(shop, basket).int % TILLS_PER_STORE + 1


def build_sale(shop: str, basket: SoldBasket, register: uuid.UUID) -> dict[str, Any]:
    """Build the body of POST orders/ with lines and payments."""
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
    """Build one payment of the total; a free sale needs none."""
    if not basket.paid:
        return []
    payment = {
        "id": str(stable_id("replay", shop, basket.id, "payment")),
        "amount": str(basket.paid),
    }
    if pays_by_card(shop, basket):
        return [payment | {"method": "card"}]
    return [payment | {"method": "cash", "tendered": str(compute_tendered(basket.paid))}]


def pays_by_card(shop: str, basket: SoldBasket) -> bool:
    cents = int(basket.paid * 100) % 100
    by_card = order_id(shop, basket).int // TILLS_PER_STORE % CARD_PAYMENT_INTERVAL == 0
    return by_card and cents not in SPECIAL_CENTS


def compute_tendered(amount: Decimal) -> Decimal:
    """Return the value of notes of one kind that cover the amount, such as 5 for 3.20."""
    note = next((note for note in NOTES if amount <= MAX_NOTES * note), NOTES[-1])
    return (amount / note).to_integral_value(ROUND_CEILING) * note

"""Choose the price of a product from price lists.

The only place of this rule: for new, edited and uploaded orders, and for price previews.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ListPrice:
    """A price of a product in a price list.

    Times are local times of the store, without a time zone: from `valid_from` on, and before
    `valid_to`. Without stores the list applies to all of them, and without a group to everybody.
    """

    amount: Decimal
    # Of its list, and different in each list of a shop.
    priority: int
    min_quantity: Decimal = _ZERO
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    stores: frozenset[str] = frozenset()
    customer_group: str | None = None

    def applies(
        self, quantity: Decimal, store: str, at: datetime, customer_group: str | None = None
    ) -> bool:
        """Return whether it applies to the quantity, in the store, at its time, to the customer."""
        return (
            quantity >= self.min_quantity
            and (self.valid_from is None or self.valid_from <= at)
            and (self.valid_to is None or at < self.valid_to)
            and (not self.stores or store in self.stores)
            and self.customer_group in (None, customer_group)
        )


def choose_price(
    base: Decimal,
    prices: Iterable[ListPrice],
    quantity: Decimal,
    store: str,
    at: datetime,
    customer_group: str | None = None,
) -> Decimal:
    """Return the price that applies to a quantity of a product, in a store at its local time.

    `customer_group` is that of the customer, if there is one. The list with the highest priority
    wins, then the largest minimum quantity. Where no price applies, it is the base price. Returned
    goods have a negative quantity and the price of as many.
    """
    applicable = [each for each in prices if each.applies(abs(quantity), store, at, customer_group)]
    if not applicable:
        return base
    return max(applicable, key=lambda each: (each.priority, each.min_quantity)).amount

"""How far somebody goes alone with discounts and prices, and the leave to go further."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.exceptions import ApprovalRequired
from accounts.models import Approval, User
from accounts.services import use_approval
from orders.money import Discount, DiscountType, PricedLine, round_to
from orders.services.basket import Basket
from tenants.scope import current_tenant

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Excess:
    """What of a basket goes beyond somebody's limits, and the leave that it takes."""

    basket: Basket
    order: uuid.UUID
    action: Approval.Action

    @property
    def amount(self) -> Decimal:
        """What is given away in money. Leave for prices covers the discounts beside them."""
        amount = self.basket.priced.discount_total
        if self.action == Approval.Action.PRICE_OVERRIDE:
            amount += _off_the_catalog(self.basket)
        return amount

    def refusal(self) -> ApprovalRequired:
        """Says to the letter what to ask for."""
        about = {"order": str(self.order)}
        return ApprovalRequired(action=self.action.value, object=about, amount=self.amount)

    def ensure_approved(
        self, approval: uuid.UUID, *, by: User, terminal_id: uuid.UUID | None
    ) -> None:
        """Spend the approval in this transaction; whoever gave it has limits as well."""
        approver = use_approval(
            approval,
            action=self.action,
            object={"order": self.order},
            amount=self.amount,
            by=by,
            terminal_id=terminal_id,
        )
        if excess_of(self.basket, self.order, approver):
            raise self.refusal()


def excess_of(basket: Basket, order: uuid.UUID, by: User) -> Excess | None:
    """What this person may not give away alone; None where they may give all of it."""
    if not _may_price(basket, by):
        return Excess(basket, order, Approval.Action.PRICE_OVERRIDE)
    if not may_discount(basket, by):
        return Excess(basket, order, Approval.Action.DISCOUNT)
    return None


def _may_price(basket: Basket, by: User) -> bool:
    return all(
        by.may_override_price(_percent_away(line.unit_price, product.price))
        for line, product in zip(basket.wanted, basket.products, strict=True)
        if line.unit_price is not None
        and line.unit_price != product.price
        and not product.open_price
    )


def _percent_away(price: Decimal, catalog: Decimal) -> Decimal:
    return abs(price - catalog) / catalog * HUNDRED if catalog else HUNDRED


def _off_the_catalog(basket: Basket) -> Decimal:
    """How much less the prices are than the catalog's; what has no fixed price is not less."""
    off = sum(
        (
            max(product.price - line.unit_price, Decimal(0)) * line.quantity
            for line, product in zip(basket.inputs, basket.products, strict=True)
            if not product.open_price
        ),
        Decimal(0),
    )
    return round_to(off, current_tenant().currency_exponent)


def may_discount(basket: Basket, by: User) -> bool:
    """Whether this person may let off so much alone, on every line and on the whole."""
    left = Decimal(0)
    for given, priced in zip(basket.inputs, basket.priced.lines, strict=True):
        if not by.may_discount(percent_off(priced.gross, given.discounts), whole_order=False):
            return False
        left += _left_by_line(priced)
    return by.may_discount(percent_off(left, basket.discounts), whole_order=True)


def _left_by_line(line: PricedLine) -> Decimal:
    return line.gross - sum(line.line_discounts, Decimal(0))


def percent_off(price: Decimal, discounts: Sequence[Discount]) -> Decimal:
    """How much of the price is let off, as it was asked for.

    Not as it was rounded: a tenth of 1.95 takes 0.20 off, and is no more than a tenth for that.
    """
    left = price
    for discount in discounts:
        if discount.type == DiscountType.PERCENT:
            left -= left * discount.value / HUNDRED
    for discount in discounts:
        if discount.type == DiscountType.AMOUNT:
            left -= min(discount.value, left)
    return (price - left) / price * HUNDRED if price else Decimal(0)

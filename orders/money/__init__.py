"""Money: prices, discounts, taxes, cash rounding and refunds, exact to the minor unit.

Amounts come in and go out as `Decimal`; in between they are integers in minor units. Pure
functions, and the only place that computes totals.
"""

from orders.money.bill import (
    Discount,
    DiscountType,
    LineInput,
    ModifierInput,
    PricedLine,
    PricedOrder,
    PricedTax,
    PricingPolicy,
    RoundingLevel,
    TaxRate,
    TaxTotal,
    build_tax_rate,
)
from orders.money.cash import (
    CashOutcome,
    CashRoundingRule,
    CashSettlement,
    allocate_difference,
    settle_cash,
)
from orders.money.price_changes import PriceChange, PriceChangeMode
from orders.money.price_lists import ListPrice, choose_price
from orders.money.pricing import compute_labeled_quantity, price_order
from orders.money.refunds import (
    LineRefund,
    RefundablePayment,
    RefundShare,
    SoldLine,
    allocate_refund,
    refund_quantity,
    refund_without_goods,
    round_to_coins,
)
from orders.money.rounding import RoundingMode, apportion, round_to
from orders.money.trace import build_price_trace
from orders.money.unit_price import ContentUnit, UnitPrice, compute_unit_price

__all__ = [
    "CashOutcome",
    "CashRoundingRule",
    "CashSettlement",
    "ContentUnit",
    "Discount",
    "DiscountType",
    "LineInput",
    "LineRefund",
    "ListPrice",
    "ModifierInput",
    "PriceChange",
    "PriceChangeMode",
    "PricedLine",
    "PricedOrder",
    "PricedTax",
    "PricingPolicy",
    "RefundShare",
    "RefundablePayment",
    "RoundingLevel",
    "RoundingMode",
    "SoldLine",
    "TaxRate",
    "TaxTotal",
    "UnitPrice",
    "allocate_difference",
    "allocate_refund",
    "apportion",
    "build_price_trace",
    "build_tax_rate",
    "choose_price",
    "compute_labeled_quantity",
    "compute_unit_price",
    "price_order",
    "refund_quantity",
    "refund_without_goods",
    "round_to",
    "round_to_coins",
    "settle_cash",
]

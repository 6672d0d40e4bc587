"""What every figure on a bill is, to the minor unit; nothing else computes a total.

Amounts come in and go out as `Decimal`. In between they are whole minor units, so that every sum
is exact and fast; a fraction lives only as long as it takes to round it or to share it out.
"""

from orders.money.bill import (
    Discount,
    DiscountType,
    LineInput,
    Policy,
    PricedLine,
    PricedOrder,
    PricedTax,
    RoundingLevel,
    TaxRate,
    TaxTotal,
)
from orders.money.pricing import price_order
from orders.money.refunding import (
    Paid,
    Share,
    SoldLine,
    TakenBack,
    give_back,
    round_to_coins,
    share_out_refund,
    take_back,
)
from orders.money.rounding import RoundingMode, apportion, round_to
from orders.money.settling import (
    CashOutcome,
    CashRule,
    CashSettlement,
    settle_cash,
    share_out_difference,
)
from orders.money.steps import trace

__all__ = [
    "CashOutcome",
    "CashRule",
    "CashSettlement",
    "Discount",
    "DiscountType",
    "LineInput",
    "Paid",
    "Policy",
    "PricedLine",
    "PricedOrder",
    "PricedTax",
    "RoundingLevel",
    "RoundingMode",
    "Share",
    "SoldLine",
    "TakenBack",
    "TaxRate",
    "TaxTotal",
    "apportion",
    "give_back",
    "price_order",
    "round_to",
    "round_to_coins",
    "settle_cash",
    "share_out_difference",
    "share_out_refund",
    "take_back",
    "trace",
]

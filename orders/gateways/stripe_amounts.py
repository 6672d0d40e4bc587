"""Amounts in the minor units of Stripe, which differ from ISO 4217 for some currencies.

Source: https://docs.stripe.com/currencies (presentment currencies, special cases).
"""

from decimal import Decimal

from tenants.currencies import CURRENCIES, IN_THOUSANDTHS

# Currencies of Till in which Stripe charges no cards.
NOT_SUPPORTED = frozenset(
    "BTN CUP ERN GHS IQD IRR KPW LYD MRU SDG SSP STN SVC SYP TMT VES ZWG".split()
)
SUPPORTED = CURRENCIES - NOT_SUPPORTED
# Sent in whole units. MGA has fifths of a unit, which cannot be charged.
WITHOUT_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
# ISK and UGX have no decimals, but are sent in hundredths like all other currencies.
# In thousandths the last digit must be zero.
STEP_OF_THOUSANDTHS = 10


class NotChargeable(ValueError):
    """An amount or a currency that Stripe does not charge."""


def to_minor_units(amount: Decimal, currency: str) -> int:
    """Return an amount as Stripe expects it. Raises NotChargeable."""
    if currency not in SUPPORTED:
        raise NotChargeable(f"Stripe does not process cards in {currency}.")
    if currency in WITHOUT_DECIMALS:
        exponent, step = 0, 1
    elif currency in IN_THOUSANDTHS:
        exponent, step = 3, STEP_OF_THOUSANDTHS
    else:
        exponent, step = 2, 1
    units = amount.scaleb(exponent)
    if units != units.to_integral_value() or int(units) % step:
        smallest = Decimal(step).scaleb(-exponent)
        raise NotChargeable(f"Stripe processes multiples of {smallest} {currency} only.")
    return int(units)

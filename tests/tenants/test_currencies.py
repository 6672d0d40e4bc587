"""Currencies and their decimals."""

from decimal import Decimal

import pytest

from tenants.currencies import (
    CURRENCIES,
    IN_HUNDREDTHS,
    IN_THOUSANDTHS,
    WITHOUT_MINOR_UNIT,
    get_currency_exponent,
)
from tenants.models import Tenant


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [
        *[(currency, 2) for currency in ("EUR", "USD", "GBP", "CHF", "INR", "BRL", "HUF", "TWD")],
        *[(currency, 0) for currency in ("JPY", "KRW", "CLP", "ISK", "VND", "XOF", "UGX")],
        *[(currency, 3) for currency in ("KWD", "BHD", "TND", "OMR", "JOD", "IQD", "LYD")],
    ],
)
def test_currency_has_the_decimals_of_iso_4217(currency, exponent):
    assert currency in CURRENCIES
    assert get_currency_exponent(currency) == exponent


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "EURO", "eur", "DEM", "HRK", "BTC"])
def test_metals_funds_test_codes_and_former_currencies_are_not_accepted(code):
    assert code not in CURRENCIES


def test_every_currency_has_one_exponent():
    total = len(WITHOUT_MINOR_UNIT) + len(IN_HUNDREDTHS) + len(IN_THOUSANDTHS)

    assert total == len(CURRENCIES)
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [("EUR", "2.5", "2.50"), ("JPY", "250.4", "250"), ("KWD", "2.5", "2.500")],
)
def test_amount_has_the_decimals_of_the_shops_currency(currency, amount, shown):
    assert str(Tenant(currency=currency).quantize_amount(Decimal(amount))) == shown

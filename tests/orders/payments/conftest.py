from decimal import Decimal

import pytest


@pytest.fixture
def set_smallest_coin(configure_shop):
    """`set_smallest_coin("1.00", "SEK", mode="down")`: configure cash rounding of the shop."""

    def change(smallest, currency="EUR", mode="half_up", country=""):
        step = smallest and Decimal(smallest)
        configure_shop(
            currency, cash_rounding_increment=step, cash_rounding_mode=mode, country=country
        )

    return change

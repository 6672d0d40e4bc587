"""Refund amounts by quantity, on small examples."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.money import SoldLine, refund_quantity

THREE_FOR_TEN = SoldLine(
    quantity=Decimal(3),
    total=Decimal("10.00"),
    taxes=(Decimal("0.48"),),
    bases=(Decimal("9.52"),),
    refunded_quantity=Decimal(0),
    refunded_total=Decimal("0.00"),
    refunded_taxes=(Decimal("0.00"),),
    refunded_bases=(Decimal("0.00"),),
)


def test_units_refunded_one_by_one_add_up_and_the_last_takes_the_remainder():
    line, paid = THREE_FOR_TEN, []
    for _ in range(3):
        refund = refund_quantity(line, Decimal(1), 2)
        paid.append(str(refund.total))
        line = replace(
            line,
            refunded_quantity=line.refunded_quantity + 1,
            refunded_total=line.refunded_total + refund.total,
            refunded_taxes=(line.refunded_taxes[0] + refund.taxes[0],),
            refunded_bases=(line.refunded_bases[0] + refund.bases[0],),
        )

    assert paid == ["3.33", "3.34", "3.33"]
    assert line.refunded_taxes == line.taxes
    assert line.refunded_bases == line.bases


@pytest.mark.parametrize(("refunded", "quantity"), [("2", "1.001"), ("0", "0"), ("2", "-1")])
def test_refunding_more_than_was_sold_is_refused(refunded, quantity):
    line = replace(THREE_FOR_TEN, refunded_quantity=Decimal(refunded))

    with pytest.raises(ValueError, match="cannot take back"):
        refund_quantity(line, Decimal(quantity), 2)


def test_refund_of_goods_subtracts_money_refunded_without_goods():
    line = replace(THREE_FOR_TEN, refunded_total=Decimal("5.00"))

    assert [refund_quantity(line, Decimal(n), 2).total for n in (1, 2, 3)] == [
        Decimal("0.00"),
        Decimal("1.67"),
        Decimal("5.00"),
    ]

"""The price trace of a line, as shown by `orders/calculate/`."""

from decimal import Decimal

from orders.money import (
    Discount,
    DiscountType,
    LineInput,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    build_price_trace,
    price_order,
)

EURO = PricingPolicy(2, RoundingLevel.LINE, RoundingMode.HALF_UP)
VAT = TaxRate("VAT", Decimal("20.0000"), included=True, compound=False)
LEVY = TaxRate("levy", Decimal("10"), included=False, compound=True)


def test_trace_lists_every_step_from_gross_to_total():
    discounts = (
        Discount(DiscountType.AMOUNT, Decimal("3")),
        Discount(DiscountType.PERCENT, Decimal("10.0000")),
    )
    line = LineInput(Decimal("3.000"), Decimal("10"), (VAT, LEVY), discounts)
    order = price_order([line], [Discount(DiscountType.AMOUNT, Decimal("4.00"))], EURO)

    steps = build_price_trace(line, order.lines[0], EURO)

    assert steps == [
        {"step": "gross", "quantity": "3", "unit_price": "10.00", "amount": "30.00"},
        {"step": "discount", "type": "percent", "value": "10", "amount": "3.00"},
        {"step": "discount", "type": "amount", "value": "3.00", "amount": "3.00"},
        {"step": "order_discount", "amount": "4.00"},
        {"step": "net", "amount": "20.00"},
        {
            "step": "tax",
            "name": "VAT",
            "percent": "20",
            "base": "16.66666666",
            "exact": "3.33333333",
            "amount": "3.33",
        },
        {
            "step": "tax",
            "name": "levy",
            "percent": "10",
            "base": "20.00000000",
            "exact": "2.00000000",
            "amount": "2.00",
        },
        {"step": "total", "amount": "22.00"},
    ]


def test_trace_keeps_price_decimals_beyond_the_currency():
    line = LineInput(Decimal("40"), Decimal("1.899"), ())

    steps = build_price_trace(line, price_order([line], (), EURO).lines[0], EURO)

    assert steps[0]["unit_price"] == "1.899"
    assert [step["step"] for step in steps] == ["gross", "net", "total"]


def test_trace_uses_no_scientific_notation():
    dinar = PricingPolicy(3, RoundingLevel.LINE, RoundingMode.HALF_UP)
    line = LineInput(Decimal(1), Decimal(0), (LEVY,))

    steps = build_price_trace(line, price_order([line], (), dinar).lines[0], dinar)

    assert steps[2]["exact"] == "0.000000000"

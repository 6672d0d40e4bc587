"""Compiled readers return and refuse the same as the serializers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from orders.serializers.basket import OrderInput, OrderInputWithRegister
from orders.serializers.refund import RefundInput
from tenants.api.compiled_input import NotReadable, get_reader
from tenants.api.fields import StrictCharField, StrictIntegerField
from tenants.api.serializers import StrictSerializer
from tenants.models import Tenant
from tenants.scope import tenant_context

ID = "018f0000-0000-7000-8000-000000000001"
TEXTS = st.sampled_from(["", " ", "a", "Grün", "A\u030a", "x\ny", "\u2028", "a" * 300, "\ud800"])
NUMBERS = st.sampled_from(
    ["1", "0", "-1", "1.5", "2.50", "0.735", "1.2345", "1e3", "", " 1", "999999.999", "1000000"]
)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**7), TEXTS, NUMBERS, st.just([]), st.just({})
)
IDS = st.sampled_from([ID, ID.upper(), "018f", "", 7])


def objects(**fields):
    """Generate dictionaries of these fields, sometimes with invalid values or another field."""
    changed = {name: st.one_of(value, ANYTHING) for name, value in fields.items()}
    return st.one_of(
        st.fixed_dictionaries({}, optional=fields),
        st.fixed_dictionaries({}, optional=changed | {"other": ANYTHING}),
    )


KINDS = st.sampled_from(["percent", "amount", "free"])
DISCOUNTS = st.lists(objects(type=KINDS, value=NUMBERS, reason=TEXTS), max_size=2)
LINES = objects(
    id=IDS,
    product=IDS,
    sku=TEXTS,
    barcode=TEXTS,
    quantity=NUMBERS,
    unit_price=NUMBERS,
    note=TEXTS,
    discounts=DISCOUNTS,
)
PAYMENTS = objects(
    id=IDS,
    method=st.sampled_from(["cash", "card", "voucher", "gold"]),
    amount=NUMBERS,
    tendered=NUMBERS,
    reference=TEXTS,
    entry=st.sampled_from(["external", "gateway"]),
)
ORDERS = objects(
    id=IDS,
    register=IDS,
    lines=st.lists(LINES, max_size=3),
    discounts=DISCOUNTS,
    customer=objects(name=TEXTS, email=st.sampled_from(["ann@Till.Example", "ann", ""])),
    note=TEXTS,
    payments=st.lists(PAYMENTS, max_size=2),
    approval=IDS,
    device_sequence=st.integers(-1, 2**32),
)


def read_both_ways(input_class, data):
    """Return the results of the reader and of the serializer, None if they refuse the data."""
    try:
        expected = input_class().run_validation(data)
    except serializers.ValidationError:
        expected = None
    try:
        found = get_reader(input_class)(data)
    except (NotReadable, serializers.ValidationError):
        found = None
    return found, expected


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@given(data=st.one_of(ORDERS, ANYTHING))
def test_reader_and_serializer_of_orders_agree(currency, data):
    with tenant_context(Tenant(currency=currency)):
        for input_class in (OrderInput, OrderInputWithRegister):
            found, expected = read_both_ways(input_class, data)
            assert found == expected


@given(data=objects(lines=st.lists(LINES, max_size=2), reason=TEXTS, amount=NUMBERS, id=IDS))
def test_reader_and_serializer_of_refunds_agree(data):
    with tenant_context(Tenant(currency="EUR")):
        found, expected = read_both_ways(RefundInput, data)
        assert found == expected


def test_reader_accepts_an_order_with_all_kinds_of_fields():
    line = {"product": ID, "quantity": "2", "discounts": [{"type": "percent", "value": "10"}]}
    payments = [{"method": "cash"}, {"method": "voucher", "amount": "1.00", "reference": "V"}]
    data = {"id": ID, "register": ID, "lines": [line], "payments": payments, "note": "a\nb"}
    data |= {"external_id": " WEB-1 ", "metadata": {"a": [1, None]}}

    with tenant_context(Tenant(currency="EUR")):
        found, expected = read_both_ways(OrderInput, data)

    assert expected is not None
    assert found == expected


class UnsupportedInput(StrictSerializer):
    """Features that the reader does not support: a default, null, and a validation method."""

    count = StrictIntegerField(default=3)
    name = StrictCharField(max_length=5, allow_null=True, required=False)

    def validate_name(self, name):
        return name and name.upper()


@pytest.mark.parametrize("data", [{}, {"name": None}, {"name": "a"}, {"name": "abcdef"}, None])
def test_reader_falls_back_to_the_serializer_for_unsupported_features(data):
    found, expected = read_both_ways(UnsupportedInput, data)

    assert found == expected

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from tenants.api.fields import MoneyField, PercentField, QuantityField
from tenants.exceptions import NoTenantScope
from tenants.models import Tenant
from tenants.scope import tenant_context
from tests.support.fields import field_error_code, validate_field

EUR = MoneyField(exponent=2)

# Numbers for Python, Decimal or spreadsheets that the API rejects.
NOT_PLAIN = [
    *("NaN", "sNaN", "Infinity", "-0", "1e5", "1_000", "\u0661\u0662", " 1 ", "1e-30"),
    *("", ".5", "5.", "+1", "1,50", "0x10", "1.2.3", "1\n", "\n1", "1\0", "--1"),
    *("\u0661", "\uff11", "\xb2"),
    *(True, False, None, [], {}, [1], {"a": 1}, 1.1, 1.0, Decimal("1.1"), Decimal(1), b"1"),
]


# --- money ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exponent", "data", "text"),
    [
        (2, "12.50", "12.50"),
        (2, "12.5", "12.50"),
        (2, "12", "12.00"),
        (2, 12, "12.00"),
        (2, "0", "0.00"),
        (2, "007", "7.00"),
        (2, "99999999999.99", "99999999999.99"),
        (0, "1250", "1250"),
        (0, 1250, "1250"),
        (3, "12.5", "12.500"),
        (3, "0.001", "0.001"),
    ],
)
def test_amount_is_shown_with_the_decimals_of_the_currency(exponent, data, text):
    field = MoneyField(exponent=exponent)

    amount = validate_field(field, data)

    assert str(amount) == text
    assert field.to_representation(amount) == text


@pytest.mark.parametrize("data", NOT_PLAIN, ids=lambda data: f"attack-105-{data!r}")
def test_other_notations_are_not_amounts(data):
    assert field_error_code(EUR, data) in {"invalid", "null"}


@pytest.mark.parametrize(
    ("exponent", "data", "code"),
    [
        pytest.param(2, "0.001", "max_decimal_places", id="attack-105-a-tenth-of-a-cent"),
        pytest.param(2, "1.000", "max_decimal_places", id="zeros-count"),
        pytest.param(0, "1.5", "max_decimal_places", id="half-a-yen"),
        pytest.param(0, "1.0", "max_decimal_places", id="yen-with-a-point"),
        pytest.param(3, "1.0001", "max_decimal_places", id="kuwait"),
        pytest.param(2, "100000000000", "max_digits", id="twelve-digits"),
        pytest.param(2, 100000000000, "max_digits", id="integer-of-twelve-digits"),
        pytest.param(2, 10**30, "max_digits", id="attack-107-10-to-the-30"),
        pytest.param(2, 10**4000, "max_digits", id="attack-104-4000-digits"),
        pytest.param(2, "1" * 1_000_000, "max_digits", id="a-million-digits"),
        pytest.param(2, "-1", "invalid", id="attack-123-negative"),
        pytest.param(2, -1, "invalid", id="attack-123-negative-integer"),
    ],
)
def test_amount_with_too_many_decimals_or_out_of_range_is_rejected(exponent, data, code):
    assert field_error_code(MoneyField(exponent=exponent), data) == code


@pytest.mark.parametrize(
    ("options", "data", "code"),
    [
        ({"allow_zero": False}, "0.00", "zero"),
        ({"allow_zero": False}, 0, "zero"),
        ({"min_value": Decimal("5.00")}, "4.99", "min_value"),
        ({"max_value": Decimal("5.00")}, "5.01", "max_value"),
    ],
)
def test_amount_out_of_bounds_is_rejected(options, data, code):
    assert field_error_code(MoneyField(exponent=2, **options), data) == code
    assert validate_field(MoneyField(exponent=2, **options), "5.00") == Decimal(5)


@pytest.mark.parametrize(
    ("data", "text"), [("-12.50", "-12.50"), (-3, "-3.00"), ("-0", "0.00"), ("-0.00", "0.00")]
)
def test_negative_amount_is_accepted_if_allowed(data, text):
    field = MoneyField(exponent=2, allow_negative=True)

    assert field.to_representation(validate_field(field, data)) == text


def test_currency_is_that_of_the_tenant_in_scope():
    field = MoneyField()
    yen, dinar = Tenant(currency="JPY"), Tenant(currency="KWD")

    with tenant_context(yen):
        assert field.to_representation(Decimal("1250.000")) == "1250"
        assert field_error_code(field, "1.5") == "max_decimal_places"
    with tenant_context(dinar):
        assert field.to_representation(Decimal("12.5")) == "12.500"
        assert str(validate_field(field, "1.5")) == "1.500"
    with pytest.raises(NoTenantScope):
        field.to_representation(Decimal(1))


@pytest.mark.parametrize(
    ("stored", "text"),
    [("1.005", "1.01"), ("-0.001", "0.00"), ("1E+2", "100.00"), ("0E-10", "0.00"), ("2", "2.00")],
)
def test_stored_amount_is_shown_with_the_decimals_of_the_currency(stored, text):
    assert EUR.to_representation(Decimal(stored)) == text


@given(st.integers(0, 10**13 - 1), st.integers(0, 3))
def test_shown_amount_can_be_sent_back(units, exponent):
    field = MoneyField(exponent=exponent)
    amount = Decimal(units).scaleb(-exponent)

    if len(str(units)) - exponent <= 11:
        assert validate_field(field, field.to_representation(amount)) == amount


@given(st.text() | st.floats() | st.integers() | st.decimals() | st.booleans())
def test_any_value_is_a_plain_amount_or_rejected(data):
    try:
        amount = EUR.run_validation(data)
    except serializers.ValidationError:
        return
    assert isinstance(data, int | str)
    assert amount == Decimal(str(data))
    assert amount.as_tuple().exponent == -2
    assert str(data).isascii()


# --- quantities and percentages ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("1", "1"),
        (3, "3"),
        ("0.735", "0.735"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("0.001", "0.001"),
        ("999999.999", "999999.999"),
    ],
)
def test_quantity_is_shown_without_trailing_zeros(data, text):
    field = QuantityField()

    assert field.to_representation(validate_field(field, data)) == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("0", "zero"),
        (0, "zero"),
        ("0.000", "zero"),
        ("0.0001", "max_decimal_places"),
        ("1000000", "max_digits"),
        ("-1", "invalid"),
        (0.735, "invalid"),
        (Decimal("0.735"), "invalid"),
    ],
)
def test_zero_negative_or_too_precise_quantity_is_rejected(data, code):
    assert field_error_code(QuantityField(), data) == code


def test_zero_and_negative_quantities_are_accepted_if_allowed():
    assert validate_field(QuantityField(allow_zero=True), "0") == 0
    assert validate_field(QuantityField(allow_negative=True), "-1.5") == Decimal("-1.5")


@pytest.mark.parametrize("data", NOT_PLAIN, ids=lambda data: f"attack-105-{data!r}")
@pytest.mark.parametrize("field", [QuantityField(), PercentField()], ids=["quantity", "percent"])
def test_other_notations_are_not_quantities_or_percentages(field, data):
    assert field_error_code(field, data) in {"invalid", "null"}


@pytest.mark.parametrize(
    ("data", "text"), [("0", "0"), ("8.8750", "8.875"), (19, "19"), ("100.0000", "100")]
)
def test_percentage_has_up_to_four_decimals(data, text):
    field = PercentField()

    assert field.to_representation(validate_field(field, data)) == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("100.0001", "max_value"),
        ("101", "max_value"),
        ("1000", "max_digits"),
        ("0.00001", "max_decimal_places"),
        pytest.param("-5", "invalid", id="attack-123-minus-five"),
    ],
)
def test_percentage_out_of_range_is_rejected(data, code):
    assert field_error_code(PercentField(), data) == code

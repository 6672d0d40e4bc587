"""Labels of scales: patterns, and what a code says by them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.codes import Label, LabelKind, is_label_pattern, normalize_plu, read_label
from tests.support.labels import add_check_digit

WEIGHT, PRICE = LabelKind.WEIGHT, LabelKind.PRICE


@pytest.mark.parametrize(
    "pattern",
    [
        "20IIIIIVVVVVC",
        "21IIIIKVVVVVC",
        "02IIIIIVVVVVC",
        "2IIIIIVVVVVVV",
        "29VVVVVIIIIIC",
        "281IIIIVVVV0C",
        "2IVVVVVVVVVVV",
    ],
)
def test_patterns(pattern):
    assert is_label_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "20IIIIIVVVVV",
        "20IIIIIVVVVVCC",
        "IIIIIIIVVVVVC",  # no digit tells it from other barcodes
        "C0IIIIIVVVVVV",
        "20IIIIICVVVVV",  # the check digit is the last one
        "20IIVVIIVVVVC",  # two groups
        "20IIIIIIIIIIC",
        "20VVVVVVVVVVC",
        "2012345678901",
        "20iiiiivvvvvc",
        "20IIIIIVVVVVX",
        "20IIIIIVVVVV\n",
        "٢0IIIIIVVVVVC",
    ],
)
def test_malformed_patterns(pattern):
    assert not is_label_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "kind", "decimals", "digits", "expected"),
    [
        ("20IIIIIVVVVVC", WEIGHT, 3, "200012300735", Label("123", WEIGHT, Decimal("0.735"))),
        ("21IIIIKVVVVVC", PRICE, 2, "210042900537", Label("42", PRICE, Decimal("5.37"))),
        ("21IIIIKVVVVVC", PRICE, 0, "210042900537", Label("42", PRICE, Decimal(537))),
        ("29VVVVVIIIIIC", PRICE, 3, "290053700042", Label("42", PRICE, Decimal("0.537"))),
        ("2IIIIIVVVVVVV", WEIGHT, 0, "200042000001", None),
    ],
)
def test_label_is_read(pattern, kind, decimals, digits, expected):
    code = add_check_digit(digits)

    read = read_label(code, pattern, kind, decimals)

    assert read == expected or (expected is None and read and read.plu == "42")


def test_value_may_take_the_place_of_the_check_digit():
    assert read_label("2000420000001", "2IIIIIVVVVVVV", WEIGHT, 3) == Label(
        "42", WEIGHT, Decimal("0.001")
    )


@given(st.integers(0, 99999), st.integers(0, 99999))
def test_twelve_digits_get_a_leading_zero(item, value):
    code = add_check_digit(f"02{item:05}{value:05}")
    expected = Label(normalize_plu(str(item)), WEIGHT, Decimal(value).scaleb(-3))

    assert read_label(code, "02IIIIIVVVVVC", WEIGHT, 3) == expected
    assert read_label(code[1:], "02IIIIIVVVVVC", WEIGHT, 3) == expected
    assert read_label(f"0{code}", "02IIIIIVVVVVC", WEIGHT, 3) is None


@given(st.integers(0, 99999), st.integers(0, 99999), st.integers(1, 9))
def test_wrong_check_digit_is_no_label(item, value, off):
    code = add_check_digit(f"20{item:05}{value:05}")
    wrong = f"{code[:12]}{(int(code[12]) + off) % 10}"

    assert read_label(code, "20IIIIIVVVVVC", WEIGHT, 3) is not None
    assert read_label(wrong, "20IIIIIVVVVVC", WEIGHT, 3) is None


@given(st.text("0123456789IVKC", min_size=13, max_size=13), st.text(max_size=14))
def test_any_text_is_read_or_refused(pattern, code):
    if is_label_pattern(pattern):
        read_label(code, pattern, PRICE, 2)

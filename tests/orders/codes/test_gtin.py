"""Every spelling of a GTIN has the same key, and no other code has it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orders.codes import build_key
from orders.codes.gtin import compress_upc_a, expand_upc_e


def with_check_digit(digits):
    """Append the check digit, computed independently: by position from the right."""
    total = sum(
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))
    )
    return f"{digits}{-total % 10}"


def numbers(length):
    return st.text("0123456789", min_size=length, max_size=length).map(with_check_digit)


def spellings(upc_a):
    found = {upc_a, f"0{upc_a}", f"00{upc_a}"}
    short = compress_upc_a(upc_a)
    return found | {short} if short else found


@st.composite
def compressible(draw):
    """A UPC-A number that has a UPC-E symbol."""
    company = draw(st.text("0123456789", min_size=5, max_size=5))
    kind = draw(st.sampled_from("0347"))
    if kind == "0":
        last, item = draw(st.sampled_from("012")), company[2:]
        return with_check_digit(f"0{company[:2]}{last}0000{item}")
    if kind == "3":
        assume(company[2] not in "012")
        return with_check_digit(f"0{company[:3]}00000{company[3:]}")
    if kind == "4":
        assume(company[3] != "0")
        return with_check_digit(f"0{company[:4]}00000{company[4]}")
    assume(company[4] != "0")
    return with_check_digit(f"0{company}0000{draw(st.sampled_from('56789'))}")


@given(numbers(11) | compressible())
def test_spellings_of_a_upc_a_number_have_its_key(upc_a):
    assert {build_key(each) for each in spellings(upc_a)} == {f"00{upc_a}"}


@given(numbers(12))
def test_ean_13_has_the_key_of_its_gtin_14(ean):
    assert build_key(ean) == build_key(f"0{ean}") == f"0{ean}"


@given(compressible())
def test_upc_e_of_a_number_expands_to_it(upc_a):
    short = compress_upc_a(upc_a)

    assert len(short) == 8
    assert expand_upc_e(short) == upc_a


@given(st.text("0123456789", min_size=8, max_size=8))
def test_eight_digits_are_upc_e_or_gtin_8_or_no_gtin(code):
    upc_a = expand_upc_e(code)
    if upc_a is not None:
        expected = f"00{upc_a}"
    elif with_check_digit(code[:-1]) == code:
        expected = f"000000{code}"
    else:
        expected = code

    assert build_key(code) == expected
    assert upc_a is None or compress_upc_a(upc_a) == code


@given(st.sampled_from([11, 12, 13]).flatmap(numbers), st.integers(1, 9))
def test_wrong_check_digit_makes_no_gtin(code, difference):
    wrong = f"{code[:-1]}{(int(code[-1]) + difference) % 10}"

    assert build_key(wrong) == wrong
    assert build_key(wrong) != build_key(code)


@given(numbers(7), st.integers(1, 9))
def test_wrong_check_digit_of_gtin_8_has_another_key(code, difference):
    wrong = f"{code[:-1]}{(int(code[-1]) + difference) % 10}"

    assert build_key(wrong) != build_key(code)


@given(numbers(12), st.sampled_from("123456789"))
def test_case_is_another_product(ean, indicator):
    case = with_check_digit(f"{indicator}{ean[:-1]}")

    assert build_key(case) == case != build_key(ean)


DIGITS = st.text("0123456789", min_size=8, max_size=14)
CODES = st.sampled_from([7, 11, 12, 13]).flatmap(numbers) | compressible() | DIGITS | st.text()


def list_spellings(gtin):
    """Return every way to print a number of 14 digits."""
    found = {gtin[zeros:] for zeros in (0, 1, 2) if gtin.startswith("0" * zeros)}
    short = gtin.startswith("00") and compress_upc_a(gtin[2:])
    eight = gtin[6:]
    if gtin.startswith("000000") and expand_upc_e(eight) is None:
        found.add(eight)
    return found | {short} if short else found


@given(CODES)
def test_only_the_spellings_of_a_number_have_its_key(code):
    key = build_key(code)
    is_gtin = len(key) == 14 and key.isdecimal() and with_check_digit(key[:-1]) == key

    assert code in (list_spellings(key) if is_gtin else {key})
    assert {build_key(each) for each in list_spellings(key) if is_gtin} <= {key}
    assert build_key(key) == key


@given(CODES, CODES)
def test_different_numbers_have_different_keys(one, other):
    if build_key(one) == build_key(other):
        assert one == other or {one, other} <= list_spellings(build_key(one))


@pytest.mark.parametrize(
    ("upc_e", "upc_a"),
    [
        ("04252614", "042100005264"),
        ("01234505", "012000003455"),
        ("01234531", "012300000451"),
        ("01234543", "012340000053"),
        ("01234565", "012345000065"),
    ],
)
def test_published_pairs_of_upc_e_and_upc_a(upc_e, upc_a):
    assert (expand_upc_e(upc_e), compress_upc_a(upc_a)) == (upc_a, upc_e)


@pytest.mark.parametrize(
    "code",
    ["", "42", "4011", "٤٠٠٦٣٨١٣٣٣٩٣١", "4006381333931 ", "ABC", "123456789", "4006381333930"],
)
def test_other_codes_are_their_own_key(code):
    assert build_key(code) == code

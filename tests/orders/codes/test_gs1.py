"""GS1 element strings, brackets and Digital Link."""

from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.codes.gs1 import (
    FNC1,
    FORMAT_BY_IDENTIFIER,
    SYMBOLOGIES,
    GS1Code,
    MalformedCode,
    Traceability,
    find_year,
    is_gs1,
    read_elements,
    read_gs1,
)
from tests.support.labels import add_check_digit

TODAY = date(2026, 11, 30)
GTIN = "09520010000032"
FULL = {"01": GTIN, "3103": "000735", "15": "261231", "17": "270100", "10": "LOT-7", "21": "S/1"}
EXPECTED = GS1Code(
    GTIN,
    Traceability("LOT-7", date(2026, 12, 31), date(2027, 1, 31), "S/1"),
    weight=Decimal("0.735"),
)
# Without FNC1 after them.
PREDEFINED = ("01", "15", "17", "3103")


def write_element_string(elements, prefix="]C1", end=""):
    text = ""
    for position, (identifier, value) in enumerate(elements.items(), 1):
        is_open = identifier not in PREDEFINED and position < len(elements)
        text += identifier + value + (FNC1 if is_open else "")
    return f"{prefix}{text}{end}"


def write_brackets(elements):
    return "".join(f"({identifier}){value}" for identifier, value in elements.items())


def write_link(elements, base="https://id.gs1.org"):
    in_path = [name for name in ("01", "10", "21") if name in elements]
    path = "".join(f"/{name}/{quote(elements[name], safe='')}" for name in in_path)
    others = [f"{name}={quote(value)}" for name, value in elements.items() if name not in in_path]
    return f"{base}{path}" + (f"?{'&'.join(others)}" if others else "")


@pytest.mark.parametrize("prefix", [*SYMBOLOGIES, FNC1, f"]d2{FNC1}"])
@pytest.mark.parametrize("end", ["", FNC1])
def test_element_string(prefix, end):
    assert read_gs1(write_element_string(FULL, prefix, end), TODAY) == EXPECTED


def test_brackets():
    assert read_gs1(write_brackets(FULL), TODAY) == EXPECTED
    odd = read_gs1(f"(01){GTIN}(10)A(1)B(99)", TODAY)
    assert odd is None  # 99 is an identifier without a value
    assert read_gs1(f"(01){GTIN}(10)A(1)B(98)X", TODAY).traceability.lot == "A(1)B"


@pytest.mark.parametrize(
    "base", ["https://id.gs1.org", "HTTP://shop.example/a/b", "https://till.example:8443"]
)
def test_digital_link(base):
    assert read_gs1(write_link(FULL, base), TODAY) == EXPECTED
    assert read_gs1(f"{base}/01/{GTIN}/?lang=de&17=261130", TODAY) == GS1Code(
        GTIN, Traceability(expires_on=TODAY)
    )
    assert read_gs1(f"{base}/01/{GTIN[1:]}", TODAY) == GS1Code(GTIN)


@pytest.mark.parametrize("prefix", ["]Q1", "]Q3", "]d1", "]d2"])
def test_digital_link_after_a_symbology_identifier(prefix):
    assert read_gs1(prefix + write_link(FULL), TODAY) == EXPECTED


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"3200": "000002"}, {"weight": Decimal(2), "weight_unit": "lb"}),
        ({"3105": "000002"}, {"weight": Decimal("0.00002")}),
        ({"3922": "537"}, {"price": Decimal("5.37")}),
        ({"3933": "978537"}, {"price": Decimal("0.537"), "currency": "978"}),
        ({"3920": "123456789012345"}, {"price": Decimal(123456789012345)}),
        ({"15": "261130"}, {"traceability": Traceability(best_before=TODAY)}),
        ({"17": "280200"}, {"traceability": Traceability(expires_on=date(2028, 2, 29))}),
        ({"30": "2", "37": "5", "8005": "000199"}, {}),
        ({"7041": "BX", "8014": "ABC-1"}, {}),
        ({"8040": "123456789012345", "8043": "123456789012345678"}, {}),
    ],
)
def test_elements(elements, expected):
    code = GS1Code(GTIN, **expected)

    assert read_gs1(write_brackets({"01": GTIN} | elements), TODAY) == code
    assert read_gs1(write_element_string({"01": GTIN} | elements), TODAY) == code


@pytest.mark.parametrize(
    "code",
    [
        "(01)09520010000033",  # check digit
        "(01)9520010000032",
        f"(01){GTIN}(17)261301",
        f"(01){GTIN}(17)260230",
        f"(01){GTIN}(3106)000735",
        f"(01){GTIN}(3103)00735",
        f"(01){GTIN}(10){'x' * 21}",
        f"(01){GTIN}(10)",
        f"(01){GTIN}(10)ü",
        f"(01){GTIN}(10)A(10)B",
        f"(01){GTIN}(393)978537",
        f"(01){GTIN}(3932)537",
        "(17)261231",
        "]C1",
        f"]C101{GTIN}05",
        f"]C101{GTIN[:-1]}",
        f"]C101{GTIN}10{FNC1}21S",
        f"]E001{GTIN}",
        f"01{GTIN}",
        f"https://id.gs1.org/01/{GTIN}/10",
        f"https://id.gs1.org/01/{GTIN}/xx/1",
        "https://id.gs1.org/",
        "https://[/01/09520010000032",
        GTIN,
        "",
    ],
)
def test_malformed_and_other_codes_are_not_read(code):
    assert read_gs1(code, TODAY) is None


def test_repeated_identifier_with_the_same_value_is_read():
    assert read_gs1(f"(01){GTIN}(10)A(10)A", TODAY).traceability.lot == "A"


@pytest.mark.parametrize(
    ("two_digits", "this_year", "year"),
    [
        (26, 2026, 2026),
        (76, 2026, 2076),
        (77, 2026, 1977),
        (99, 2026, 1999),
        (0, 2026, 2000),
        (0, 2049, 2000),
        (0, 2050, 2100),
        (10, 2099, 2110),
        (50, 2099, 2050),
        (49, 2099, 2149),
    ],
)
def test_century_by_the_sliding_window(two_digits, this_year, year):
    assert find_year(two_digits, this_year) == year


@given(st.integers(0, 99), st.integers(2000, 2200))
def test_year_is_within_49_years_ago_and_50_years_ahead(two_digits, this_year):
    year = find_year(two_digits, this_year)

    assert year % 100 == two_digits
    assert this_year - 49 <= year <= this_year + 50


gtins = st.integers(0, 10**13 - 1).map(lambda number: add_check_digit(f"{number:013}"))
texts = st.text("!\"%&'*+,-./0123456789:;<=>?ABCXYZ_abcxyz", min_size=1, max_size=20)


@given(gtins, texts, texts, st.integers(0, 999_999), st.sampled_from(range(6)))
def test_all_forms_say_the_same(gtin, lot, serial, weight, decimals):
    elements = {"01": gtin, f"310{decimals}": f"{weight:06}", "10": lot, "21": serial}
    forms = (write_element_string, write_brackets, write_link)
    # The helper knows the length of 3103 only.
    one, other, link = (read_gs1(form(elements), TODAY) for form in forms[1:] + forms[1:2])
    assert one is not None
    assert one == other == link
    assert one.weight == Decimal(weight).scaleb(-decimals)
    assert one.traceability == Traceability(lot=lot, serial=serial)


@given(gtins, st.integers(1, 9))
def test_wrong_check_digit_finds_nothing(gtin, off):
    wrong = f"{gtin[:13]}{(int(gtin[13]) + off) % 10}"

    for form in (write_element_string, write_brackets, write_link):
        assert is_gs1(form({"01": gtin}))
        assert read_gs1(form({"01": gtin}), TODAY) is not None
        assert read_gs1(form({"01": wrong}), TODAY) is None


@given(
    st.sampled_from([*SYMBOLOGIES, FNC1, "(01)", "https://x/01/", ""]),
    st.text("0123456789()AB/\x1d?=&%.", max_size=60) | st.text(max_size=60),
)
def test_any_text_is_read_or_refused(prefix, text):
    read_gs1(f"{prefix}{text}", TODAY)
    try:
        assert set(read_elements(f"{prefix}{text}")) <= set(FORMAT_BY_IDENTIFIER)
    except MalformedCode:
        assert not is_gs1(f"{prefix}{text}")

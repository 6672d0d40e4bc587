"""GS1 element strings and GS1 Digital Link: what a code says besides its GTIN.

Sources: GS1 General Specifications (dates, measures, sliding window of centuries), GS1 Barcode
Syntax Dictionary of July 2026 (lengths and characters of each identifier), GS1 Digital Link.
"""

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl, unquote, urlsplit

from orders.codes.gtin import KEY_LENGTH, build_key, has_right_check_digit
from orders.codes.symbology import remove_symbology

FNC1 = "\x1d"
# Of GS1-128, DataMatrix, DataBar and composite, QR and DotCode symbols.
SYMBOLOGIES = ("]C1", "]d2", "]e0", "]Q3", "]J1")
# Identifiers that end without FNC1, because these first two digits have one length.
PREDEFINED = frozenset("00 01 02 03 04 11 12 13 15 16 17 20 31 32 33 34 35 36 41".split())
# Length, or minimum and maximum; N for digits.
FORMATS = """
00 N18; 01-03 N14; 10 X1-20; 11-13 N6; 15-17 N6; 20 N2; 21-22 X1-20; 235 X1-28; 240-241 X1-30
242 N1-6; 243 X1-20; 250-251 X1-30; 253 X13-30; 254 X1-20; 255 N13-25; 30 N1-8; 3100-3169 N6
3200-3299 N6; 3300-3379 N6; 3400-3499 N6; 3500-3579 N6; 3600-3699 N6; 37 N1-8; 3900-3909 N1-15
3910-3919 N4-18; 3920-3929 N1-15; 3930-3939 N4-18; 3940-3943 N4; 3950-3955 N6; 400-401 X1-30
402 N17; 403 X1-30; 410-417 N13; 420 X1-20; 421 X4-12; 422 N3; 423 N3-15; 424 N3; 425 N3-15; 426 N3
427 X1-3; 4300-4301 X1-35; 4302-4306 X1-70; 4307 X2; 4308 X1-30; 4309 N20; 4310-4311 X1-35
4312-4316 X1-70; 4317 X2; 4318 X1-20; 4319 X1-30; 4320 X1-35; 4321-4323 N1; 4324-4325 N10; 4326 N6
4330-4333 X6-7; 7001 N13; 7002 X1-30; 7003 N10; 7004 N1-4; 7005 X1-12; 7006 N6; 7007 N6-12
7008 X1-3; 7009 X1-10; 7010 X1-2; 7011 N6-10; 7020-7022 X1-20; 7023 X1-30; 7030-7039 X4-30; 7040 X4
7041 X1-4; 710-717 X1-20; 7230-7239 X3-30; 7240 X1-20; 7241 N2; 7242 X1-25; 7250 N8; 7251 N12
7252 N1; 7253-7254 X1-40; 7255 X1-10; 7256 X1-90; 7257 X1-70; 7258 X3; 7259 X1-40; 8001 N14
8002 X1-20; 8003 X14-30; 8004 X1-30; 8005 N6; 8006 N18; 8007 X1-34; 8008 N8-12; 8009 X1-50
8010 X1-30; 8011 N1-12; 8012 X1-20; 8013 X1-25; 8014 X1-25; 8017-8018 N18; 8019 N1-10; 8020 X1-25
8026 N18; 8030 X1-90; 8040-8041 N15; 8042 N32; 8043 N18-20; 8110 X1-70; 8111 N4; 8112 X1-70
8200 X1-70; 90 X1-30; 91-99 X1-90
"""
ENTRY = re.compile(r"([0-9]{2,4})(?:-([0-9]{2,4}))? ([NX])([0-9]+)(?:-([0-9]+))?")
# Character set 82, with # of set 39.
CHARACTERS = {"N": "[0-9]", "X": r"[!\"#%-?A-Z_a-z]"}
BRACKETED = re.compile(r"\(([0-9]{2,4})\)")
MAX_IDENTIFIER = 4
MIN_IDENTIFIER = 2
KG, LB = "kg", "lb"
NET_WEIGHTS = {"310": KG, "320": LB}
PRICE, PRICE_IN_CURRENCY = "392", "393"
CURRENCY_DIGITS = 3
MEASURE = re.compile("3[1-6][0-9]{2}")
MAX_MEASURE_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Traceability:
    """What is kept of a scanned code: batch, dates and serial number."""

    lot: str = ""
    best_before: date | None = None
    expires_on: date | None = None
    serial: str = ""


UNTRACED = Traceability()


@dataclass(frozen=True, slots=True)
class GS1Code:
    """What a GS1 code says of one trade item."""

    gtin: str
    traceability: Traceability = UNTRACED
    weight: Decimal | None = None
    weight_unit: str = KG
    price: Decimal | None = None
    # ISO 4217 number; empty for the currency of the shop.
    currency: str = ""


class MalformedCode(ValueError):
    """It has the form of a GS1 code and contradicts the rules of GS1."""


def read_gs1(code: str, today: date) -> GS1Code | None:
    """Return what a GS1 code says, or None for other codes and malformed ones."""
    try:
        elements = read_elements(code)
        return _interpret(elements, today) if "01" in elements else None
    except MalformedCode:
        return None


def is_gs1(code: str) -> bool:
    """Return whether the code has the form of a GS1 code with a GTIN."""
    try:
        return "01" in read_elements(code)
    except MalformedCode:
        return False


def read_elements(code: str) -> Mapping[str, str]:
    """Return the values of a code by their application identifiers; empty for other codes.

    Raises `MalformedCode`.
    """
    text = remove_symbology(code)
    # Before the element strings, because any QR code or DataMatrix may contain a link.
    if text[:8].lower().startswith(("http://", "https://")):
        return _collect(_split_link(text))
    if code.startswith(SYMBOLOGIES) or FNC1 in text:
        return _collect(_split_element_string(text))
    if BRACKETED.match(text):
        return _collect(_split_brackets(text))
    return {}


def _collect(found: Iterator[tuple[str, str]]) -> Mapping[str, str]:
    elements: dict[str, str] = {}
    for identifier, value in found:
        form = FORMAT_BY_IDENTIFIER.get(identifier)
        if form is None or form.pattern.fullmatch(value) is None:
            raise MalformedCode
        if elements.setdefault(identifier, value) != value:
            raise MalformedCode
    return elements


def _split_element_string(text: str) -> Iterator[tuple[str, str]]:
    text = text.removeprefix(FNC1)
    while text:
        identifier = _find_identifier(text)
        rest = text[len(identifier) :]
        if identifier[:2] in PREDEFINED:
            length = FORMAT_BY_IDENTIFIER[identifier].maximum
            value, text = rest[:length], rest[length:].removeprefix(FNC1)
        else:
            value, _, text = rest.partition(FNC1)
        yield identifier, value


def _find_identifier(text: str) -> str:
    for length in range(MIN_IDENTIFIER, MAX_IDENTIFIER + 1):
        if text[:length] in FORMAT_BY_IDENTIFIER:
            return text[:length]
    raise MalformedCode


def _split_brackets(text: str) -> Iterator[tuple[str, str]]:
    """Split at identifiers in brackets; a value may contain other brackets."""
    marks = [each for each in BRACKETED.finditer(text) if each[1] in FORMAT_BY_IDENTIFIER]
    if not marks or marks[0].start():
        raise MalformedCode
    ends = [each.start() for each in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield mark[1], text[mark.end() : end]


def _split_link(text: str) -> Iterator[tuple[str, str]]:
    """Split the path from `/01/` on, and the numeric parameters, of a GS1 Digital Link."""
    try:
        address = urlsplit(text)
    except ValueError as error:
        raise MalformedCode from error
    parts = [unquote(part) for part in address.path.removesuffix("/").split("/")]
    if "01" in parts:
        yield from _pair_path(parts[parts.index("01") :])
        parameters = parse_qsl(address.query, keep_blank_values=True)
        yield from (each for each in parameters if each[0] in FORMAT_BY_IDENTIFIER)


def _pair_path(parts: list[str]) -> Iterator[tuple[str, str]]:
    if len(parts) % 2:
        raise MalformedCode
    for identifier, value in zip(parts[::2], parts[1::2], strict=True):
        yield identifier, value.zfill(KEY_LENGTH) if identifier == "01" else value


def _interpret(elements: Mapping[str, str], today: date) -> GS1Code:
    gtin = elements["01"]
    if not has_right_check_digit(gtin):
        raise MalformedCode
    weight, unit = _read_weight(elements)
    price, currency = _read_price(elements)
    traceability = Traceability(
        lot=elements.get("10", ""),
        best_before=_read_date(elements.get("15"), today),
        expires_on=_read_date(elements.get("17"), today),
        serial=elements.get("21", ""),
    )
    return GS1Code(build_key(gtin), traceability, weight, unit, price, currency)


def _read_weight(elements: Mapping[str, str]) -> tuple[Decimal | None, str]:
    for identifier, value in elements.items():
        unit = NET_WEIGHTS.get(identifier[:3])
        if unit and len(identifier) == MAX_IDENTIFIER:
            return _scale(identifier, value), unit
    return None, KG


def _read_price(elements: Mapping[str, str]) -> tuple[Decimal | None, str]:
    for identifier, value in elements.items():
        if identifier[:3] == PRICE:
            return _scale(identifier, value), ""
        if identifier[:3] == PRICE_IN_CURRENCY:
            return _scale(identifier, value[CURRENCY_DIGITS:]), value[:CURRENCY_DIGITS]
    return None, ""


def _scale(identifier: str, digits: str) -> Decimal:
    """Return the number; the last digit of the identifier counts its decimals."""
    return Decimal(int(digits)).scaleb(-int(identifier[-1]))


def _read_date(digits: str | None, today: date) -> date | None:
    """Return the date of YYMMDD; day 00 is the last of the month."""
    if digits is None:
        return None
    year = find_year(int(digits[:2]), today.year)
    month, day = int(digits[2:4]), int(digits[4:])
    try:
        return date(year, month, day or calendar.monthrange(year, month)[1])
    except ValueError as error:
        raise MalformedCode from error


def find_year(two_digits: int, this_year: int) -> int:
    """Return the year by the sliding window of GS1: from 49 years ago to 50 years ahead."""
    distance = two_digits - this_year % 100
    century = this_year - this_year % 100
    if distance > 50:  # noqa: PLR2004  (51 to 99 years ahead are in the century before)
        return century - 100 + two_digits
    if distance < -49:  # noqa: PLR2004  (50 to 99 years ago are in the century after)
        return century + 100 + two_digits
    return century + two_digits


@dataclass(frozen=True, slots=True)
class Format:
    """The characters and lengths of the values of an application identifier."""

    maximum: int
    pattern: re.Pattern[str]


def _parse_formats(text: str) -> Iterator[tuple[str, Format]]:
    for first, last, kind, minimum, maximum in ENTRY.findall(text):
        longest = int(maximum or minimum)
        form = Format(longest, re.compile(f"{CHARACTERS[kind]}{{{minimum},{longest}}}"))
        for number in range(int(first), int(last or first) + 1):
            identifier = str(number).zfill(len(first))
            if int(identifier[-1]) <= MAX_MEASURE_DECIMALS or not MEASURE.fullmatch(identifier):
                yield identifier, form


FORMAT_BY_IDENTIFIER = dict(_parse_formats(FORMATS))

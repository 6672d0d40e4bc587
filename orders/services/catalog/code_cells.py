"""Cells with codes: undo what spreadsheets have done to them, or refuse what is lost."""

import re
from collections.abc import Callable, Iterable

from orders.codes.gtin import GTIN, has_right_check_digit
from tenants.api.formats import FormatError
from tenants.csv import unescape_formula
from tenants.xlsx import DateCell

SEPARATORS = "|;"
COMMA = ","
ESCAPE = "\\"
APOSTROPHE = "'"
# Also as programs replace it while somebody types.
APOSTROPHES = "'\u2018\u2019\u02bc\u00b4`"
UPC_DIGITS = 12
# ="0043" keeps a spreadsheet from reading the code as a number, and so does =T("0043").
TEXT_FORMULA = re.compile(r'=(?:"([^"]*)"|T\("([^"]*)"\))', re.IGNORECASE)
EXPONENT = re.compile(r"(\d)(?:[.,](\d+))?E([+-]\d{1,3})", re.IGNORECASE)
# A long number with a decimal zero, as data tools write a column that has empty cells.
WITH_DECIMAL_ZERO = re.compile(r"(\d{8,})[.,]0+")
# Names of months as spreadsheets shorten them in English, German, French, Spanish, Italian,
# Portuguese, Dutch and Polish. They write no capitals but the first. Not "set" and "out", because
# they are words of real codes.
MONTHS = (
    "jan feb mar apr may jun jul aug sep sept oct nov dec mrz mär märz mai juni juli okt dez "
    "janv févr mars avr juin juil août déc ene abr ago dic gen mag giu lug ott fev "
    "mrt mei sty lut kwi maj cze lip sie wrz paź lis gru"
)
MONTH = "(?:" + "|".join(f"[{name[0].upper()}{name[0]}]{name[1:]}" for name in MONTHS.split()) + ")"
DATE = re.compile(
    # 10-Jan, 10. Jan, 10-Jan-26
    rf"(?:0?[1-9]|[12]\d|3[01])(?:-|/|\. ?| ){MONTH}\.?(?:[-/. ](?:\d\d|(?:19|20)\d\d))?"
    # Jan-10, Jan 10
    rf"|{MONTH}\.?[-/ ](?:\d\d|(?:19|20)\d\d)"
    # 2026-01-10, also with a time
    r"|(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12]\d|3[01])(?:[ T]\d\d:\d\d(?::\d\d)?)?"
    # 10.01.2026, 1/10/2026
    r"|(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|[12]\d|3[01])\1(?:19|20)\d\d"
)
# The beginning of every code that one of the patterns above and below matches.
MAY_BE_DAMAGED = re.compile(rf"[{APOSTROPHES}=#]|\d+[.,Ee/ -]|[^\W\d]{{3}}")
SPREADSHEET_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|#+)")


def read_code(cell: str) -> str:
    """Return the code in a cell, as it was before a spreadsheet changed it.

    An apostrophe in front marks text that no spreadsheet has changed. Raises `FormatError` where
    the code is lost.
    """
    if isinstance(cell, DateCell):
        raise FormatError("date_in_code")
    return restore_code(unescape_formula(cell).strip())


def restore_code(code: str) -> str:
    """Return the code without what a spreadsheet has added to it. Raises `FormatError`."""
    if not MAY_BE_DAMAGED.match(code):
        return code
    if code[0] in APOSTROPHES:
        return code[1:]
    if code.startswith("="):
        return read_formula(code)
    ensure_not_lost(code)
    if found := WITH_DECIMAL_ZERO.fullmatch(code):
        return found[1]
    found = EXPONENT.fullmatch(code)
    return restore_digits(*found.groups()) if found else code


def ensure_not_lost(code: str) -> None:
    """Raise `FormatError` for an error or a date that a spreadsheet shows instead of the code."""
    if SPREADSHEET_ERROR.fullmatch(code):
        raise FormatError("spreadsheet_error")
    if DATE.fullmatch(code):
        raise FormatError("date_in_code")


def read_formula(code: str) -> str:
    """Return the text that a formula consists of. Raises `FormatError` for any other formula."""
    found = TEXT_FORMULA.fullmatch(code)
    if found is None:
        raise FormatError("formula_in_code")
    return str(found[1] or found[2] or "").strip()


def restore_barcode(code: str) -> str:
    """Return the code as `restore_code` does, and with the zero in front that a UPC has lost.

    The check digit makes this certain: barcodes of shops and suppliers do not have 11 digits.
    """
    restored = restore_code(code)
    # An apostrophe in front marks text that is complete.
    is_number = code[:1].isdigit()
    return f"0{restored}" if is_number and lacks_zero(restored) else restored


def restore_digits(first: str, others: str | None, exponent: str) -> str:
    """Return a number in scientific notation that has all its digits. Raises `FormatError`."""
    if others is None or len(others) != int(exponent):
        raise FormatError("digits_lost")
    return first + others


def protect_code(code: str, restore: Callable[[str], str] = restore_code) -> str:
    """Return the code, with an apostrophe in front if `restore` would change it."""
    try:
        is_kept = restore(code) == code
    except FormatError:
        is_kept = False
    return code if is_kept else APOSTROPHE + code


def check_no_spreadsheet_error(text: str) -> None:
    """Raise `FormatError` for text that a formula without a result shows."""
    if SPREADSHEET_ERROR.fullmatch(text) and text.strip("#"):
        raise FormatError("spreadsheet_error")


def lacks_zero(number: str) -> bool:
    """Return whether a number is a UPC with 12 digits but for a zero in front."""
    return len(number) == UPC_DIGITS - 1 and is_gtin(number.zfill(UPC_DIGITS))


def split_barcodes(cell: str) -> list[str]:
    """Split a cell at | or ;. A backslash escapes a separator that is part of a barcode.

    Commas separate barcodes if each of them is a GTIN. Raises `FormatError`.
    """
    if isinstance(cell, DateCell):
        raise FormatError("date_in_code")
    text = unescape_formula(cell).strip()
    if ESCAPE not in text and COMMA not in text:
        codes = text.replace(";", "|").split("|")
    else:
        codes = split_escaped(text)
    return [restore_barcode(code.strip()) for code in codes]


def split_escaped(text: str) -> list[str]:
    codes, commas, place = [""], [False], 0
    while place < len(text):
        sign, following = text[place], text[place + 1 : place + 2]
        if sign == ESCAPE and following and following in SEPARATORS + COMMA + ESCAPE:
            codes[-1] += following
            place += 1
        elif sign in SEPARATORS:
            codes.append("")
            commas.append(False)
        else:
            codes[-1] += sign
            commas[-1] |= sign == COMMA
        place += 1
    return [
        part
        for code, has_comma in zip(codes, commas, strict=True)
        for part in (split_at_commas(code) if has_comma else [code])
    ]


def split_at_commas(code: str) -> list[str]:
    """Split barcodes that are all GTINs; a number with a decimal comma stays as it is."""
    parts = [part.strip() for part in code.split(COMMA)]
    if all(map(is_gtin, parts)):
        return parts
    if EXPONENT.fullmatch(code.strip()) or WITH_DECIMAL_ZERO.fullmatch(code.strip()):
        return [code]
    raise FormatError("comma_in_barcode")


def is_gtin(code: str) -> bool:
    return GTIN.fullmatch(code) is not None and has_right_check_digit(code)


def join_barcodes(codes: list[str]) -> str:
    """Join barcodes into a cell that `split_barcodes` reads."""
    return "|".join(escape_barcode(protect_code(code, restore_barcode)) for code in codes)


def join_list_names(names: Iterable[str]) -> str:
    """Join names into a cell that `split_list_names` reads."""
    return " | ".join(re.sub(r"([\\|])", r"\\\1", name) for name in names)


def split_list_names(cell: str) -> list[str]:
    """Return the names in a cell, which | separates; a backslash makes the next sign a letter."""
    parts = re.findall(r"((?:\\.|[^\\|])*+\\?)(?:\||\Z)", cell, re.DOTALL)
    names = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL).strip() for part in parts)
    return [name for name in names if name]


def escape_barcode(code: str) -> str:
    for sign in (ESCAPE, *SEPARATORS, COMMA):
        code = code.replace(sign, ESCAPE + sign)
    return code

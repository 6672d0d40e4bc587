"""Cells with codes: undo what spreadsheets have done to them, or refuse what is lost."""

import re
from collections.abc import Iterable

from orders.codes.gtin import GTIN, has_right_check_digit
from tenants.api.formats import FormatError
from tenants.csv import unescape_formula
from tenants.xlsx import DateCell

SEPARATORS = "|;"
COMMA = ","
ESCAPE = "\\"
APOSTROPHE = "'"
UPC_DIGITS = 12
# ="0043" keeps a spreadsheet from reading the code as a number.
TEXT_FORMULA = re.compile(r'="([^"]*)"')
EXPONENT = re.compile(r"(\d)(?:[.,](\d+))?E([+-]\d{1,3})", re.IGNORECASE)
# A long number with a decimal zero, as data tools write a column that has empty cells.
WITH_DECIMAL_ZERO = re.compile(r"(\d{8,})[.,]0")
# The beginning of every code that one of the patterns above and below matches.
MAY_BE_DAMAGED = re.compile(r"['=#]|\d+[.,Ee]")
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
    if code.startswith(APOSTROPHE):
        return code[1:]
    if SPREADSHEET_ERROR.fullmatch(code):
        raise FormatError("spreadsheet_error")
    if found := TEXT_FORMULA.fullmatch(code) or WITH_DECIMAL_ZERO.fullmatch(code):
        return str(found[1]).strip()
    found = EXPONENT.fullmatch(code)
    return restore_digits(*found.groups()) if found else code


def restore_digits(first: str, others: str | None, exponent: str) -> str:
    """Return a number in scientific notation that has all its digits. Raises `FormatError`."""
    if others is None or len(others) != int(exponent):
        raise FormatError("digits_lost")
    return first + others


def protect_code(code: str) -> str:
    """Return the code, with an apostrophe in front if `restore_code` would change it."""
    try:
        is_kept = restore_code(code) == code
    except FormatError:
        is_kept = False
    return code if is_kept else APOSTROPHE + code


def check_no_spreadsheet_error(text: str) -> None:
    """Raise `FormatError` for text that a formula without a result shows."""
    if SPREADSHEET_ERROR.fullmatch(text) and text.strip("#"):
        raise FormatError("spreadsheet_error")


def may_lack_zero(number: str) -> bool:
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
    return [restore_code(code.strip()) for code in codes]


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
    return "|".join(escape_barcode(protect_code(code)) for code in codes)


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

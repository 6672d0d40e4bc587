"""Numbers as people write them: decimal comma or point, thousands separators, currency signs."""

import re
import unicodedata
from decimal import Decimal
from typing import NoReturn

from tenants.api.formats import FormatError, parse_number
from tenants.scope import current_tenant
from tenants.xlsx import NumberCell

POINT, COMMA = ".", ","
# Of amounts and quantities.
MAX_DECIMALS, MAX_DIGITS = 3, 11
# Countries that write 3,50 and 3.50, by ISO 3166: all official languages of at least a fifth of
# the people do, in Unicode CLDR. Where they differ, as in Canada and Switzerland, there is no
# entry. Nor is there one for South Africa and Rwanda, where common use differs from CLDR.
COMMA_COUNTRIES = frozenset(
    """
    AD AL AM AO AR AT AX AZ BA BE BF BG BI BJ BL BN BO BQ BR BY CD CF CG CI CL CO CR CV CY CZ
    DE DJ DK DZ EC EE ES FI FO FR GA GE GF GL GN GP GQ GR GW HR HT HU ID IS IT KG KZ LA LB LT
    LU LV LY MA MC MD ME MF MK ML MQ MR MZ NC NE NL NO PF PL PM PT RE RO RS RU SE SI SJ SK SM
    SN SR ST TG TJ TL TM TN TR UA UY UZ VA VE VN WF XK YT
    """.split()
)
POINT_COUNTRIES = frozenset(
    """
    AE AG AI AS AU BB BD BH BM BS BT BW BZ CC CK CN CU CX DM DO EG EH ER ET FJ FK FM GB GD GG
    GH GI GM GS GT GU GY HK HN IE IL IM IN IO IQ IR JE JM JO JP KE KH KI KN KP KR KW KY LC LI
    LK LR LS MH MM MN MO MP MS MT MV MW MX MY NA NF NG NI NP NR NU NZ OM PA PE PG PH PK PN PR
    PS PW QA SA SB SD SG SH SL SO SS SV SY TC TH TK TO TT TV TW TZ UG UM US VC VG VI WS YE ZM
    ZW
    """.split()
)
# Signs in letters; the signs of Unicode (€ $ £ ...) are recognized by their category.
LETTER_SIGNS = frozenset(
    "kr kr. zł kč ft lei fr fr. r r$ a$ c$ us$ nz$ hk$ s$ rs rs. rm s/ s/. din".split()
)
CURRENCY_CODE = re.compile("[A-Z]{3}")
MAX_LENGTH = 40
# What people and spreadsheets put between thousands, besides point and comma.
SPACES = re.compile(r"[\s'\u2019]")
SIGNED = re.compile(r"(?P<before>[^\d.,+-]*)(?P<number>[-+]?[\d.,\s'\u2019]*\d)(?P<after>[^\d]*)")
# Groups of three digits. Commas also group as in India: two digits each, and three at the end.
GROUPED = re.compile(
    r"\d{1,3}(?P<separator>[.,\s'\u2019])\d{3}(?:(?P=separator)\d{3})*"
    r"|\d{1,2}(?P<indian>,)(?:\d{2},)+\d{3}"
)
POINT_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
ONE_SEPARATOR_AND_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def get_country_separator(country: str) -> str:
    """Return the decimal separator of a country; empty where it is not certain."""
    if country in COMMA_COUNTRIES:
        return COMMA
    return POINT if country in POINT_COUNTRIES else ""


def find_decimal_separator(text: str) -> str | None:
    """Return the decimal separator that a number shows.

    Empty if it has no decimals. None for one separator that is followed by exactly three digits:
    this may be a separator of thousands.
    """
    points, commas = text.count(POINT), text.count(COMMA)
    if points and commas:
        return POINT if text.rindex(POINT) > text.rindex(COMMA) else COMMA
    if points > 1:
        return COMMA
    if commas > 1:
        return POINT
    if not points and not commas:
        return ""
    if ONE_SEPARATOR_AND_THREE_DIGITS.fullmatch(text):
        return None
    return POINT if points else COMMA


def read_number(text: str, *, country: str, currency: str, decimals: int = MAX_DECIMALS) -> str:
    """Return a number that a person has entered, with a decimal point.

    One separator before exactly three digits is read as the country writes it; otherwise the last
    separator is the decimal one. Raises `FormatError`.
    """
    column = NumberColumn(otherwise=get_country_separator(country) or POINT, currency=currency)
    return column.normalize(text.strip(), decimals=decimals)


def read_amount(text: str) -> Decimal | None:
    """Return the amount of the current shop's currency in a text, or None if it is not one."""
    tenant = current_tenant()
    try:
        number = read_number(text, country=tenant.country, currency=tenant.currency)
        return parse_number(number, decimals=MAX_DECIMALS, digits=MAX_DIGITS, signed=True)
    except FormatError:
        return None


def write_number(number: str, *, country: str) -> str:
    """Return a number with a decimal point as the country writes it."""
    return number.replace(POINT, get_country_separator(country) or POINT)


class NumberColumn:
    """How the numbers of a column are written, as far as its cells show it.

    `in_file` is what all columns of the file have shown, and `otherwise` the separator where they
    show none; empty if it is not known. `three_decimals` is for amounts of a currency with three
    decimals, such as 1.250: the separators that are decimal ones there.
    """

    def __init__(
        self,
        *,
        otherwise: str,
        currency: str,
        in_file: set[str] | None = None,
        three_decimals: str | None = None,
    ) -> None:
        self.otherwise = otherwise
        self.currency = currency
        self.seen: set[str] = set()
        self.in_file = set() if in_file is None else in_file
        self.three_decimals = three_decimals

    def see(self, cell: str) -> None:
        if isinstance(cell, NumberCell) or cell.isdigit() or len(cell) > MAX_LENGTH:
            return
        found = SIGNED.fullmatch(cell.strip())
        separator = find_decimal_separator(SPACES.sub("", found["number"])) if found else None
        if separator:
            self.seen.add(separator)
            self.in_file.add(separator)

    def normalize(self, cell: str, *, decimals: int) -> str:
        """Return the number with a decimal point and without signs and separators of thousands.

        Zeros beyond `decimals` are dropped. Raises `FormatError`.
        """
        if isinstance(cell, NumberCell):
            return check_point_number(cell)
        found = SIGNED.fullmatch(cell) if len(cell) <= MAX_LENGTH else None
        if found is None:
            raise FormatError("not_a_number")
        for sign in (found["before"].strip(), found["after"].strip()):
            self.check_sign(sign)
        minus = "-" if found["number"].startswith("-") else ""
        number = found["number"].lstrip("+-").strip()
        separator = find_decimal_separator(SPACES.sub("", number))
        if separator is None:
            separator = self.get_separator(POINT if POINT in number else COMMA)
        integer, fraction = split_decimals(number, separator)
        plain = remove_groups(integer, decimal=separator)
        if not is_plain(plain) or not is_plain(fraction):
            raise FormatError("not_a_number")
        kept = fraction[:decimals] + fraction[decimals:].rstrip("0")
        return f"{minus}{plain or '0'}{'.' if kept else ''}{kept}"

    def get_separator(self, used: str) -> str:
        """Return the decimal separator for a number with this one before three digits."""
        if len(self.seen) > 1:
            raise_ambiguous()
        if self.seen:
            return next(iter(self.seen))
        if self.three_decimals is not None:
            return used if used in self.three_decimals else raise_ambiguous()
        if len(self.in_file) == 1:
            return next(iter(self.in_file))
        return self.otherwise or raise_ambiguous()

    def check_sign(self, sign: str) -> None:
        """Raise `FormatError` for text that is no currency sign, or for another currency."""
        if not sign or sign.casefold() in LETTER_SIGNS:
            return
        if CURRENCY_CODE.fullmatch(sign):
            if sign != self.currency:
                raise FormatError("wrong_currency", currency=self.currency)
        elif not is_currency_sign(sign):
            raise FormatError("not_a_number")


def raise_ambiguous() -> NoReturn:
    raise FormatError("ambiguous_number")


def check_point_number(cell: str) -> str:
    """Return a number of a spreadsheet. Raises `FormatError` for one with an exponent."""
    if not POINT_NUMBER.fullmatch(cell):
        raise FormatError("not_a_number")
    return str(cell)


def remove_groups(integer: str, *, decimal: str) -> str:
    """Return the digits without separators of thousands. Raises `FormatError`."""
    if is_plain(integer):
        return integer
    grouped = GROUPED.fullmatch(integer)
    if grouped is None or decimal in (grouped["separator"], grouped["indian"]):
        raise FormatError("not_a_number")
    return re.sub(r"\D", "", integer)


def split_decimals(number: str, separator: str) -> tuple[str, str]:
    """Return the digits before and after the decimal separator, which may be missing."""
    if not separator or separator not in number:
        return number, ""
    integer, _, fraction = number.rpartition(separator)
    return integer, fraction


def is_currency_sign(sign: str) -> bool:
    return len(sign) == 1 and unicodedata.category(sign) == "Sc"


def is_plain(digits: str) -> bool:
    return not digits or (digits.isascii() and digits.isdigit())

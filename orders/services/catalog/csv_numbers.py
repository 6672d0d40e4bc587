"""Numbers of catalog files: decimal comma or point, thousands separators, currency signs."""

import re
import unicodedata

from tenants.api.formats import FormatError

POINT, COMMA = ".", ","
# Countries that write 3,50, by ISO 3166. Source: the decimal separators of Unicode CLDR.
COMMA_COUNTRIES = frozenset(
    """
    AD AL AM AO AR AT AZ BA BE BG BO BR BY CL CM CO CR CU CY CZ DE DK DZ EC EE ES FI FO FR
    GA GE GF GL GP GR HR HU ID IS IT KG KZ LT LU LV MA MC MD ME MK MN MQ MZ NC NL NO PF PL
    PM PT PY RE RO RS RU SE SI SK SM SN SR ST TF TN TR UA UY UZ VA VE VN WF XK
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
GROUPED = re.compile(r"\d{1,3}(?:(?P<separator>[.,\s'\u2019])\d{2,3}(?:(?P=separator)\d{2,3})*)?")
ONE_SEPARATOR_AND_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def get_country_separator(country: str) -> str:
    """Return the decimal separator of a country; a point where none is set."""
    return COMMA if country in COMMA_COUNTRIES else POINT


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


class NumberColumn:
    """How the numbers of a column are written, as far as its cells show it.

    `in_file` is what all columns of the file have shown, and `otherwise` the separator where they
    show none.
    """

    def __init__(
        self,
        *,
        otherwise: str,
        currency: str,
        in_file: set[str] | None = None,
        has_three_decimals: bool = False,
    ) -> None:
        self.otherwise = otherwise
        self.currency = currency
        self.seen: set[str] = set()
        self.in_file = set() if in_file is None else in_file
        # The currency has three decimals, so that 1.250 needs no country.
        self.has_three_decimals = has_three_decimals

    def see(self, cell: str) -> None:
        if cell.isdigit() or len(cell) > MAX_LENGTH:
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
        grouped = GROUPED.fullmatch(integer)
        plain = SPACES.sub("", integer).replace(POINT, "").replace(COMMA, "")
        if not plain.isascii() or not (grouped or integer.isdigit() or not integer):
            raise FormatError("not_a_number")
        if (grouped and grouped["separator"] == separator) or not is_plain(fraction):
            raise FormatError("not_a_number")
        kept = fraction[:decimals] + fraction[decimals:].rstrip("0")
        return f"{minus}{plain or '0'}{'.' if kept else ''}{kept}"

    def get_separator(self, used: str) -> str:
        """Return the decimal separator for a number with this one before three digits."""
        if len(self.seen) > 1:
            raise FormatError("ambiguous_number")
        if self.seen:
            return next(iter(self.seen))
        if self.has_three_decimals:
            return used
        return next(iter(self.in_file)) if len(self.in_file) == 1 else self.otherwise

    def check_sign(self, sign: str) -> None:
        """Raise `FormatError` for text that is no currency sign, or for another currency."""
        if not sign or sign.casefold() in LETTER_SIGNS:
            return
        if CURRENCY_CODE.fullmatch(sign):
            if sign != self.currency:
                raise FormatError("wrong_currency", currency=self.currency)
        elif not is_currency_sign(sign):
            raise FormatError("not_a_number")


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

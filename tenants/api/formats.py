"""How amounts, times, ids and words are written on the wire, in and out.

Everything that reads input asks here, so that the API, a filter and an import agree to the letter.
"""

import re
import unicodedata
import uuid
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

PLAIN_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
CALENDAR_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
PLAIN_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
# Line separators too: a name with one would take two lines on a receipt.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
CONTROLS_BUT_NEWLINE_AND_TAB = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Outside, the arithmetic of time zones and databases ends.
MIN_YEAR, MAX_YEAR = 1900, 2999
# The most characters that one composed character may have been sent as.
MAX_DECOMPOSITION = 4


class FormatError(ValueError):
    """The text is not written as the API asks; `code` says in which way."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.facts = facts
        super().__init__(code)


def parse_number(data: object, *, decimals: int, digits: int, signed: bool = False) -> Decimal:
    """A plain decimal number with at most so many decimals, and digits before them.

    A JSON integer will do as well; a JSON fraction will not, it has been through floating point
    in too many clients.
    """
    if isinstance(data, int) and not isinstance(data, bool):
        data = format_integer(data, digits)
    parts = PLAIN_NUMBER.fullmatch(data) if isinstance(data, str) else None
    if parts is None or (parts[1] and not signed):
        raise FormatError("invalid")
    if len(parts[2]) > digits:
        raise FormatError("max_digits", digits=digits)
    if len(parts[3] or "") > decimals:
        raise FormatError("max_decimal_places", decimals=decimals)
    number = Decimal(parts[0])
    return number or abs(number)


def format_integer(number: int, digits: int) -> str:
    """Its digits, unless writing them out would already be work."""
    if abs(number) >= 10**digits:
        raise FormatError("max_digits", digits=digits)
    return str(number)


def format_amount(amount: Decimal, exponent: int) -> str:
    """With exactly the currency's decimals.

    An amount that is finer than its currency is older than a change of the currency.
    """
    amount = amount.quantize(Decimal(1).scaleb(-exponent), ROUND_HALF_UP)
    return str(amount or abs(amount))


def format_number(number: Decimal) -> str:
    """Without superfluous zeros, and never with an exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_uuid(data: object) -> uuid.UUID:
    """An id as 36 characters; not the other ways in which Python would take one."""
    if not isinstance(data, str) or CANONICAL_UUID.fullmatch(data) is None:
        raise FormatError("invalid")
    return uuid.UUID(data)


def parse_datetime(data: object) -> datetime:
    """A point in time after RFC 3339; without an offset it would be none."""
    parts = RFC_3339.fullmatch(data) if isinstance(data, str) else None
    if parts is None:
        raise FormatError("invalid")
    day, clock, fraction, offset = parts.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{micros}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FormatError("invalid") from error
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise FormatError("out_of_range", first=MIN_YEAR, last=MAX_YEAR)
    return moment


def parse_date(data: object) -> date:
    """A day as 2026-02-28; not the other ways in which ISO 8601 would write one."""
    if not isinstance(data, str) or CALENDAR_DAY.fullmatch(data) is None:
        raise FormatError("invalid")
    try:
        day = date.fromisoformat(data)
    except ValueError as error:
        raise FormatError("invalid") from error
    if not MIN_YEAR <= day.year <= MAX_YEAR:
        raise FormatError("out_of_range", first=MIN_YEAR, last=MAX_YEAR)
    return day


def parse_time(data: object) -> time:
    """A time of day to the minute, such as 04:00."""
    if not isinstance(data, str) or PLAIN_CLOCK.fullmatch(data) is None:
        raise FormatError("invalid")
    return time.fromisoformat(data)


def format_datetime(moment: datetime) -> str:
    """In UTC; microseconds only where there are any, so that what was read can be sent back."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_text(
    data: object, *, max_length: int, multiline: bool = False, normalize: bool = True
) -> str:
    """Words without control characters, in one Unicode form (NFC) so that twins are equal."""
    if not isinstance(data, str):
        raise FormatError("invalid")
    # Checked first: normalizing takes time that grows with the square of a hostile text.
    ensure_length(data, max_length * MAX_DECOMPOSITION, limit=max_length)
    if multiline:
        data = data.replace("\r\n", "\n")
    if (CONTROLS_BUT_NEWLINE_AND_TAB if multiline else CONTROLS).search(data):
        raise FormatError("control_character")
    if normalize and not data.isascii():
        data = unicodedata.normalize("NFC", data)
    ensure_length(data, max_length, limit=max_length)
    return data


def ensure_length(text: str, most: int, *, limit: int) -> None:
    if len(text) > most:
        raise FormatError("max_length", max_length=limit)

"""Text formats of amounts, dates, ids and text, shared by serializers, filters and imports."""

import re
import unicodedata
import uuid
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from tenants.ids import build_uuid

PLAIN_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})(:[0-9]{2})?")
CALENDAR_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
PLAIN_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
# Includes line separators: a name with one would take two lines on a receipt.
# XML, and so workbooks, cannot contain the last two.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
CONTROLS_BUT_NEWLINE_AND_TAB = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Outside of these years, time zones and databases overflow.
MIN_YEAR, MAX_YEAR = 1900, 2999
# The maximum number of code points that NFC composes into one.
MAX_DECOMPOSITION = 4


class FormatError(ValueError):
    """Text in the wrong format; `code` names the violated rule."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.facts = facts
        super().__init__(code)


def parse_number(data: object, *, decimals: int, digits: int, signed: bool = False) -> Decimal:
    """Return a decimal number with at most `digits` integer digits and `decimals` places.

    JSON integers are accepted. JSON fractions are not, because clients store them as floats.
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
    """Return the digits; numbers that are too large fail before the slow conversion."""
    if abs(number) >= 10**digits:
        raise FormatError("max_digits", digits=digits)
    return str(number)


def format_amount(amount: Decimal, exponent: int) -> str:
    """Return the amount with exactly the decimal places of its currency.

    Rounds amounts that were stored before the shop changed to a currency with fewer places.
    """
    amount = amount.quantize(Decimal(1).scaleb(-exponent), ROUND_HALF_UP)
    return str(amount or abs(amount))


def format_number(number: Decimal | str) -> str:
    """Return the number without trailing zeros and without an exponent.

    `str` is tried first, because formatting a decimal takes longer.
    """
    text = str(number)
    if "E" in text:
        text = f"{Decimal(text):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_uuid(data: object) -> uuid.UUID:
    """Return a UUID given in its canonical form of 36 characters."""
    if not isinstance(data, str) or CANONICAL_UUID.fullmatch(data) is None:
        raise FormatError("invalid")
    return build_uuid(int(data.replace("-", ""), 16))


def parse_datetime(data: object) -> datetime:
    """Return a date and time given after RFC 3339. The offset is required."""
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


def parse_local_datetime(data: object) -> datetime:
    """Return a date and time by the clock of a store: without an offset, the seconds optional."""
    parts = LOCAL_TIME.fullmatch(data) if isinstance(data, str) else None
    if parts is None:
        raise FormatError("invalid")
    try:
        local = datetime.fromisoformat(f"{parts[1]}T{parts[2]}{parts[3] or ':00'}")
    except ValueError as error:
        raise FormatError("invalid") from error
    if not MIN_YEAR <= local.year <= MAX_YEAR:
        raise FormatError("out_of_range", first=MIN_YEAR, last=MAX_YEAR)
    return local


def parse_date(data: object) -> date:
    """Return a date given as 2026-02-28; other formats of ISO 8601 are rejected."""
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
    """Return a time of day given to the minute, such as 04:00."""
    if not isinstance(data, str) or PLAIN_CLOCK.fullmatch(data) is None:
        raise FormatError("invalid")
    return time.fromisoformat(data)


def format_datetime(moment: datetime) -> str:
    """Return the time in UTC with full precision, so that clients can send it back unchanged."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def moment(at: datetime | str | None) -> str | None:
    """Return the time in UTC with milliseconds; PostgreSQL's own text of it is accepted too."""
    if at is None:
        return None
    if isinstance(at, str):
        return moment_of_text(at)
    text = at.isoformat(timespec="milliseconds")
    if not text.endswith("+00:00"):
        text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{text[:-6]}Z"


def exact_moment(at: datetime | str) -> str:
    """Return the time in UTC with full precision."""
    if not isinstance(at, str):
        return format_datetime(at)
    moment_of_text(at)
    fraction = at[20:-3]
    return f"{at[:10]}T{at[11:19]}{'.' if fraction else ''}{fraction and f'{fraction:0<6}'}Z"


@lru_cache(maxsize=4096)
def moment_of_text(at: str) -> str:
    """Return the time for the text of a column: `2026-11-30 09:00:00.12+00`."""
    if not at.endswith("+00"):
        raise ValueError("The time zone of the connection must be UTC.")
    return f"{at[:10]}T{at[11:19]}.{at[20:-3][:3]:0<3}Z"


def parse_text(
    data: object, *, max_length: int, multiline: bool = False, normalize: bool = True
) -> str:
    """Return text without control characters, in the Unicode form NFC."""
    if not isinstance(data, str):
        raise FormatError("invalid")
    # Checked first: normalizing hostile text takes quadratic time.
    ensure_length(data, max_length * MAX_DECOMPOSITION, limit=max_length)
    if multiline:
        data = data.replace("\r\n", "\n")
    if (CONTROLS_BUT_NEWLINE_AND_TAB if multiline else CONTROLS).search(data):
        raise FormatError("control_character")
    if normalize and not data.isascii():
        data = unicodedata.normalize("NFC", data)
    ensure_length(data, max_length, limit=max_length)
    return data


def ensure_length(text: str, maximum: int, *, limit: int) -> None:
    if len(text) > maximum:
        raise FormatError("max_length", max_length=limit)

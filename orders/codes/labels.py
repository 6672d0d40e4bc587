"""Labels printed by scales: barcodes of 13 digits that contain a weight or a price."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from orders.codes.gtin import has_right_check_digit

LENGTH = 13
ITEM, VALUE, PRICE_CHECK_DIGIT, CHECK_DIGIT = "I", "V", "K", "C"
# The first digits tell labels from other barcodes. The check digit of an EAN-13 is its last one.
PATTERN = re.compile(r"(?=.{13}\Z)[0-9]+(?=[^I]*I+[^I]*\Z)(?=[^V]*V+[^V]*\Z)[0-9IVK]+C?", re.ASCII)
ZERO = "0"


class LabelKind(StrEnum):
    WEIGHT = "weight"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says: the item digits without leading zeros, and its weight or price."""

    plu: str
    kind: LabelKind
    value: Decimal


def is_label_pattern(pattern: str) -> bool:
    """Return whether it is digits, one group each of item and value, and what is skipped."""
    return PATTERN.fullmatch(pattern) is not None


def get_fixed_digits(pattern: str) -> str:
    """Return the digits with which every label of a pattern begins."""
    return pattern[: len(pattern) - len(pattern.lstrip("0123456789"))]


def normalize_plu(digits: str) -> str:
    """Return item digits as they are compared: without leading zeros."""
    return digits.lstrip(ZERO)


def pad_to_label(code: str) -> str:
    """Return a code of 12 digits with a leading zero, as EAN-13 writes it."""
    return f"{ZERO}{code}" if len(code) == LENGTH - 1 else code


def may_be_label(code: str) -> bool:
    """Return whether some pattern could match."""
    return len(code) in (LENGTH - 1, LENGTH) and code.isascii() and code.isdigit()


def read_label(code: str, pattern: str, kind: LabelKind, value_decimals: int) -> Label | None:
    """Return what the code says by this pattern, or None if it does not match."""
    padded = pad_to_label(code)
    match = _compile_pattern(pattern).fullmatch(padded)
    if match is None or (pattern.endswith(CHECK_DIGIT) and not has_right_check_digit(padded)):
        return None
    value = Decimal(int(match["value"])).scaleb(-value_decimals)
    return Label(normalize_plu(match["item"]), kind, value)


@lru_cache(maxsize=1024)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    groups = re.sub(f"{ITEM}+", lambda found: f"(?P<item>[0-9]{{{len(found[0])}}})", pattern)
    groups = re.sub(f"{VALUE}+", lambda found: f"(?P<value>[0-9]{{{len(found[0])}}})", groups)
    return re.compile(re.sub(f"[{PRICE_CHECK_DIGIT}{CHECK_DIGIT}]", "[0-9]", groups))

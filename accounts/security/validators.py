"""Validators of new passwords and PINs: length and blocklists, no composition rules."""

import re
import unicodedata
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

# NIST SP 800-63B-4: 15 if the password is the only factor; cashiers also need a terminal.
MIN_PASSWORD_LENGTH = 15
MIN_CASHIER_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128
# Shorter words would reject too many passwords.
MIN_CONTEXT_WORD_LENGTH = 4


# Keypad patterns and well-known numbers.
COMMON_PINS = frozenset(
    "147258 147852 258369 258147 258852 369258 369147 159357 159753 357159 753159 789456 456789 "
    "789654 741852 852741 852963 963852 963741 147369 123321 112358 314159 271828 142857 "
    "102030 010203 13579246 24681357".split()
)
# Dates of the years 1900 to 2099 with month and optional day.
DATE = re.compile(
    r"(?:19|20)[0-9]{2}[0-3][0-9](?:[0-3][0-9])?|(?:[0-3][0-9])?[0-3][0-9](?:19|20)[0-9]{2}"
)


# ASCII digits only: other Unicode digits look the same but are different text.
DIGITS = RegexValidator(r"\A[0-9]{6,8}\Z", "Must be 6 to 8 digits, as a string.")


def validate_pin(pin: str) -> None:
    """Require 6 to 8 digits that are not easy to guess."""
    DIGITS(pin)
    if (
        pin in COMMON_PINS
        or DATE.fullmatch(pin)
        or is_digit_sequence(pin)
        or is_repeated_digits(pin)
    ):
        raise ValidationError("This PIN is too easy to guess.", code="pin_too_common")


def is_digit_sequence(pin: str) -> bool:
    """Return whether the digits ascend or descend (123456, 890123) or come in pairs (112233)."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    in_pairs = len(pin) % 2 == 0 and pin[::2] == pin[1::2]
    return steps in ({1}, {9}) or in_pairs


def is_repeated_digits(pin: str) -> bool:
    """Return whether the digits repeat a block: 111111, 121212, 123123."""
    halves = range(1, len(pin) // 2 + 1)
    return any((pin[:length] * len(pin))[: len(pin)] == pin for length in halves)


class LengthByRoleValidator:
    """Require 15 characters, or 8 for cashiers, and at most 128."""

    def validate(self, password: str, user: Any = None) -> None:
        is_cashier = getattr(user, "role", "") == "cashier"
        minimum = MIN_CASHIER_PASSWORD_LENGTH if is_cashier else MIN_PASSWORD_LENGTH
        length = len(unicodedata.normalize("NFKC", password))
        if length < minimum:
            raise ValidationError(f"Use at least {minimum} characters.", code="password_too_short")
        if length > MAX_PASSWORD_LENGTH:
            raise ValidationError(
                f"Use at most {MAX_PASSWORD_LENGTH} characters.", code="password_too_long"
            )

    def get_help_text(self) -> str:
        return (
            f"At least {MIN_PASSWORD_LENGTH} characters, "
            f"{MIN_CASHIER_PASSWORD_LENGTH} for cashiers."
        )


class ContextWordsValidator:
    """Reject passwords that are a name of the user or tenant plus a few characters."""

    def validate(self, password: str, user: Any = None) -> None:
        folded = unicodedata.normalize("NFKC", password).casefold()
        for word in context_words(user):
            if word in folded and len(folded) - len(word) < len(word):
                raise ValidationError(
                    "Too similar to your name or the name of the shop.",
                    code="password_too_similar",
                )

    def get_help_text(self) -> str:
        return "Must not be similar to your name or the name of the shop."


def context_words(user: Any) -> set[str]:
    tenant = getattr(user, "tenant", None)
    names = [
        getattr(user, "username", ""),
        getattr(user, "display_name", ""),
        getattr(user, "email", "").partition("@")[0],
        getattr(tenant, "slug", ""),
        getattr(tenant, "name", ""),
    ]
    folded = {unicodedata.normalize("NFKC", name or "").casefold() for name in names}
    return {name for name in folded if len(name) >= MIN_CONTEXT_WORD_LENGTH}

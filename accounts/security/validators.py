"""What a new password or PIN must be. No rules of composition: length and not being known."""

import re
import unicodedata
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

# NIST SP 800-63B-4: 15 where the password is the only factor; a cashier's terminal is a second.
MIN_PASSWORD_LENGTH = 15
MIN_CASHIER_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128
# A shorter word of the shop's name would forbid too much.
MIN_CONTEXT_WORD_LENGTH = 4


# What fingers draw on a keypad, and what else everybody knows by heart.
COMMON_PINS = frozenset(
    "147258 147852 258369 258147 258852 369258 369147 159357 159753 357159 753159 789456 456789 "
    "789654 741852 852741 852963 963852 963741 147369 123321 112358 314159 271828 142857 "
    "102030 010203 13579246 24681357".split()
)
# A year of this century or the last, with a month, and perhaps a day, before or behind it.
DATE = re.compile(
    r"(?:19|20)[0-9]{2}[0-3][0-9](?:[0-3][0-9])?|(?:[0-3][0-9])?[0-3][0-9](?:19|20)[0-9]{2}"
)


# No other digits: in Arabic ones, or wide ones, it would be another text with the same face.
DIGITS = RegexValidator(r"\A[0-9]{6,8}\Z", "Six to eight of the digits 0 to 9, as text.")


def validate_pin(pin: str) -> None:
    """Digits, and none that a colleague would try first."""
    DIGITS(pin)
    if (
        pin in COMMON_PINS
        or DATE.fullmatch(pin)
        or is_digit_sequence(pin)
        or is_repeated_digits(pin)
    ):
        raise ValidationError("Choose digits that nobody would guess.", code="pin_too_common")


def is_digit_sequence(pin: str) -> bool:
    """123456, 987654, also on past the 9; and in pairs, 112233."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    in_pairs = len(pin) % 2 == 0 and pin[::2] == pin[1::2]
    return steps in ({1}, {9}) or in_pairs


def is_repeated_digits(pin: str) -> bool:
    """111111, 121212, 123123: the same again until the end."""
    halves = range(1, len(pin) // 2 + 1)
    return any((pin[:length] * len(pin))[: len(pin)] == pin for length in halves)


class LengthByRoleValidator:
    """15 characters for who can change the shop, 8 for who sells at its tills; 128 at most."""

    def validate(self, password: str, user: Any = None) -> None:
        minimum = MIN_CASHIER_PASSWORD_LENGTH if is_cashier(user) else MIN_PASSWORD_LENGTH
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
    """Not the shop's name nor one's own with a few signs more."""

    def validate(self, password: str, user: Any = None) -> None:
        folded = unicodedata.normalize("NFKC", password).casefold()
        for word in context_words(user):
            if word in folded and len(folded) - len(word) < len(word):
                raise ValidationError(
                    "This is too close to a name that everybody here knows.",
                    code="password_too_similar",
                )

    def get_help_text(self) -> str:
        return "Not made of your own name or the shop's."


def is_cashier(user: Any) -> bool:
    return getattr(user, "role", "") == "cashier"


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

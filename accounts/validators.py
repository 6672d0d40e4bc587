"""What a new password must be. No rules of composition: length and not being known."""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError

# NIST SP 800-63B-4: 15 where the password is the only factor; a cashier's terminal is a second.
MINIMUM_LENGTH = 15
CASHIER_MINIMUM_LENGTH = 8
MAXIMUM_LENGTH = 128
# A shorter word of the shop's name would forbid too much.
SHORTEST_CONTEXT_WORD = 4


class LengthByRoleValidator:
    """15 characters for who can change the shop, 8 for who sells at its tills; 128 at most."""

    def validate(self, password: str, user: Any = None) -> None:
        minimum = CASHIER_MINIMUM_LENGTH if is_cashier(user) else MINIMUM_LENGTH
        length = len(unicodedata.normalize("NFKC", password))
        if length < minimum:
            raise ValidationError(f"Use at least {minimum} characters.", code="password_too_short")
        if length > MAXIMUM_LENGTH:
            raise ValidationError(
                f"Use at most {MAXIMUM_LENGTH} characters.", code="password_too_long"
            )

    def get_help_text(self) -> str:
        return f"At least {MINIMUM_LENGTH} characters, {CASHIER_MINIMUM_LENGTH} for cashiers."


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
    return {name for name in folded if len(name) >= SHORTEST_CONTEXT_WORD}

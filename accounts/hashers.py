"""How passwords are kept."""

import unicodedata

from django.contrib.auth.hashers import Argon2PasswordHasher, make_password


class LeanArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane: OWASP's minimum, and one core at a time.

    Source: OWASP Password Storage Cheat Sheet. Django's own default takes 100 MiB and eight
    lanes, which a till with few cores pays with seconds of waiting.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return super().encode(normalized(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        return super().verify(normalized(password), encoded)


def normalized(password: str) -> str:
    """One spelling for what looks the same, as NIST SP 800-63B-4 asks; nothing is trimmed."""
    return unicodedata.normalize("NFKC", password)


def spend_one_hash(password: str) -> None:
    """Take as long as checking a password takes, where there is none to check."""
    make_password(password)

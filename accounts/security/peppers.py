"""Peppers: secrets for password hashes that are not in the database.

Independent of Django, as the settings import it. Errors never contain a secret.
"""

import json
import re

VERSION = re.compile(r"[1-9][0-9]{0,3}")
MIN_PEPPER_LENGTH = 32


class InvalidPeppers(ValueError):
    """PASSWORD_PEPPERS is invalid; the message names the version and the reason."""


def parse_peppers(text: str) -> dict[int, str]:
    """Parse `{"1": "...", "2": "..."}`; the highest version is used for new hashes."""
    try:
        given = json.loads(text, object_pairs_hook=list)
    except ValueError:
        raise InvalidPeppers("they are not JSON") from None
    if text.strip()[:1] != "{":
        raise InvalidPeppers("they must be an object of secrets by version")
    for version, pepper in given:
        ensure_usable(version, pepper)
    if len({version for version, _ in given}) < len(given):
        raise InvalidPeppers("a version is there twice")
    return {int(version): pepper for version, pepper in given}


def ensure_usable(version: str, pepper: object) -> None:
    if not VERSION.fullmatch(version):
        raise InvalidPeppers("a version must be a number from 1 to 9999")
    if not isinstance(pepper, str) or len(pepper) < MIN_PEPPER_LENGTH:
        raise InvalidPeppers(
            f"version {version} must have {MIN_PEPPER_LENGTH} random characters or more"
        )

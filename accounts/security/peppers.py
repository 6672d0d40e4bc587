"""The peppers of passwords: secrets that a copy of the database alone does not hold.

Plain of Django, because the settings read them. Nothing here ever shows a secret.
"""

import json
import re

VERSION = re.compile(r"[1-9][0-9]{0,3}")
MIN_PEPPER_LENGTH = 32


class InvalidPeppers(ValueError):
    """These peppers cannot be used; the text says why, and which one."""


def parse_peppers(text: str) -> dict[int, str]:
    """`{"1": "...", "2": "..."}` by version; the highest is the one of new hashes."""
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

"""Symbology identifiers, which a scanner may put before a code to name its kind of symbol.

Source: ISO/IEC 15424: `]`, a letter for the symbology, and a character for its options.
"""

import re

SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")


def remove_symbology(code: str) -> str:
    """Return the code itself, which may begin with a symbology identifier."""
    found = SYMBOLOGY.match(code)
    return code[found.end() :] if found else code

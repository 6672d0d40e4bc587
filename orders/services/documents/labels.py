"""Labels of documents, translated by gettext.

The catalogs are in `orders/locale`. `python -m tests.tools.message_catalogs` writes the `.mo` files
from the `.po` files, so that a server needs no tools of gettext.
"""

import gettext
from functools import cache
from pathlib import Path

DOMAIN = "receipts"
LOCALES = Path(__file__).resolve().parents[2] / "locale"
# The language of the labels in the code, which has no catalog.
SOURCE_LANGUAGE = "en"


class Labels:
    """Returns the labels of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalog = (
            gettext.NullTranslations()
            if language == SOURCE_LANGUAGE
            else gettext.translation(DOMAIN, LOCALES, [language])
        )

    def __call__(self, label: str) -> str:
        """Return the translation of an English label."""
        return self._catalog.gettext(label)


@cache
def load_labels(language: str) -> Labels:
    return Labels(language)


ENGLISH = load_labels(SOURCE_LANGUAGE)


def mark(label: str) -> str:
    """Mark a label for the catalogs, where it is translated at another place."""
    return label

"""The text in which the search looks for words, without case and accents on every database."""

import unicodedata
from typing import Any

from django.db import models

# Letters that have no accent to take away, and are still typed without it.
UNACCENTED_LETTERS = str.maketrans(
    dict(zip("đðħ\u0131łø", "ddhilo", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th"}
)
# The accents of Latin, Greek and Cyrillic; marks of other scripts are letters of theirs.
FIRST_ACCENT, LAST_ACCENT = "\u0300", "\u036f"


def plain_words(text: str) -> str:
    """`Crème  BRÛLÉE` and `creme brulee` are the same words."""
    if not text.isascii():
        text = "".join(
            sign
            for sign in unicodedata.normalize("NFKD", text)
            if not FIRST_ACCENT <= sign <= LAST_ACCENT and unicodedata.category(sign) != "Cf"
        )
        text = unicodedata.normalize("NFC", text.casefold().translate(UNACCENTED_LETTERS))
    return " ".join(text.lower().split())


class SearchTextField(models.TextField):  # type: ignore[type-arg]  # no generic when run
    """Follows the name and the SKU of its product at every save.

    Each word has a blank before it, so that beginnings of words can be looked for.
    """

    def pre_save(self, model_instance: Any, add: bool) -> str:
        text = search_text_of(model_instance.name, model_instance.sku)
        setattr(model_instance, self.attname, text)
        return text


def search_text_of(name: str, sku: str) -> str:
    return f" {plain_words(name)} {plain_words(sku)}"

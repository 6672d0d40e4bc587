"""Search text of products, without case and accents, the same on every database."""

import unicodedata
from typing import Any

from django.db import models

# Letters that Unicode does not decompose, but that people type without their mark.
UNACCENTED_LETTERS = str.maketrans(
    dict(zip("đðħ\u0131łø", "ddhilo", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th"}
)
# Accents of Latin, Greek and Cyrillic; marks of other scripts are letters.
FIRST_ACCENT, LAST_ACCENT = "\u0300", "\u036f"


def plain_words(text: str) -> str:
    """Return the words in lower case without accents: `Crème  BRÛLÉE` as `creme brulee`."""
    if not text.isascii():
        text = "".join(
            sign
            for sign in unicodedata.normalize("NFKD", text)
            if not FIRST_ACCENT <= sign <= LAST_ACCENT and unicodedata.category(sign) != "Cf"
        )
        text = unicodedata.normalize("NFC", text.casefold().translate(UNACCENTED_LETTERS))
    return " ".join(text.lower().split())


class SearchTextField(models.TextField):  # type: ignore[type-arg]  # no generic when run
    """Column that is computed from name and SKU at every save.

    Each word has a blank in front, so that the search can match the beginnings of words.
    """

    def pre_save(self, model_instance: Any, add: bool) -> str:
        text = search_text_of(model_instance.name, model_instance.sku)
        setattr(model_instance, self.attname, text)
        return text


def search_text_of(name: str, sku: str) -> str:
    return f" {plain_words(name)} {plain_words(sku)}"

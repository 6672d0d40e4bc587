"""Finding goods by what somebody types: codes first, then words, then words with a typo."""

from collections.abc import Iterable
from functools import cache, reduce
from operator import add, and_, or_
from typing import Any

from django.db import connection, models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Cast

from orders.models import Barcode, Product
from orders.models.catalog import ProductQuerySet, normalize_code
from orders.models.search_text import plain_words
from tenants.models.owned import RELEVANCE

# How good a find is: the smaller, the earlier it is shown.
BARCODE, SKU, SKU_IN_ANOTHER_CASE, BEGINS, WORDS_BEGIN, WORDS_INSIDE = range(6)
WITH_TYPOS = 1_000
# Of its groups of three letters a word shares a third with one in which a letter is wrong.
ENOUGH_ALIKE = "0.3"
# Shorter words are alike by chance.
SHORTEST_MISTYPED = 4
# Where two neighbors have changed places, short words have hardly a group in common any more.
LONGEST_SWAPPED = 7
# Letters that are everywhere are looked for only where words begin.
SHORTEST_INSIDE = 3


class Alike(Func):
    """Whether some word of the text is nearly this one; PostgreSQL's index of trigrams knows."""

    arg_joiner = " <<%% "
    template = "(%(expressions)s)"
    output_field = models.BooleanField()


class Likeness(Func):
    function = "strict_word_similarity"
    output_field = models.FloatField()


def search_products(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """The products that are meant, each with its `relevance`.

    Every word is part of the name or of the SKU, in any order. Only where no product of the shop
    has them all, typos are forgiven.
    """
    words = list(dict.fromkeys(plain_words(text).split()))
    if not words:
        return products
    scanned = (
        Barcode.objects.filter(code=normalize_code(text))
        .values_list("product_id", flat=True)
        .first()
    )
    literally = all_of(part(word) for word in words)
    if scanned is None and nobody_has(literally, words):
        return forgiving(products, words)
    meant = literally if scanned is None else literally | Q(pk=scanned)
    return products.filter(meant).annotate(**{RELEVANCE: relevance(text, words, scanned)})


def nobody_has(literally: Q, words: list[str]) -> bool:
    """Whether typos are to be forgiven."""
    if not (any(map(may_be_mistyped, words)) and has_trigrams()):
        return False
    return not Product.objects.filter(literally).exists()


def relevance(text: str, words: list[str], scanned: Any) -> Case:
    return Case(
        *([] if scanned is None else [When(pk=scanned, then=BARCODE)]),
        When(sku=normalize_code(text), then=SKU),
        When(sku__iexact=normalize_code(text), then=SKU_IN_ANOTHER_CASE),
        When(search_text__startswith=f" {plain_words(text)}", then=BEGINS),
        When(all_of(beginning(word) for word in words), then=WORDS_BEGIN),
        default=WORDS_INSIDE,
        output_field=models.IntegerField(),
    )


def forgiving(products: ProductQuerySet, words: list[str]) -> ProductQuerySet:
    """The words, or some that are like them, the most alike first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pg_trgm.strict_word_similarity_threshold', %s, true)",
            [ENOUGH_ALIKE],
        )
    likeness = reduce(add, [Likeness(Value(word), F("search_text")) for word in words])
    unlikeness = (Value(float(len(words))) - likeness) * Value(1_000.0) + Value(float(WITH_TYPOS))
    return products.filter(all_of(map(nearly, words))).annotate(
        **{RELEVANCE: Cast(unlikeness, models.IntegerField())}
    )


def nearly(word: str) -> Q:
    if not may_be_mistyped(word):
        return part(word)
    swapped = [part(each) for each in swaps(word)] if len(word) <= LONGEST_SWAPPED else []
    return reduce(or_, [part(word), Q(Alike(Value(word), F("search_text"))), *swapped])


def may_be_mistyped(word: str) -> bool:
    """Codes and numbers are taken to the letter: another barcode is another product."""
    return word.isalpha() and len(word) >= SHORTEST_MISTYPED


def swaps(word: str) -> Iterable[str]:
    """The word with each two neighbors changed: `mlik` is `milk`."""
    for place in range(len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def part(word: str) -> Q:
    if len(word) < SHORTEST_INSIDE and word.isascii() and word.isalnum():
        return beginning(word)
    return Q(search_text__contains=word)


def beginning(word: str) -> Q:
    return Q(search_text__contains=f" {word}")


def all_of(conditions: Iterable[Q]) -> Q:
    return reduce(and_, conditions)


def has_trigrams() -> bool:
    """Whether the migration could make the index that knows typos."""
    return connection.vendor == "postgresql" and _has_index(str(connection.settings_dict["NAME"]))


@cache
def _has_index(database: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('product_search') IS NOT NULL")
        return bool(cursor.fetchone()[0])

"""Product search: by barcode or SKU, by words, and by words with typing errors."""

from collections.abc import Iterable, Sequence
from functools import cache, reduce
from operator import add, and_, or_
from typing import Any, NamedTuple

from django.contrib.postgres.lookups import TrigramStrictWordSimilar
from django.contrib.postgres.search import TrigramStrictWordSimilarity
from django.db import connection, models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast

from orders.models import Barcode, Product
from orders.models.catalog import ProductQuerySet, normalize_code
from orders.models.search_text import plain_words
from orders.services.catalog.scanned_codes import find_scanned_product
from tenants.models.owned import RELEVANCE

# Relevance of a match: the smallest number comes first.
(
    RANK_BARCODE,
    RANK_SKU,
    RANK_SKU_IGNORING_CASE,
    RANK_NAME_PREFIX,
    RANK_WORD_PREFIXES,
    RANK_SUBSTRINGS,
) = range(6)
RANK_WITH_TYPOS = 1_000
# With one wrong letter a word still shares a third of its trigrams.
SIMILARITY_THRESHOLD = "0.3"
# Shorter words are similar by chance.
MIN_TYPO_LENGTH = 4
# Two swapped letters leave short words almost no common trigram: look for them explicitly.
MAX_SWAP_LENGTH = 7
# Shorter search words match only the beginning of a word.
MIN_SUBSTRING_LENGTH = 3
# Shorter parts of a barcode are in most of them.
MIN_BARCODE_PART = 4


class Match(NamedTuple):
    """A condition on a column of products. `lookup` is one of Django's."""

    column: str
    lookup: str
    text: str

    def to_q(self) -> Q:
        return Q((f"{self.column}__{self.lookup}", self.text))


# Conditions that must all be true.
Matches = Sequence[Match]


class SearchText(NamedTuple):
    """A search text as it is compared with products."""

    # As a SKU or barcode.
    code: str
    words: tuple[str, ...]
    phrase: str

    @property
    def exact(self) -> Matches:
        """Return the conditions of a product that contains all words."""
        return [match_substring(word) for word in self.words]

    @property
    def ranks(self) -> list[tuple[int, Matches]]:
        """Return the conditions of each relevance, best first; RANK_SUBSTRINGS for all others."""
        return [
            (RANK_SKU, [Match("sku", "exact", self.code)]),
            (RANK_SKU_IGNORING_CASE, [Match("sku", "iexact", self.code)]),
            (RANK_NAME_PREFIX, [Match("search_text", "startswith", f" {self.phrase}")]),
            (RANK_WORD_PREFIXES, [match_prefix(word) for word in self.words]),
        ]

    @property
    def may_have_typos(self) -> bool:
        return any(map(may_have_typo, self.words))


def parse_search_text(text: str) -> SearchText:
    phrase = plain_words(text)
    code, words = normalize_code(text), tuple(dict.fromkeys(phrase.split()))
    return SearchText(code, words, phrase)


def search_products(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """Filter products by a search text and annotate their `relevance`.

    Every word must be part of the name or the SKU, in any order. Typing errors are tolerated
    only if no product of the tenant contains all words.
    """
    asked = parse_search_text(text)
    if not asked.words:
        return products
    barcode_match = find_scanned_product(text)
    exact_match = match_all(asked.exact)
    if barcode_match is None and needs_typo_tolerance(exact_match, asked):
        return search_with_typos(products, asked.words)
    meant = exact_match if barcode_match is None else exact_match | Q(pk=barcode_match)
    return products.filter(meant).annotate(**{RELEVANCE: build_relevance(asked, barcode_match)})


def search_products_by_parts(products: ProductQuerySet, text: str) -> ProductQuerySet:
    """Filter products as `search_products` does, and by a part of a barcode; without relevance."""
    code = normalize_code(text)
    if len(code) < MIN_BARCODE_PART or not any(map(str.isdigit, code)):
        return search_products(products, text)
    by_words = search_products(Product.objects.all(), text)
    by_code = Barcode.objects.filter(code__contains=code)
    return products.filter(Q(pk__in=by_words.values("pk")) | Q(pk__in=by_code.values("product")))


def needs_typo_tolerance(exact_match: Q, asked: SearchText) -> bool:
    """Return whether no product matches exactly and typing errors should be tolerated."""
    if not (asked.may_have_typos and has_trigram_index()):
        return False
    return not Product.objects.filter(exact_match).exists()


def build_relevance(asked: SearchText, barcode_match: Any) -> Case:
    return Case(
        *([] if barcode_match is None else [When(pk=barcode_match, then=RANK_BARCODE)]),
        *(When(match_all(matches), then=rank) for rank, matches in asked.ranks),
        default=RANK_SUBSTRINGS,
        output_field=models.IntegerField(),
    )


def search_with_typos(products: ProductQuerySet, words: Sequence[str]) -> ProductQuerySet:
    """Filter by similar words, the most similar first."""
    with connection.cursor() as cursor:
        # Not set_config(), which Citus does not pass on to the other machines.
        cursor.execute(
            "SET LOCAL pg_trgm.strict_word_similarity_threshold = %s", [SIMILARITY_THRESHOLD]
        )
    similarity = reduce(
        add, [TrigramStrictWordSimilarity(word, F("search_text")) for word in words]
    )
    rank = (Value(float(len(words))) - similarity) * Value(1_000.0) + Value(float(RANK_WITH_TYPOS))
    return products.filter(reduce(and_, map(match_similar, words))).annotate(
        **{RELEVANCE: Cast(rank, models.IntegerField())}
    )


def match_similar(word: str) -> Q:
    """Match the word, a similar one (pg_trgm, by the trigram index) or one with swapped letters."""
    if not may_have_typo(word):
        return match_substring(word).to_q()
    similar = Q(TrigramStrictWordSimilar(F("search_text"), Value(word)))
    swapped = swap_neighbors(word) if len(word) <= MAX_SWAP_LENGTH else ()
    substrings = [match_substring(each).to_q() for each in (word, *swapped)]
    return reduce(or_, [similar, *substrings])


def may_have_typo(word: str) -> bool:
    """Return whether a word may contain a typo; numbers and codes must match exactly."""
    return word.isalpha() and len(word) >= MIN_TYPO_LENGTH


def swap_neighbors(word: str) -> Iterable[str]:
    """Yield the word with each pair of neighboring letters swapped: `mlik`, `milk`."""
    for place in range(len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def match_substring(word: str) -> Match:
    if len(word) < MIN_SUBSTRING_LENGTH and word.isascii() and word.isalnum():
        return match_prefix(word)
    return Match("search_text", "contains", word)


def match_prefix(word: str) -> Match:
    return Match("search_text", "contains", f" {word}")


def match_all(matches: Matches) -> Q:
    return reduce(and_, [match.to_q() for match in matches])


def has_trigram_index() -> bool:
    """Return whether the migration could create the trigram index."""
    return connection.vendor == "postgresql" and _trigram_index_exists(
        str(connection.settings_dict["NAME"])
    )


@cache
def _trigram_index_exists(database: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('product_search') IS NOT NULL")
        return bool(cursor.fetchone()[0])

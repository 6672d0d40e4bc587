"""Variants for all combinations of options, created at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as combine
from math import prod
from typing import Any

from accounts.models import User
from orders.models import Product
from orders.models.catalog import MAX_SKU_LENGTH
from orders.models.variant_options import (
    MAX_OPTIONS,
    Options,
    build_options_key,
    fold_option,
)
from orders.services.catalog.file_formats import compose_sku
from orders.services.catalog.products import write_product
from orders.services.catalog.variants import list_variants
from tenants.exceptions import DomainError, FieldError, Invalid
from tenants.scope import atomic_with_retry

MAX_COMBINATIONS = 200
# Where the options are entered.
FIELD = "options"


@dataclass(frozen=True, slots=True)
class Combination:
    """Values of all options, the key they are compared by, and the variant that has them."""

    options: Options
    key: str
    variant: Product | None = None

    @property
    def values(self) -> list[str]:
        return [value for _, value in self.options]


class VariantRefused(Exception):
    """One of several variants cannot be created; `position` says which one."""

    def __init__(self, position: int, reason: DomainError) -> None:
        self.position, self.reason = position, reason
        super().__init__(str(reason))


def list_option_values(parent: Product) -> dict[str, list[str]]:
    """Return the values of each option of the variants of a product, in their order."""
    values: dict[str, dict[str, None]] = {}
    for options in list_variants(parent).order_by("pk").values_list("options", flat=True):
        for name, value in options or ():
            values.setdefault(name, {})[value] = None
    return {name: list(each) for name, each in values.items()}


def list_combinations(parent: Product, values: Mapping[str, Sequence[str]]) -> list[Combination]:
    """Return all combinations, each with the variant that exists already. Raises `Invalid`."""
    distinct = {name: drop_repeated(each) for name, each in values.items()}
    if error := find_values_error(distinct):
        raise Invalid(errors=(error,))
    variants = list(list_variants(parent).order_by("pk"))
    if variants:
        mismatch = Product(options=list(distinct.items())).find_option_names_error(
            variants[0].options or ()
        )
        if mismatch:
            raise Invalid(errors=(mismatch,))
    by_key = {variant.options_key: variant for variant in variants}
    found = []
    for combination in combine(*distinct.values()):
        options = [list(pair) for pair in zip(distinct, combination, strict=True)]
        key = str(build_options_key(options))
        found.append(Combination(options, key, by_key.get(key)))
    return found


def find_values_error(values: Mapping[str, Sequence[str]]) -> FieldError | None:
    """Return the error for options without values, of the same name, or with many combinations."""
    if not values or not all(values.values()):
        detail = "Enter each option with its values, such as Size: S, M, L."
        return FieldError(FIELD, "required", detail)
    if len(values) > MAX_OPTIONS:
        return FieldError(FIELD, "max", f"At most {MAX_OPTIONS} options.")
    if len(set(map(fold_option, values))) < len(values):
        return FieldError(FIELD, "repeated", "Each option must have another name.")
    if prod(map(len, values.values())) > MAX_COMBINATIONS:
        detail = f"At most {MAX_COMBINATIONS} combinations at once. Enter fewer values."
        return FieldError(FIELD, "too_many_combinations", detail)
    return None


def drop_repeated(values: Iterable[str]) -> list[str]:
    """Return the values without those that differ in upper and lower case only."""
    distinct: dict[str, str] = {}
    for value in values:
        distinct.setdefault(fold_option(value), value)
    return list(distinct.values())


def suggest_sku(parent: Product, combination: Combination) -> str:
    """Return a SKU for a new variant: "SHIRT" in M and Red gives "SHIRT-M-Red"."""
    return compose_sku(parent.sku, combination.values)[:MAX_SKU_LENGTH]


@atomic_with_retry
def create_variants(
    parent: Product, rows: Sequence[Mapping[str, Any]], *, by: User
) -> list[Product]:
    """Create variants of a product, all or none. Raises `VariantRefused`."""
    created = []
    for position, row in enumerate(rows):
        changes = {name: value for name, value in row.items() if name != "barcodes"}
        changes["parent"] = parent
        try:
            variant = write_product(Product(), changes, barcodes=row.get("barcodes"), by=by)
        except DomainError as reason:
            raise VariantRefused(position, reason) from reason
        created.append(variant)
    return created

"""Options of variants, such as size and color: a list of pairs, in the order of their names."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from django.db import models

# A list, because PostgreSQL does not keep the order of keys in JSON objects.
Options = Sequence[Sequence[str]]

MAX_OPTIONS = 5
MAX_OPTION_LENGTH = 50


def fold_option(text: str) -> str:
    """Return what names and values of options are compared by: without case and width."""
    return unicodedata.normalize("NFKC", text).casefold()


def fold_option_names(options: Options) -> set[str]:
    return {fold_option(name) for name, _ in options}


def build_options_key(options: Options | None) -> str | None:
    """Return what the options of variants are compared by, in any order; None without options."""
    if not options:
        return None
    folded = sorted((fold_option(name), fold_option(value)) for name, value in options)
    return blake2b(json.dumps(folded).encode(), digest_size=16).hexdigest()


def sort_options(options: Options, names: Iterable[str]) -> list[list[str]]:
    """Return the options in the order and spelling of these names, which they all have."""
    values = {fold_option(name): value for name, value in options}
    return [[name, values[fold_option(name)]] for name in names]


def compose_variant_name(parent: str, options: Options) -> str:
    """Return the name of a variant: "T-shirt" in M and Red is "T-shirt, M, Red"."""
    return join_names(parent, [value for _, value in options])


def join_names(name: str, values: Sequence[str]) -> str:
    return ", ".join([name, *values])


class OptionsKeyField(models.CharField):  # type: ignore[type-arg]  # no generic when run
    """Column that is computed from the options at every save."""

    def pre_save(self, model_instance: Any, add: bool) -> str | None:
        key = build_options_key(model_instance.options)
        setattr(model_instance, self.attname, key)
        return key

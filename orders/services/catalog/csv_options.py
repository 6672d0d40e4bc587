"""Options of variants in a catalog file: a cell with all of them, or a column for each."""

import re
from collections.abc import Iterable

from orders.models.variant_options import MAX_OPTION_LENGTH, MAX_OPTIONS, Options, fold_option_names
from tenants.api.formats import FormatError, parse_text

# A column of one option, such as "option [Size]".
OPTION_COLUMN = re.compile(r"option \[(?P<name>.+)\]", re.IGNORECASE)
# Separators that are not escaped by a backslash.
BETWEEN_OPTIONS = re.compile(r"(?<!\\)\|")
AFTER_NAME = re.compile(r"(?<!\\):")
ESCAPED = re.compile(r"\\([\\|:])")


def write_options(options: Options) -> str:
    """Return a cell that `split_options` reads: "Size: M | Color: Red"."""
    return " | ".join(f"{escape(name)}: {escape(value)}" for name, value in options)


def escape(text: str) -> str:
    return re.sub(r"([\\|:])", r"\\\1", text)


def split_options(cell: str) -> list[tuple[str, str]]:
    """Return the pairs of a cell. Raises `FormatError`."""
    # A backslash that is escaped itself escapes no separator after it.
    text = cell.replace("\\\\", "\0")
    pairs = []
    for option in BETWEEN_OPTIONS.split(text) if text.strip() else ():
        parts = AFTER_NAME.split(option)
        if len(parts) == 1:
            raise FormatError("malformed_options")
        pairs.append((unescape(parts[0]), unescape(":".join(parts[1:]))))
    return pairs


def unescape(text: str) -> str:
    return ESCAPED.sub(r"\1", text).replace("\0", "\\").strip()


def parse_options(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the options that have a value. Raises `FormatError`."""
    options = [
        [parse_text(text.strip(), max_length=MAX_OPTION_LENGTH) for text in pair]
        for pair in pairs
        if pair[1].strip()
    ]
    if not all(name for name, _ in options):
        raise FormatError("malformed_options")
    if len(options) > MAX_OPTIONS:
        raise FormatError("too_many_options", maximum=MAX_OPTIONS)
    if len(fold_option_names(options)) < len(options):
        raise FormatError("repeated_option")
    return options

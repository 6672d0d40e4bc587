"""Rules of product codes, without a database."""

from orders.codes.gtin import build_key
from orders.codes.labels import (
    Label,
    LabelKind,
    is_label_pattern,
    may_be_label,
    normalize_plu,
    read_label,
)

__all__ = [
    "Label",
    "LabelKind",
    "build_key",
    "is_label_pattern",
    "may_be_label",
    "normalize_plu",
    "read_label",
]

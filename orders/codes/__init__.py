"""Rules of product codes, without a database."""

from orders.codes.gs1 import UNTRACED, GS1Code, Traceability, is_gs1, read_gs1
from orders.codes.gtin import build_key
from orders.codes.labels import (
    Label,
    LabelKind,
    get_fixed_digits,
    is_label_pattern,
    may_be_label,
    normalize_plu,
    read_label,
)
from orders.codes.symbology import remove_symbology

__all__ = [
    "UNTRACED",
    "GS1Code",
    "Label",
    "LabelKind",
    "Traceability",
    "build_key",
    "get_fixed_digits",
    "is_gs1",
    "is_label_pattern",
    "may_be_label",
    "normalize_plu",
    "read_gs1",
    "read_label",
    "remove_symbology",
]

"""Rows of prepared statements, with the attributes of the models that the renderers use.

Amounts, times and ids are the text of PostgreSQL: the renderers cut it instead of building objects.
"""

import re
from typing import NamedTuple

QUOTED_OR_PLAIN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)')
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class ProductRow(NamedTuple):
    """A product with its barcodes."""

    id: str
    sku: str
    name: str
    price: str
    tax_class_id: str | None
    category_id: str | None
    sold_by: str
    open_price: bool
    track_stock: bool
    is_active: bool
    version: int
    updated_at: str
    barcodes: str

    @property
    def barcode_codes(self) -> list[str]:
        return parse_text_array(self.barcodes)


def parse_text_array(text: str) -> list[str]:
    """Return the texts of a one-dimensional array as PostgreSQL writes it, without nulls."""
    if '"' not in text:
        return text[1:-1].split(",") if text != "{}" else []
    return [
        plain or ESCAPED.sub(r"\1", quoted) for quoted, plain in QUOTED_OR_PLAIN.findall(text[1:-1])
    ]

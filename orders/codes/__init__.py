"""Rules of product codes, without a database."""

from orders.codes.gtin import build_key

__all__ = ["build_key"]

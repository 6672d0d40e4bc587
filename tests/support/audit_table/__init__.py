"""One row for every audit event: the action and the expected event.

A new event needs a row: a function in one of these modules, named by `@row("the_event")`, which
does the action and returns the expected event. tests/architecture/test_audit.py names events
without a row.
"""

from tests.support.audit_table import (
    barcode_rule,
    bookkeeping_profile,
    card_readers,
    catalog,
    customers,
    modifier_list,
    orders,
    price_list,
    receipt_profile,
    shop,
    stock_count,
    stock_transfer,
    users,
)
from tests.support.audit_table.scene import ROWS, ExpectedEvent, Scene

__all__ = [
    "ROWS",
    "ExpectedEvent",
    "Scene",
    "barcode_rule",
    "bookkeeping_profile",
    "card_readers",
    "catalog",
    "customers",
    "modifier_list",
    "orders",
    "price_list",
    "receipt_profile",
    "shop",
    "stock_count",
    "stock_transfer",
    "users",
]

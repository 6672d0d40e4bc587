"""Where everything lies in the measured database: ids that are computed, so that nobody has to ask.

Every id is of UUID version 7: a fixed time, the number of the table, and a number of twelve digits.
"""

from enum import IntEnum

SHOPS = 20
PEOPLE = 10
EVERYBODY = SHOPS * PEOPLE
LINES = 5
FIRST_NUMBER = 10**11
FIRST_BARCODE = 8_900_000_000_000
PLENTY = 10**8
PASSWORD = "correct horse battery staple"


class Table(IntEnum):
    """What has an id of its own; the tables that belong to an order follow after them."""

    TENANT = 1
    STORE = 2
    REGISTER = 3
    USER = 4
    SESSION = 5
    TAX_CLASS = 6
    PRODUCT = 7
    BARCODE = 8
    STOCK_LEVEL = 9
    SERIES = 10
    ORDER = 11
    CHAIN_ENTRY = 12
    EVENT = 13
    OF_AN_ORDER = 20


def prefix(table: int) -> str:
    return f"01900000-0000-7{table:03d}-8000-"


def compute_id(table: int, number: int) -> str:
    return f"{prefix(table)}{FIRST_NUMBER + number}"


def id_in_sql(table: int, number: str) -> str:
    """The same, for a number that the database computes."""
    return f"('{prefix(table)}' || ({FIRST_NUMBER} + ({number})))::uuid"


def barcode_key_in_sql(code: str) -> str:
    """Return the key of 13 digits, by which a barcode is found."""
    digits = (f"substr({code}, {i}, 1)::int * {1 if i % 2 else 3}" for i in range(1, 14))
    return f"CASE WHEN ({' + '.join(digits)}) % 10 = 0 THEN '0' ELSE '' END || {code}"


def choose_product(order: int, place: int, products: int) -> int:
    """Return which product of its shop is on this line of an order, as fill_parts has it in SQL."""
    return (order * 7919 + place * 997) % products


def compute_price_in_cents(product: int) -> int:
    return 100 + product % 900


def amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def build_slug(shop: int) -> str:
    return f"shop-{shop}"


def build_username(person: int) -> str:
    return f"cashier-{person}"

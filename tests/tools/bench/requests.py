"""The requests of each figure, as lines of a file that every load generator reads."""
# ruff: noqa: S311  (chance, not secrets)

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.tools.bench import layout
from tests.tools.bench.layout import (
    EVERYBODY,
    FIRST_NUMBER,
    LINES,
    PEOPLE,
    SHOPS,
    Table,
    compute_id,
    prefix,
)

# How many rows a page has.
PAGE = 50
# Every cashier has sold as many orders as the least that a database is filled with.
SMALLEST_ORDERS = 10


@dataclass(frozen=True, slots=True)
class BenchData:
    """What the database holds: products of each shop, and everybody's token."""

    products: int
    tokens: list[str]
    # Of the role that owns the tables, to look up what a request may name.
    owner: str = ""

    def anybody(self) -> int:
        return random.randrange(EVERYBODY)

    def choose_products(self, person: int) -> list[int]:
        """Five different ones of the person's shop."""
        first = person // PEOPLE * self.products
        return [first + each for each in random.sample(range(self.products), LINES)]


def line(method: str, path: str, token: str = "", body: object = None, key: str = "") -> str:
    text = "" if body is None else json.dumps(body, separators=(",", ":"))
    return f"{method}\t{path}\t{token}\t{key}\t{text}\n"


def fresh_id() -> str:
    """A UUID of version 7, as a terminal makes it."""
    moment, rest = time.time_ns() // 1_000_000, random.getrandbits(74)
    digits = f"{moment:012x}7{rest >> 62:03x}{8 + (rest >> 60 & 3):x}{rest & (1 << 60) - 1:015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def barcode(world: BenchData) -> str:
    person = world.anybody()
    code = layout.FIRST_BARCODE + random.randrange(world.products)
    return line("GET", f"/api/v1/products/?barcode={code}", world.tokens[person])


def product_page(world: BenchData) -> str:
    return line("GET", "/api/v1/products/", world.tokens[world.anybody()])


def order_page(world: BenchData) -> str:
    return line("GET", "/api/v1/orders/", world.tokens[world.anybody()])


def order(world: BenchData) -> str:
    """Five products in cash, with an id that no other order has."""
    person = world.anybody()
    return post_order(world, person, choose_sale(world, person))


def choose_sale(world: BenchData, person: int) -> dict[str, Any]:
    sold = {number: random.randint(1, 3) for number in world.choose_products(person)}
    return sale(fresh_id(), person, sold)


def post_order(world: BenchData, person: int, body: dict[str, Any], key: str = "") -> str:
    return line("POST", "/api/v1/orders/", world.tokens[person], body, key)


def discounted_order(world: BenchData) -> str:
    """As `order`, with a discount on the whole and a part paid at a stand-alone card reader."""
    person = world.anybody()
    body = choose_sale(world, person)
    body["discounts"] = [{"type": "percent", "value": "5", "reason": "Regular customer"}]
    card = {"method": "card", "amount": "1.00", "entry": "external", "reference": "slip 4711"}
    body["payments"] = [card, {"method": "cash"}]
    return post_order(world, person, body)


def keyed_order(world: BenchData) -> str:
    """As `order`, but a header says which sale it is."""
    person = world.anybody()
    body = choose_sale(world, person)
    return post_order(world, person, body, key=body.pop("id"))


def open_order(world: BenchData, person: int, order: str) -> str:
    body = choose_sale(world, person) | {"id": order}
    del body["payments"]
    return post_order(world, person, body)


def pay_order(world: BenchData, person: int, order: str) -> str:
    body = {"id": fresh_id(), "method": "cash"}
    return line("POST", f"/api/v1/orders/{order}/payments/", world.tokens[person], body)


def hot_order(world: BenchData) -> str:
    """As `order`, but everybody is of the first shop and sells its first product too."""
    return order_of_first_shop(world, first=1)


def spread_order(world: BenchData) -> str:
    """As `hot_order`, but five products by chance."""
    return order_of_first_shop(world, first=0)


def order_of_first_shop(world: BenchData, *, first: int) -> str:
    person = random.randrange(PEOPLE)
    others = random.sample(range(1, world.products), LINES - first)
    sold = dict.fromkeys([*range(first), *others], 1)
    return line("POST", "/api/v1/orders/", world.tokens[person], sale(fresh_id(), person, sold))


def product_search(world: BenchData) -> str:
    """The words of a name that some forty products of the shop have."""
    word = random.randrange(10, 100)
    path = f"/api/v1/products/?search=number+{word}"
    return line("GET", path, world.tokens[world.anybody()])


def product_history(world: BenchData) -> str:
    """The newest movements of a product that was sold, as a manager looks what became of it."""
    person = world.anybody()
    shop, order = person // PEOPLE, person + EVERYBODY * random.randrange(1, SMALLEST_ORDERS)
    sold = layout.choose_product(order, random.randrange(LINES), world.products)
    product = compute_id(Table.PRODUCT, shop * world.products + sold)
    path = f"/api/v1/stock/movements/?product={product}"
    return line("GET", path, world.tokens[EVERYBODY + shop])


def day_report(world: BenchData) -> str:
    """Yesterday's sales by hour."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    return report(world, f"group_by=hour&from={day}")


def year_report(world: BenchData) -> str:
    """The sales of a year by day."""
    today = datetime.now(UTC).date()
    return report(world, f"group_by=day&from={today - timedelta(days=365)}&to={today}")


def report(world: BenchData, query: str) -> str:
    shop = random.randrange(SHOPS)
    return line("GET", f"/api/v1/reports/sales/?{query}", world.tokens[EVERYBODY + shop])


def sale(order: str, person: int, sold: dict[int, int]) -> dict[str, Any]:
    """How many of which products somebody sells for cash at the own till."""
    total = sum(layout.compute_price_in_cents(number) * count for number, count in sold.items())
    return {
        "id": order,
        "register": compute_id(Table.REGISTER, person),
        "lines": [
            {"product": compute_id(Table.PRODUCT, number), "quantity": str(count)}
            for number, count in sold.items()
        ],
        "payments": [{"method": "cash", "amount": layout.amount(total)}],
    }


def log_in(world: BenchData) -> str:
    person = world.anybody()
    body = {
        "tenant": layout.build_slug(person // PEOPLE),
        "username": layout.build_username(person),
        "password": layout.PASSWORD,
    }
    return line("POST", "/api/v1/auth/token/", body=body)


def peer_barcode(world: BenchData) -> str:
    code = layout.FIRST_BARCODE + random.randrange(world.products)
    return line("GET", f"/bc/{code}", world.tokens[world.anybody()])


def peer_product_page(world: BenchData) -> str:
    return line("GET", "/products", world.tokens[world.anybody()])


# How many products each shop of the peer has when it begins.
PEER_PRODUCTS = 5_000


def peer_order(world: BenchData) -> str:
    person = world.anybody()
    first = person // PEOPLE * PEER_PRODUCTS + 1
    numbers = random.sample(range(world.products), LINES)
    lines = [{"product": first + each, "qty": random.randint(1, 3)} for each in numbers]
    body = {"method": "cash", "discount": "0.00", "lines": lines}
    return line("POST", "/orders", world.tokens[person], body)


def write_lines(path: Path, lines: list[str]) -> int:
    path.write_text("".join(lines))
    return len(lines)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: how one is made, and what its answer must be."""

    make: Callable[[BenchData], str]
    is_right: Callable[[Any], bool]
    # Whether each may be sent once only.
    once: bool = False
    # Whether each is a sale.
    sells: bool = False

    def write(self, path: Path, world: BenchData, count: int) -> int:
        """Write so many requests; returns how many there are."""
        return write_lines(path, [self.make(world) for _ in range(count)])

    def count_answered(self, answered: int) -> None:
        """Learn how many of the written requests were answered."""


@dataclass(frozen=True, slots=True)
class PaidLater(Kind):
    """Orders that stay open, alternating with payments of orders opened one window earlier.

    So no payment overtakes the request that opens its order, even on another connection.
    """

    opened: list[tuple[int, str]] = field(default_factory=list)
    sent: list[tuple[int, str, bool]] = field(default_factory=list)

    def write(self, path: Path, world: BenchData, count: int) -> int:
        self.sent.clear()
        lines = []
        for person, order in self.opened:
            self.sent.append((person, order, True))
            lines.append(pay_order(world, person, order))
            lines.append(self.open_another(world))
        lines += [self.open_another(world) for _ in range(count - len(lines))]
        return write_lines(path, lines)

    def open_another(self, world: BenchData) -> str:
        person, order = world.anybody(), fresh_id()
        self.sent.append((person, order, False))
        return open_order(world, person, order)

    def count_answered(self, answered: int) -> None:
        """Keep the orders that are surely open: opened and answered, or not yet paid."""
        self.opened[:] = [
            (person, order)
            for place, (person, order, is_paid) in enumerate(self.sent)
            if (place >= answered + IN_FLIGHT if is_paid else place < answered - IN_FLIGHT)
        ]


# More requests than are under way at any moment.
IN_FLIGHT = 100
REFUNDABLE = f"""
SELECT line.order_id::text, line.id::text, line.cashier FROM (
    SELECT one.id, one.order_id, one.position,
        right(placed.cashier_id::text, 12)::bigint - {FIRST_NUMBER} AS cashier
    FROM orders_orderline one JOIN orders_order placed ON placed.id = one.order_id
    WHERE one.order_id IN (
        SELECT ('{prefix(Table.ORDER)}' || {FIRST_NUMBER} + number)::uuid
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) number)
) line WHERE line.position = 0
"""  # noqa: S608  (numbers and names of our own)


@dataclass(frozen=True, slots=True)
class RefundedLine(Kind):
    """One piece of the first line of an order that was there before: each order once."""

    waiting: list[tuple[str, str, int]] = field(default_factory=list)
    # Of how many orders something was refunded.
    taken: list[int] = field(default_factory=lambda: [EVERYBODY])

    def write(self, path: Path, world: BenchData, count: int) -> int:
        return write_lines(path, [self.refund(world, *one) for one in self.choose(world, count)])

    def choose(self, world: BenchData, count: int) -> list[tuple[str, str, int]]:
        [first] = self.taken
        self.taken[0] = first + count
        with psycopg.connect(world.owner) as connection:
            rows = connection.execute(REFUNDABLE, {"first": first, "last": first + count - 1})
            return [(str(order), str(line), int(person)) for order, line, person in rows]

    def refund(self, world: BenchData, order: str, line_id: str, person: int) -> str:
        body = {
            "reason": "Leaking",
            "lines": [{"line": line_id, "quantity": "1", "restock": True}],
        }
        path = f"/api/v1/orders/{order}/refunds/"
        return line("POST", path, world.tokens[person], body, key=fresh_id())


def refund_one(world: BenchData) -> str:
    [line_] = REFUND.choose(world, 1)
    return REFUND.refund(world, *line_)


def is_sold(answer: Any) -> bool:
    return bool(answer["status"] == "completed") and len(answer["lines"]) == LINES


def sells(make: Callable[[BenchData], str]) -> Kind:
    return Kind(make, is_sold, once=True, sells=True)


BARCODE = Kind(barcode, lambda answer: len(answer["results"]) == 1)
PRODUCT_PAGE = Kind(product_page, lambda answer: len(answer["results"]) == PAGE)
ORDER_PAGE = Kind(order_page, lambda answer: len(answer["results"]) == PAGE)
PRODUCT_SEARCH = Kind(product_search, lambda answer: len(answer["results"]) >= 1)
ORDER = sells(order)
DISCOUNTED_ORDER = sells(discounted_order)
KEYED_ORDER = sells(keyed_order)
HOT_ORDER = sells(hot_order)
SPREAD_ORDER = sells(spread_order)
PAID_LATER = PaidLater(
    lambda world: open_order(world, world.anybody(), fresh_id()),
    lambda answer: bool(answer["status"] == "open"),
    once=True,
)
REFUND = RefundedLine(refund_one, lambda answer: bool(answer["id"]), once=True)
PRODUCT_HISTORY = Kind(product_history, lambda answer: len(answer["results"]) >= 1)
DAY_REPORT = Kind(day_report, lambda answer: bool(answer["rows"]))
YEAR_REPORT = Kind(year_report, lambda answer: bool(answer["rows"]))
LOG_IN = Kind(log_in, lambda answer: bool(answer["access"]))
PEER_BARCODE = Kind(peer_barcode, lambda answer: bool(answer["barcode"]))
PEER_PRODUCT_PAGE = Kind(peer_product_page, lambda answer: len(answer["results"]) == PAGE)
PEER_ORDER = Kind(peer_order, lambda answer: len(answer["lines"]) == LINES, once=True)


# What a shop asks, in percent: for the memory of a worker.
MIXTURE = {
    "product by barcode": (BARCODE, 40),
    "sale of five lines": (ORDER, 20),
    "page of products": (PRODUCT_PAGE, 10),
    "page of orders": (ORDER_PAGE, 8),
    "product search": (PRODUCT_SEARCH, 7),
    "sale with a discount and two payments": (DISCOUNTED_ORDER, 5),
    "sale with an Idempotency-Key": (KEYED_ORDER, 5),
    "log-in": (LOG_IN, 5),
}


def name_mixture() -> dict[str, int]:
    return {title: share for title, (_, share) in MIXTURE.items()}


def mixed(world: BenchData) -> str:
    kinds, shares = zip(*MIXTURE.values(), strict=True)
    [kind] = random.choices(kinds, shares)
    return str(kind.make(world))


MIXED = Kind(mixed, bool, once=True)

"""The requests of each figure, as lines of a file that every load generator reads."""
# ruff: noqa: S311  (chance, not secrets)

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.bench import layout
from tests.tools.bench.layout import EVERYBODY, LINES, PEOPLE, Table, compute_id

# How many rows a page has.
PAGE = 50


@dataclass(frozen=True, slots=True)
class BenchData:
    """What the database holds: products of each shop, and everybody's token."""

    products: int
    tokens: list[str]

    def anybody(self) -> int:
        return random.randrange(EVERYBODY)

    def products_of(self, person: int) -> list[int]:
        """Five different ones of the person's shop."""
        first = person // PEOPLE * self.products
        return [first + each for each in random.sample(range(self.products), LINES)]


def line(method: str, path: str, token: str = "", body: object = None) -> str:
    text = "" if body is None else json.dumps(body, separators=(",", ":"))
    return f"{method}\t{path}\t{token}\t{text}\n"


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
    sold = {number: random.randint(1, 3) for number in world.products_of(person)}
    return line("POST", "/api/v1/orders/", world.tokens[person], sale(fresh_id(), person, sold))


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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: how one is made, and what its answer must be."""

    make: Callable[[BenchData], str]
    is_right: Callable[[Any], bool]
    # Whether each may be sent once only.
    once: bool = False

    def write(self, path: Path, world: BenchData, count: int) -> None:
        path.write_text("".join(self.make(world) for _ in range(count)))


def is_sold(answer: Any) -> bool:
    return bool(answer["status"] == "completed") and len(answer["lines"]) == LINES


BARCODE = Kind(barcode, lambda answer: len(answer["results"]) == 1)
PRODUCT_PAGE = Kind(product_page, lambda answer: len(answer["results"]) == PAGE)
ORDER_PAGE = Kind(order_page, lambda answer: len(answer["results"]) == PAGE)
PRODUCT_SEARCH = Kind(product_search, lambda answer: len(answer["results"]) > 1)
ORDER = Kind(order, is_sold, once=True)
HOT_ORDER = Kind(hot_order, is_sold, once=True)
SPREAD_ORDER = Kind(spread_order, is_sold, once=True)
LOG_IN = Kind(log_in, lambda answer: bool(answer["access"]))
PEER_BARCODE = Kind(peer_barcode, lambda answer: bool(answer["barcode"]))
PEER_PRODUCT_PAGE = Kind(peer_product_page, lambda answer: len(answer["results"]) == PAGE)
PEER_ORDER = Kind(peer_order, lambda answer: len(answer["lines"]) == LINES, once=True)

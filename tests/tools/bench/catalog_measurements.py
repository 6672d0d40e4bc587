"""Measures the catalog of one database: whole requests, without a network around them."""
# ruff: noqa: S311  (chance, not secrets)

import argparse
import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from config import wsgi  # noqa: F401  (sets Django up, before anything asks for a model)

# isort: split
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import issue_access
from tenants.models import Tenant
from tenants.scope import tenant_context
from tests.tools.bench.report import print_line, show_table

API = "/api/v1/products/"
WORDS = (
    "apple banana bread butter candle carrot cheese chicken chocolate coffee cookie cream crème "
    "flour garlic ginger honey jam juice lemon milk mushroom mustard noodle olive onion orange "
    "paper pasta pepper potato rice salmon salt sausage soap soup spinach sugar tea tomato vanilla "
    "vinegar water yoghurt organic fresh frozen dried smoked dark white green red whole mild spicy"
).split()
SIZES = ("100 g", "250 g", "500 g", "1 kg", "330 ml", "1 l", "6-pack")
FIRST_BARCODE = 4_000_000_000_000
SEARCHES = {
    "a barcode": "4000000012345",
    "a SKU": "SKU-012345",
    "a word": "chocolate",
    "two words": "milk choc",
    "without its accent": "creme",
    "three words, the last begun": "organic green te",
    "part of a SKU": "0123",
    "one letter": "s",
    "what a seventh of all have": "500 g",
    "what all have": "sku",
    "a typo": "choclate",
    "typos in two words": "oragnic tomaot",
    "a barcode of nothing": "4999999999999",
    "a word of nothing": "xylophone",
    "(a+)+$": "(a+)+$",
}
TIMES = 40


def catalog(products: int, *, price: str, first: int = 0) -> bytes:
    chance = random.Random(first + 7)
    return "\n".join(
        ["sku,name,price,barcodes,category", *lines(products, price, first, chance)]
    ).encode()


def lines(products: int, price: str, first: int, chance: random.Random) -> Iterator[str]:
    for number in range(first, first + products):
        name = f"{' '.join(chance.choices(WORDS, k=3)).capitalize()} {chance.choice(SIZES)}"
        yield f"SKU-{number:06},{name},{price},{FIRST_BARCODE + number},Shelf {number % 200}"


class Manager:
    """Somebody who may import, with a shop of their own."""

    def __init__(self, slug: str) -> None:
        tenant = Tenant(slug=slug, name=slug, currency="EUR")
        tenant.save(force_insert=True)
        with tenant_context(tenant):
            user = User(tenant=tenant, username="manager", role=Role.MANAGER)
            user.save(force_insert=True)
            session = AuthSession(user=user)
            session.start(timezone.now())
            session.save(force_insert=True)
        self.token = issue_access(session)
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.client = Client(SERVER_NAME="127.0.0.1")

    def import_file(self, content: bytes, query: str = "") -> str:
        report = import_file(self.token, content, query)
        return ", ".join(
            f"{report[name]:,} {name}"
            for name in ("created", "updated", "unchanged")
            if report[name]
        )

    def export(self) -> str:
        answer: Any = self.client.get(f"{API}export/", headers=self.headers)
        size = sum(len(piece) for piece in answer.streaming_content)
        return f"{size / 1024**2:.1f} MiB"

    def search(self, text: str) -> list[Any]:
        answer: Any = self.client.get(API, {"search": text}, headers=self.headers)
        assert answer.status_code == HTTPStatus.OK, answer.content
        found: list[Any] = json.loads(answer.content)["results"]
        return found


def import_file(token: str, content: bytes, query: str = "") -> dict[str, Any]:
    """Return the report of an import as the user of an access token."""
    answer: Any = Client(SERVER_NAME="127.0.0.1").post(
        f"{API}import/{query}",
        content,
        content_type="text/csv",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == HTTPStatus.OK, answer.content[:1000]
    report: dict[str, Any] = answer.json()
    return report


def peak() -> float:
    """The most memory that this process has ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def file_row(name: str, work: Callable[[], str]) -> tuple[str, ...]:
    before, started, worked = peak(), time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    return name, f"{seconds:.1f}", f"{cpu:.1f}", f"{peak() - before:.0f}", result


def search_row(manager: Manager, name: str, text: str) -> tuple[str, ...]:
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found = manager.search(text)
        times.append(1000 * (time.perf_counter() - started))
    figures = (min(times), statistics.median(times), statistics.quantiles(times, n=20)[-1])
    first = found[0]["name"] if found else ""
    return name, text, str(len(found)), *(f"{each:.0f}" for each in figures), first


def files(manager: Manager, products: int) -> list[tuple[str, ...]]:
    new, changed = (catalog(products, price=price) for price in ("1.00", "2.00"))
    manager.import_file(catalog(2, price="1.00", first=products))
    return [
        file_row("dry run", lambda: manager.import_file(new, "?dry_run=1")),
        file_row("import, all new", lambda: manager.import_file(new)),
        file_row("the same again", lambda: manager.import_file(new)),
        file_row("every price changed", lambda: manager.import_file(changed)),
        file_row("export", manager.export),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.catalog_measurements")
    parser.add_argument("--products", type=int, required=True)
    given = parser.parse_args()
    manager, neighbor = Manager("ours"), Manager("theirs")
    show_table(("file", "seconds", "of CPU", "MiB more", ""), files(manager, given.products))
    neighbor.import_file(catalog(given.products, price="1.00"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print_line()
    rows = [search_row(manager, name, text) for name, text in SEARCHES.items()]
    show_table(("search", "", "found", "best ms", "p50 ms", "p95 ms", "first"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a run measures: the usual figures, what growth does to them, and what stays in memory."""

import argparse
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.tools.bench import baseline, database_limit, processes, requests, till
from tests.tools.bench.consistency import open_books
from tests.tools.bench.layout import SHOPS
from tests.tools.bench.load import Generator
from tests.tools.bench.measurements import Calls, Hashing, Ratio, Subject, measure
from tests.tools.bench.programs import tail
from tests.tools.bench.report import print_line, show, show_table
from tests.tools.bench.requests import BenchData, Kind
from tests.tools.bench.till import Server

ORDER, BARCODE, PAGE = "order of five lines", "product by barcode", "page of products"
LOG_IN, ORDERS, SEARCH = "log-in", "page of orders", "product search"
HOT, SPREAD = "order in one shop, one product hot", "order in one shop, products spread"
PEER, SMALL, LARGE = "peer: ", "small: ", "large: "
HASH, LIMIT = "password hash alone", "pgbench: order of five lines"

KINDS = {
    ORDER: requests.ORDER,
    BARCODE: requests.BARCODE,
    PAGE: requests.PRODUCT_PAGE,
    LOG_IN: requests.LOG_IN,
    ORDERS: requests.ORDER_PAGE,
    HOT: requests.HOT_ORDER,
    SPREAD: requests.SPREAD_ORDER,
}
PEER_KINDS = {
    ORDER: requests.PEER_ORDER,
    BARCODE: requests.PEER_BARCODE,
    PAGE: requests.PEER_PRODUCT_PAGE,
}
GROWING_KINDS = {
    ORDER: requests.ORDER,
    ORDERS: requests.ORDER_PAGE,
    SEARCH: requests.PRODUCT_SEARCH,
}
LASTING_KINDS = {
    ORDER: requests.ORDER,
    BARCODE: requests.BARCODE,
    PAGE: requests.PRODUCT_PAGE,
    ORDERS: requests.ORDER_PAGE,
    LOG_IN: requests.LOG_IN,
}
RATIOS = [
    Ratio(ORDER, PEER + ORDER, 2.5),
    Ratio(ORDER, LIMIT, 0.35),
    Ratio(BARCODE, PEER + BARCODE, 2),
    Ratio(PAGE, PEER + PAGE, 2),
    Ratio(LOG_IN, HASH, 0.8),
    Ratio(HOT, SPREAD, 0.6),
]
# What is compared is measured next to each other.
NEIGHBORS = [
    *(ORDER, LIMIT, PEER + ORDER),
    *(BARCODE, PEER + BARCODE),
    *(PAGE, PEER + PAGE),
    *(LOG_IN, HASH),
    *(HOT, SPREAD),
    ORDERS,
    *(size + name for name in GROWING_KINDS for size in (SMALL, LARGE)),
]
# A list may take a fifth longer: 1 / 1.2.
GROWING_RATIOS = [
    Ratio(LARGE + ORDER, SMALL + ORDER, 0.9),
    Ratio(LARGE + ORDERS, SMALL + ORDERS, 0.83),
    Ratio(LARGE + SEARCH, SMALL + SEARCH, 0.83),
]
SMALL_ORDERS = 10_000
LASTING_STEPS = 10


@dataclass(frozen=True, slots=True)
class Bench:
    """One run: its options, and what lives as long as it does."""

    given: argparse.Namespace
    stack: ExitStack
    scratch: Path
    postgres: str
    app: str
    generator: Generator

    @property
    def products(self) -> int:
        return int(self.given.products) // SHOPS

    def fill(self, name: str, orders: int) -> tuple[str, BenchData]:
        started = time.monotonic()
        database = till.create_database(self.postgres, name)
        world = till.fill(database, self.scratch, products=self.products, orders=orders)
        seconds = time.monotonic() - started
        print_line(
            f"{self.given.products:,} products, {orders:,} orders: filled in {seconds:.0f} s."
        )
        return database, world

    def serve(self, database: str, world: BenchData) -> Server:
        served = till.opened_to(self.app, database)
        return self.stack.enter_context(till.serving(served, world, self.scratch))

    def calls(self, server: Server, kinds: Mapping[str, Kind], prefix: str = "") -> list[Calls]:
        """What is asked of this server, each seen to be answered as it should be."""
        calls = [
            Calls(prefix + name, server, kind, self.generator, self.scratch)
            for name, kind in kinds.items()
        ]
        for each in calls:
            each.check()
        return calls

    def chosen(self, kinds: Mapping[str, Kind]) -> dict[str, Kind]:
        only = self.given.only
        return {name: kind for name, kind in kinds.items() if not only or name in only}

    def measure(self, subjects: list[Subject], ratios: list[Ratio]) -> int:
        print_line(f"{self.generator.connections} connections from {self.generator.name}.\n")
        neighbors = sorted(subjects, key=lambda subject: NEIGHBORS.index(subject.name))
        results = measure(neighbors, self.given.rounds)
        show(results, ratios)
        if results.errors:
            logs = {subject.server.log for subject in subjects if isinstance(subject, Calls)}
            print_line("\n".join(f"\n{log.name}\n{tail(log.read_text())}" for log in sorted(logs)))
        return results.errors


def measure_usual(bench: Bench) -> int:
    """The figures of one Till beside their limits, and the peer's if there is one."""
    database, world = bench.fill("till", bench.given.orders)
    subjects: list[Subject] = []
    kinds = bench.chosen(KINDS)
    if ORDER in kinds:
        pgbench = database_limit.prepare(
            LIMIT, bench.postgres, world, bench.generator, bench.scratch
        )
        pgbench.check()
        subjects.append(pgbench)
    if LOG_IN in kinds:
        subjects.append(Hashing(HASH, bench.generator.seconds))
    ours = bench.serve(database, world)
    calls = bench.calls(ours, kinds)
    if bench.given.peer:
        theirs = bench.stack.enter_context(
            baseline.serving(bench.given.peer, bench.postgres, bench.scratch, bench.products)
        )
        subjects += bench.calls(theirs, bench.chosen(PEER_KINDS), PEER)
    books, before = open_books(database), processes.largest(ours.process)
    errors = bench.measure([*calls, *subjects], RATIOS)
    print_line(f"\n{books.check(sum(each.sold for each in calls))}")
    after, answered = processes.largest(ours.process), sum(each.answered for each in calls)
    print_line(
        f"The larger worker had {before} MiB before and {after} MiB after {answered:,} requests."
    )
    return errors


def measure_growth(bench: Bench) -> int:
    """The same calls of two Tills on one server, with few orders in one and many in the other."""
    subjects: list[Subject] = []
    filled = {
        SMALL: bench.fill("till_small", SMALL_ORDERS),
        LARGE: bench.fill("till_large", bench.given.growth),
    }
    for size, (database, world) in filled.items():
        subjects += bench.calls(bench.serve(database, world), GROWING_KINDS, size)
    return bench.measure(subjects, GROWING_RATIOS)


def measure_memory(bench: Bench) -> int:
    """The memory of the workers while they answer very many requests."""
    ours = bench.serve(*bench.fill("till", bench.given.orders))
    calls = bench.calls(ours, LASTING_KINDS)
    rows = [("0", str(processes.largest(ours.process)))]
    wanted, answered, due, errors = bench.given.memory, 0, 0.0, 0
    while answered < wanted:
        errors += sum(each.measure().errors for each in calls)
        answered = sum(each.answered for each in calls)
        if answered >= due:
            rows.append((f"{answered:,}", str(processes.largest(ours.process))))
            due = answered + wanted / LASTING_STEPS
    show_table(("requests", "MiB of the larger worker"), rows)
    print_line("Target: below 150 after 100,000 requests, and not growing.")
    return errors

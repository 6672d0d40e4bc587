"""What a run measures: the usual calls, what growth does to them, and what stays in memory."""

import argparse
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from config.server import GRANIAN, GUNICORN
from tests.tools.bench import (
    cluster,
    database_limit,
    machine,
    peers,
    processes,
    requests,
    snapshot,
    till,
)
from tests.tools.bench.consistency import open_books
from tests.tools.bench.layout import SHOPS
from tests.tools.bench.load import WITHOUT_WRK, Generator
from tests.tools.bench.measurements import (
    Calls,
    Hashing,
    Name,
    Ratio,
    Results,
    Subject,
    measure,
)
from tests.tools.bench.programs import DidNotWork, tail
from tests.tools.bench.report import (
    Table,
    build_cpu,
    build_rates,
    build_ratios,
    describe_foreign_load,
    print_line,
)
from tests.tools.bench.requests import BenchData, Kind
from tests.tools.bench.till import Server

BARCODE, PAGE = "product by barcode", "page of 50 products"
ORDER, DISCOUNTED = "sale of five lines", "sale with a discount and two payments"
KEYED, LATER = "sale with an Idempotency-Key", "open order, and paid later"
ORDERS, SEARCH = "page of 50 orders", "product search"
LOG_IN, REFUND = "log-in", "refund of a line"
HOT, SPREAD = "sale in one shop, one product hot", "sale in one shop, products spread"
HISTORY, DAY, YEAR = "history of a product", "report of one day", "report of a year"
KINDS = {
    BARCODE: requests.BARCODE,
    PAGE: requests.PRODUCT_PAGE,
    SEARCH: requests.PRODUCT_SEARCH,
    ORDER: requests.ORDER,
    DISCOUNTED: requests.DISCOUNTED_ORDER,
    KEYED: requests.KEYED_ORDER,
    LATER: requests.PAID_LATER,
    REFUND: requests.REFUND,
    ORDERS: requests.ORDER_PAGE,
    LOG_IN: requests.LOG_IN,
    HOT: requests.HOT_ORDER,
    SPREAD: requests.SPREAD_ORDER,
}
ORM_KINDS = {
    ORDER: requests.PEER_ORDER,
    BARCODE: requests.PEER_BARCODE,
    PAGE: requests.PEER_PRODUCT_PAGE,
}
# The same-work peer takes Till's own requests.
SAME_KINDS = {name: KINDS[name] for name in (BARCODE, PAGE, ORDER, ORDERS, LOG_IN)}
# What is measured of Till on another web server than the usual one.
OTHER_SERVER_KINDS = {
    name: KINDS[name] for name in (BARCODE, PAGE, ORDER, DISCOUNTED, KEYED, ORDERS, LOG_IN)
}
GROWING_KINDS = {
    ORDER: requests.ORDER,
    ORDERS: requests.ORDER_PAGE,
    SEARCH: requests.PRODUCT_SEARCH,
    HISTORY: requests.PRODUCT_HISTORY,
    DAY: requests.DAY_REPORT,
    YEAR: requests.YEAR_REPORT,
}

TILL = {GUNICORN: "Till on gunicorn", GRANIAN: "Till on granian"}
ORM, SAME = "ORM peer", "same-work peer"
LIMITS = {
    database_limit.PREPARED: Name(ORDER, "pgbench, prepared"),
    database_limit.SIMPLE: Name(ORDER, "pgbench, not prepared"),
}
HASH = Name(LOG_IN, "password hash alone")
SMALL, LARGE = "few orders", "many orders"
SALES = (ORDER, DISCOUNTED, KEYED)


def list_ratios() -> list[Ratio]:
    """Return what Till should reach of what it is compared with."""
    ratios = []
    for server, till_ in TILL.items():
        quick = server == GRANIAN
        for call in (BARCODE, PAGE):
            ratios.append(Ratio(Name(call, till_), Name(call, SAME), 2.5 if quick else 1.5))
            ratios.append(Ratio(Name(call, till_), Name(call, ORM), 2.5))
        for call in SALES:
            ratios.append(Ratio(Name(call, till_), Name(ORDER, SAME), 1.5 if quick else 1.3))
            ratios.append(Ratio(Name(call, till_), Name(ORDER, ORM), 2.5))
        ratios += [
            Ratio(Name(ORDER, till_), LIMITS[database_limit.PREPARED], 0.35),
            Ratio(Name(ORDERS, till_), Name(ORDERS, SAME), 1.6),
            Ratio(Name(LOG_IN, till_), Name(LOG_IN, SAME), 1.0),
            Ratio(Name(LOG_IN, till_), HASH, 0.85),
            Ratio(Name(HOT, till_), Name(SPREAD, till_), 0.6),
        ]
    return ratios


# A list may take a fifth longer: 1 / 1.2.
GROWING_RATIOS = [
    Ratio(Name(ORDER, LARGE), Name(ORDER, SMALL), 0.9),
    Ratio(Name(ORDERS, LARGE), Name(ORDERS, SMALL), 0.83),
    Ratio(Name(SEARCH, LARGE), Name(SEARCH, SMALL), 0.83),
    Ratio(Name(HISTORY, LARGE), Name(HISTORY, SMALL), 0.83),
    Ratio(Name(DAY, LARGE), Name(DAY, SMALL), 0.83),
]
SMALL_ORDERS = 100_000
LASTING_STEPS = 10
LASTING_SECONDS = 10
UNDER_WAY_SECONDS = 3
MAX_MEMORY = 120
PROCESSOR_TIME = (
    "Processor time of one request, of all processes of the web server and of PostgreSQL:"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: what was found, in tables and sentences."""

    title: str
    parts: list[Table | str]

    def as_text(self) -> str:
        return "\n\n".join(p.as_text() if isinstance(p, Table) else p for p in self.parts)

    def as_markdown(self) -> str:
        return "\n\n".join(p.as_markdown() if isinstance(p, Table) else p for p in self.parts)


@dataclass(slots=True)
class Bench:
    """One run: its options, and what lives as long as it does."""

    given: argparse.Namespace
    stack: ExitStack
    scratch: Path
    postgres: str
    app: str
    generator: Generator
    postmaster: int
    memory: cluster.Memory
    load_before: str = field(default_factory=machine.read_load)

    @property
    def products(self) -> int:
        return int(self.given.products) // SHOPS

    def fill(self, orders: int) -> tuple[str, BenchData]:
        """Return a database with so many orders: a kept one, else a new one."""
        name = cluster.name_database(self.products, orders)
        if name in self.memory.filled:
            database = f"{self.postgres.rpartition('/')[0]}/{name}"
            return database, till.renew(database, self.scratch, products=self.products)
        world = cluster.fill(self.postgres, self.memory, self.products, orders, self.scratch)
        return world.owner, world

    def serve(
        self, database: str, world: BenchData, server: str = GUNICORN, **settings: str
    ) -> Server:
        served = till.opened_to(self.app, database)
        running = till.serving(served, world, self.scratch, server=server, **settings)
        return self.stack.enter_context(running)

    def calls(self, server: Server, kinds: Mapping[str, Kind], name: str) -> list[Calls]:
        """Return what is asked of this server, each seen to be answered as it should be."""
        calls = [
            Calls(Name(call, name), server, kind, self.generator, self.scratch, self.postmaster)
            for call, kind in kinds.items()
        ]
        for each in calls:
            each.check()
        return calls

    def chosen(self, kinds: Mapping[str, Kind]) -> dict[str, Kind]:
        only = self.given.only
        return {name: kind for name, kind in kinds.items() if not only or name in only}

    def till_calls(self, database: str, world: BenchData) -> list[Calls]:
        """Return the calls of Till, all on its first server and some on the others."""
        calls = []
        for place, server in enumerate(choose_servers(self.given.server)):
            kinds = self.chosen(OTHER_SERVER_KINDS if place else KINDS)
            if kinds:
                calls += self.calls(self.serve(database, world, server), kinds, TILL[server])
        return calls

    def peer_calls(self, database: str, world: BenchData) -> list[Calls]:
        """Return the calls of both peers, as far as they are there."""
        calls = []
        same = find_peer(self.given.peer_same, "peer_same", SAME, "--peer-same")
        kinds = self.chosen(SAME_KINDS)
        if same and kinds:
            served = till.opened_to(self.app, database)
            server = peers.serving_same(same, served, world, self.scratch)
            calls += self.calls(self.stack.enter_context(server), kinds, SAME)
        orm = find_peer(self.given.peer, "peer", ORM, "--peer")
        kinds = self.chosen(ORM_KINDS)
        if orm and kinds:
            server = peers.serving_orm(orm, self.postgres, self.scratch, self.products)
            calls += self.calls(self.stack.enter_context(server), kinds, ORM)
        return calls

    def measure(self, subjects: Sequence[Subject]) -> Results:
        if self.generator.name != "wrk":
            print_line(WITHOUT_WRK)
        print_line(f"{self.generator.connections} connections from {self.generator.name}.\n")
        # What is compared is measured next to each other.
        order = [*KINDS, *GROWING_KINDS]
        results = measure(
            sorted(subjects, key=lambda subject: order.index(subject.name.call)),
            self.given.rounds,
        )
        if results.errors:
            logs = {subject.server.log for subject in subjects if isinstance(subject, Calls)}
            print_line("\n".join(f"\n{log.name}\n{tail(log.read_text())}" for log in sorted(logs)))
            raise DidNotWork(f"{results.errors} requests were refused or broken.")
        return results

    def describe_fill(self) -> str:
        """Say how long the loading of each database took, and its size."""
        each = (
            f"{int(name.rpartition('_')[2]):,} orders in {taken['seconds']} s, {taken['GiB']} GiB"
            for name, taken in self.memory.filled.items()
        )
        return f"Loaded: {'; '.join(each)}."

    def describe(self, results: Results | None = None) -> list[Table | str]:
        """Say on what machine, with which command and beside what else it was measured."""
        spread = f"; {describe_foreign_load(results)}" if results else ""
        rounds = (
            f", {self.given.rounds} rounds of {self.generator.seconds:g} s after one to warm up, "
            "everything in turns"
        )
        version = till.find_server_version(self.postgres)
        return [
            f'Command: `make bench ARGS="{self.given.command}"`. '
            f"{self.given.products:,} products, {self.generator.connections} connections from "
            f"{self.generator.name}{rounds if results else ''}.",
            f"Machine: {machine.describe(version)}.",
            f"Load averages: {self.load_before} before, {machine.read_load()} after{spread}.",
        ]


def choose_servers(wanted: Sequence[str] | None) -> list[str]:
    """Return the web servers to measure Till on: those that are installed unless some are named."""
    if wanted:
        return list(wanted)
    if till.is_installed(GRANIAN):
        return [GUNICORN, GRANIAN]
    print_line("Till on granian is left out: granian is not installed.")
    return [GUNICORN]


def find_peer(given: Path | None, name: str, title: str, option: str) -> Path | None:
    found = given or peers.find(name)
    if found is None:
        print_line(f"The {title} is left out: there is no {peers.PLACE}/{name}, and no {option}.")
    return found


def measure_usual(bench: Bench) -> Section:
    """Measure one Till beside its limits and the peers."""
    database, world = bench.fill(bench.given.orders)
    kinds = bench.chosen(KINDS)
    subjects: list[Subject] = []
    if ORDER in kinds:
        pgbench = database_limit.prepare(
            LIMITS,
            database.rpartition("/")[2],
            bench.postgres,
            bench.app,
            world,
            bench.generator,
            bench.scratch,
        )
        for each in pgbench:
            each.check()
        subjects += pgbench
    if LOG_IN in kinds:
        subjects.append(Hashing(HASH, bench.generator.seconds))
    ours = bench.till_calls(database, world)
    theirs = bench.peer_calls(database, world)
    servers = list({id(each.server): each.server for each in ours}.values())
    books = open_books(database)
    before = max(processes.largest(server.process) for server in servers)
    results = bench.measure([*ours, *theirs, *subjects])
    after = max(processes.largest(server.process) for server in servers)
    sold = sum(each.sold for each in [*ours, *theirs] if each.name.server != ORM)
    answered = sum(each.answered for each in ours)
    return Section(
        "Requests",
        [
            *bench.describe(results),
            build_ratios(results, list_ratios()),
            build_rates(results),
            PROCESSOR_TIME,
            build_cpu(results),
            books.check(sold),
            f"The largest worker of Till had {before} MiB before and {after} MiB after "
            f"{answered:,} requests.",
        ],
    )


def measure_growth(bench: Bench) -> Section:
    """Measure the same calls of two Tills on one server, with few and with many orders."""
    subjects: list[Subject] = []
    for size, orders in zip((SMALL, LARGE), list_sizes(bench.given), strict=True):
        database, world = bench.fill(orders)
        subjects += bench.calls(bench.serve(database, world), GROWING_KINDS, size)
    results = bench.measure(subjects)
    few, many = list_sizes(bench.given)
    return Section(
        "Growth",
        [
            *bench.describe(results),
            f"Few orders are {few:,}, many {many:,}, with all rows of a sale.",
            bench.describe_fill(),
            build_ratios(results, GROWING_RATIOS),
            build_rates(results),
            PROCESSOR_TIME,
            build_cpu(results),
        ],
    )


def list_sizes(given: argparse.Namespace) -> list[int]:
    """Return the numbers of orders of the databases that a run needs."""
    if not given.growth:
        return [given.orders]
    return [min(SMALL_ORDERS, given.growth // 10), given.growth]


def measure_memory(bench: Bench) -> Section:
    """Measure the memory of the largest worker while each answers very many requests."""
    database, world = bench.fill(bench.given.orders)
    server = choose_servers(bench.given.server)[0]
    workers = machine.count_cores()
    ours = bench.serve(database, world, server, WEB_CONCURRENCY=str(workers))
    [calls] = bench.calls(ours, {ORDER: requests.MIXED}, TILL[server])
    calls.generator = Generator(bench.given.connections, LASTING_SECONDS)
    wanted, due, errors = bench.given.memory * workers, 0.0, 0
    rows = [("0", str(processes.largest(ours.process)))]
    while calls.answered < wanted:
        errors += calls.measure().errors
        if calls.answered >= due:
            # What wrk has left under way at its end still holds memory.
            time.sleep(UNDER_WAY_SECONDS)
            each = calls.answered // workers
            rows.append((f"{each:,}", str(processes.largest(ours.process))))
            due = calls.answered + wanted / LASTING_STEPS
    if errors:
        raise DidNotWork(f"{errors} requests were refused or broken.\n{tail(ours.log.read_text())}")
    reached = "reached" if float(rows[-1][1]) < MAX_MEMORY else "not reached"
    shares = ", ".join(f"{share} % {title}" for title, share in requests.name_mixture().items())
    return Section(
        "Memory",
        [
            *bench.describe(),
            f"{workers} workers of {TILL[server]} answer a mixture: {shares}.",
            Table(("requests for each worker", "MiB of the largest worker"), rows),
            f"Target: below {MAX_MEMORY} MiB after 100,000 requests for each worker, and not "
            f"growing: {reached}.",
        ],
    )


def measure_catalog(bench: Bench) -> Section:
    """Measure how a terminal loads the catalog of one shop and keeps its copy current."""
    products = bench.given.catalog
    database = till.create_database(bench.postgres, "catalog")
    token = snapshot.fill(database, products, bench.scratch)
    server = bench.serve(database, BenchData(products, [token], database))
    return Section(
        "Catalog of a terminal",
        [
            f'Command: `make bench ARGS="{bench.given.command}"`. One shop with {products:,} '
            "products, each with a barcode, in 200 categories; one client that accepts gzip.",
            *bench.describe()[1:],
            *snapshot.measure_loading(server, token, products, bench.scratch),
        ],
    )

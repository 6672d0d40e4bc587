"""The command line of the replay: read files, sell, close shifts, compare totals."""

import time
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from tqdm import tqdm

from tests.tools.replay_baskets.files import (
    SoldBasket,
    ensure_complete,
    read_articles,
    read_baskets,
)
from tests.tools.replay_baskets.report import Report
from tests.tools.replay_baskets.shifts import close_drawers, load_z_totals, open_drawers
from tests.tools.replay_baskets.shop import ReadyShop, load_sold, prepare_shop
from tests.tools.replay_baskets.terminal import ensure_server_answers
from tests.tools.replay_baskets.tills import Outcome, distribute, sell


def count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("a whole number from 1")
    return int(text)


class Command(BaseCommand):
    help = (
        "Sell the baskets of PATH/baskets.csv at a running Till that uses this database, at "
        "several tills at once. Each basket is sold once, however often the command runs."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder with products.csv and baskets.csv")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where Till runs")
        parser.add_argument(
            "--workers", type=count, default=4, help="number of tills that sell at the same time"
        )
        parser.add_argument(
            "--tenant", default="replay", help="slug of the shop, created for the replay"
        )
        parser.add_argument("--limit", type=count, help="sell only the first LIMIT baskets")

    def handle(self, *args: Any, **options: Any) -> None:
        articles = read_articles(options["path"])
        baskets = read_baskets(options["path"], options["limit"])
        ensure_complete(articles, baskets)
        ensure_server_answers(options["url"])
        start = time.perf_counter()
        shop = prepare_shop(options["tenant"], articles, baskets)
        self.stdout.write(
            f"Shop {options['tenant']} is ready after {time.perf_counter() - start:.1f} s: "
            f"{shop.new_products:,} new products, {shop.new_deliveries:,} new deliveries."
        )
        self.replay(shop, baskets, options["url"], options["workers"])

    def replay(
        self, shop: ReadyShop, baskets: Sequence[SoldBasket], url: str, workers: int
    ) -> None:
        work = distribute(shop, baskets, workers)
        outcomes: list[Outcome] = []
        failures: list[str] = []
        start = time.perf_counter()
        with tqdm(total=len(baskets), unit=" baskets", disable=None) as bar:

            def collect(outcome: Outcome) -> None:
                outcomes.append(outcome)
                bar.update()

            try:
                opened = open_drawers(shop, baskets, url)
                self.stdout.write(f"{opened} shifts opened.")
                sell(shop, work, url, collect)
                failures += close_drawers(shop, url)
            except CommandError as error:
                failures.append(str(error))
        seconds = time.perf_counter() - start
        database = load_sold(shop.tenant, baskets)
        tills = load_z_totals(shop, baskets)
        self.report(Report(baskets, outcomes, database, tills, seconds, len(work)), failures)

    def report(self, report: Report, failures: list[str]) -> None:
        self.stdout.write("\n".join(report.lines()))
        if problems := failures + report.problems():
            raise CommandError("\n".join(["The replay found differences:", *problems]))
        self.stdout.write("All totals agree.")

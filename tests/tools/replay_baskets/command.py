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
from tests.tools.replay_baskets.shifts import close_drawers, open_drawers, z_sums
from tests.tools.replay_baskets.shop import ReadyShop, make_ready, sold_according_to_database
from tests.tools.replay_baskets.terminal import ensure_somebody_answers
from tests.tools.replay_baskets.tills import Outcome, sell, shared_out


def count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("a whole number from 1")
    return int(text)


class Command(BaseCommand):
    help = (
        "Sell the baskets of PATH/baskets.csv at a running Till that uses this database, several "
        "tills at once and each basket once, however often this is called."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder with products.csv and baskets.csv")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where Till runs")
        parser.add_argument("--workers", type=count, default=4, help="tills that sell at once")
        parser.add_argument("--tenant", default="replay", help="slug of the shop made for it")
        parser.add_argument("--limit", type=count, help="only so many baskets, the first ones")

    def handle(self, *args: Any, **options: Any) -> None:
        articles = read_articles(options["path"])
        baskets = read_baskets(options["path"], options["limit"])
        ensure_complete(articles, baskets)
        ensure_somebody_answers(options["url"])
        began = time.perf_counter()
        shop = make_ready(options["tenant"], articles, baskets)
        self.stdout.write(
            f"Shop {options['tenant']} is ready after {time.perf_counter() - began:.1f} s: "
            f"{shop.new_products:,} new products, {shop.new_deliveries:,} new deliveries."
        )
        self.replay(shop, baskets, options["url"], options["workers"])

    def replay(
        self, shop: ReadyShop, baskets: Sequence[SoldBasket], url: str, workers: int
    ) -> None:
        work = shared_out(shop, baskets, workers)
        outcomes: list[Outcome] = []
        complaints: list[str] = []
        began = time.perf_counter()
        with tqdm(total=len(baskets), unit=" baskets", disable=None) as bar:

            def collect(outcome: Outcome) -> None:
                outcomes.append(outcome)
                bar.update()

            try:
                opened = open_drawers(shop, baskets, url)
                self.stdout.write(f"{opened} shifts opened.")
                sell(shop, work, url, collect)
                complaints += close_drawers(shop, url)
            except CommandError as error:
                complaints.append(str(error))
        seconds = time.perf_counter() - began
        database = sold_according_to_database(shop.tenant, baskets)
        tills = z_sums(shop, baskets)
        self.report(Report(baskets, outcomes, database, tills, seconds, len(work)), complaints)

    def report(self, report: Report, complaints: list[str]) -> None:
        self.stdout.write("\n".join(report.lines()))
        if problems := complaints + report.problems():
            raise CommandError("\n".join(["The replay found differences:", *problems]))
        self.stdout.write("All totals agree.")

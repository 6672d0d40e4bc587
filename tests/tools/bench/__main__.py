"""Measure Till: `python -m tests.tools.bench [options]`, or `make bench ARGS="options"`.

What is compared is measured in turns, because the machine is not the same from one minute to the
next; a ratio is one of neighbors. Nothing is asserted about time: only errors make it fail.
"""

import argparse
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from config.server import SERVERS
from tests.support.postgres import create_roles, postgres_server
from tests.tools.bench import plan, till
from tests.tools.bench.cluster import Memory, kept_server, load
from tests.tools.bench.layout import SHOPS
from tests.tools.bench.load import Generator
from tests.tools.bench.page import write_section
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.report import print_line

FEWEST = 2_000
USUAL = {"products": 50_000, "orders": 100_000, "rounds": 3, "seconds": 3}
# Everything once, in less than three minutes.
QUICK = {"products": 10_000, "orders": 10_000, "rounds": 1, "seconds": 1}


def thousands(text: str) -> int:
    """Fewer would leave a shop with less than a page."""
    number = int(text)
    if number < FEWEST:
        raise argparse.ArgumentTypeError(f"at least {FEWEST:,}")
    return number


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="everything once with little data, in three minutes")
    add("--write", action="store_true", help="write the report into docs/performance.md too")
    add("--peer", type=Path, help="directory of the ORM peer: app.py and requirements.txt")
    add("--peer-same", type=Path, help="directory of the peer that does the same work")
    add("--server", nargs="+", choices=SERVERS, help="Till on these web servers alone")
    add_sizes(parser)
    add("--keep", type=Path, metavar="DIR", help="keep the filled databases there for the next run")
    add("--only", nargs="+", choices=[*plan.KINDS], metavar="CALL", help="these calls alone")
    instead = parser.add_mutually_exclusive_group()
    add = instead.add_argument
    add("--growth", type=thousands, metavar="ORDERS", help="instead: few orders beside so many")
    add(
        "--memory",
        type=int,
        metavar="REQUESTS",
        help="instead: memory during so many for each worker",
    )
    add(
        "--catalog",
        type=thousands,
        metavar="PRODUCTS",
        help="instead: how a terminal loads the catalog of a shop with so many",
    )
    return parser


def add_sizes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--products", type=thousands, help="in all shops together: 50,000")
    add("--orders", type=thousands, help="in all shops together: 100,000")
    add("--rounds", type=int, help="how often each is measured, after a warm-up: 3")
    add("--seconds", type=int, help="how long each time: 3")
    add("--connections", type=int, default=16, help="how many terminals ask at once: 16")


def parse(arguments: list[str]) -> argparse.Namespace:
    given = build_parser().parse_args(arguments)
    for name, value in (QUICK if given.quick else USUAL).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    given.command = describe_command(arguments)
    return given


def describe_command(arguments: list[str]) -> str:
    """Return the options as they were given, less what is of this machine or of the page."""
    kept, skips = [], False
    for argument in arguments:
        is_path = argument.startswith(("--peer", "--keep"))
        if not (skips or is_path or argument == "--write"):
            kept.append(argument)
        skips = is_path and "=" not in argument
    return shlex.join(kept)


def exit_cleanly(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, and so take every program along."""
    raise KeyboardInterrupt


def start_database(
    given: argparse.Namespace, scratch: Path, stack: ExitStack
) -> tuple[Memory, str]:
    """Start a server for this run, or the one of --keep with what this run needs in it."""
    if not given.keep:
        return Memory(), stack.enter_context(postgres_server())
    given.keep.mkdir(parents=True, exist_ok=True)
    memory = Memory.read(given.keep)
    load(given.keep, memory, given.products // SHOPS, plan.list_sizes(given), scratch)
    return memory, stack.enter_context(kept_server(given.keep, memory, is_loading=False))


def choose_measurement(given: argparse.Namespace) -> Callable[[plan.Bench], plan.Section]:
    if given.growth:
        return plan.measure_growth
    if given.memory:
        return plan.measure_memory
    return plan.measure_catalog if given.catalog else plan.measure_usual


def run(given: argparse.Namespace, stack: ExitStack) -> None:
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="till-bench-"))
    memory, postgres = start_database(given, Path(scratch), stack)
    app = stack.enter_context(create_roles(postgres)).app
    generator = Generator(given.connections, given.seconds)
    measure = choose_measurement(given)
    postmaster = till.find_postmaster(postgres)
    bench = plan.Bench(given, stack, Path(scratch), postgres, app, generator, postmaster, memory)
    section = measure(bench)
    print_line(section.as_text())
    if given.write:
        print_line(f"\nWritten to {write_section(section)}.")


def main() -> int:
    given = parse(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, exit_cleanly)
    try:
        with ExitStack() as stack:
            run(given, stack)
            return 0
    except DidNotWork as error:
        print_line(f"The bench did not work:\n{error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

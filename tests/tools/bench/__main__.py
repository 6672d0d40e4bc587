"""Measures Till: `python -m tests.tools.bench [options]`, or `make bench ARGS="options"`.

What is compared is measured in turns, because the machine is not the same from one minute to the
next; a ratio is one of neighbors. Nothing is asserted about time: only errors make it fail.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from tests.support.postgres import create_roles, postgres_server
from tests.tools.bench import plan
from tests.tools.bench.load import Generator
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.report import print_line

FEWEST = 2_000


def thousands(text: str) -> int:
    """Fewer would leave a shop with less than a page."""
    number = int(text)
    if number < FEWEST:
        raise argparse.ArgumentTypeError(f"at least {FEWEST:,}")
    return number


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench", description=__doc__)
    add = parser.add_argument
    add("--peer", type=Path, help="directory of the peer: app.py and requirements.txt")
    add("--products", type=thousands, default=50_000, help="in all shops together")
    add("--orders", type=thousands, default=100_000, help="in all shops together")
    add("--rounds", type=int, default=3, help="how often each is measured, after a warm-up")
    add("--seconds", type=int, default=3, help="how long each time")
    add("--connections", type=int, default=16, help="how many tills ask at once")
    add("--only", nargs="+", choices=[*plan.KINDS], metavar="FIGURE", help="these figures alone")
    instead = parser.add_mutually_exclusive_group()
    add = instead.add_argument
    add("--growth", type=thousands, metavar="ORDERS", help="instead: few orders beside so many")
    add("--memory", type=int, metavar="REQUESTS", help="instead: memory during so many requests")
    return parser.parse_args()


def exit_cleanly(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, and so take every program along."""
    raise KeyboardInterrupt


def bench(given: argparse.Namespace, stack: ExitStack) -> int:
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="till-bench-"))
    postgres = stack.enter_context(postgres_server())
    app = stack.enter_context(create_roles(postgres)).app
    generator = Generator(given.connections, given.seconds)
    run = (
        plan.measure_growth
        if given.growth
        else plan.measure_memory
        if given.memory
        else plan.measure_usual
    )
    return run(plan.Bench(given, stack, Path(scratch), postgres, app, generator))


def main() -> int:
    given = parse()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, exit_cleanly)
    try:
        with ExitStack() as stack:
            return 1 if bench(given, stack) else 0
    except DidNotWork as error:
        print_line(f"The bench did not work:\n{error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

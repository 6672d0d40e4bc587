"""Measure whether refused log-ins take equal time: `python -m tests.tools.bench.timing`.

Each reason is tried in turns with the hasher of production, in one process on SQLite, so that what
is measured is the work itself. Nothing is asserted: the tests see to it that the work is equal.
"""

import argparse
import importlib
import os
import sys

import django


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.timing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="tries of each reason")
    return parser.parse_args()


def main() -> int:
    given = parse()
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    # Models can be named only now.
    importlib.import_module("tests.tools.bench.refusals").measure(given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

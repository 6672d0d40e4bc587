"""Measure a catalog of 50,000 products: `python -m tests.tools.bench.catalog [options]`.

On SQLite, then on PostgreSQL. Nothing is asserted about time: only errors make it fail.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.postgres import postgres_server
from tests.tools.bench.programs import ROOT, run_python
from tests.tools.bench.report import print_line
from tests.tools.bench.till import create_database, environment


def measure(name: str, database: str, products: int) -> int:
    """In a process of its own, whose memory is nobody else's."""
    settings = environment(database)
    run_python("manage.py", "migrate", "--noinput", "--verbosity=0", environment=settings)
    print_line(f"\n{name}: {products:,} products\n")
    program = [
        sys.executable,
        "-m",
        "tests.tools.bench.catalog_measurements",
        f"--products={products}",
    ]
    return subprocess.run(program, env=settings, cwd=ROOT, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.bench.catalog", description=__doc__
    )
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    given = parser.parse_args()
    errors = 0
    with tempfile.TemporaryDirectory(prefix="till-bench-") as scratch:
        if given.only != "postgres":
            file = Path(scratch) / "till.sqlite3"
            errors += measure("SQLite", f"sqlite:///{file}", given.products)
    if given.only != "sqlite":
        with postgres_server() as server:
            database = create_database(server, "catalog")
            errors += measure("PostgreSQL", database, given.products)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

"""What one would write instead of Till: a directory with app.py and requirements.txt.

The ORM peer has tables of its own and does far less; the same-work peer serves Till's database.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.postgres import free_port
from tests.tools.bench import till
from tests.tools.bench.environments import install
from tests.tools.bench.machine import count_cores
from tests.tools.bench.programs import ROOT, run, running, wait_until_ready
from tests.tools.bench.requests import PEER_PRODUCTS, BenchData
from tests.tools.bench.till import Server, create_database

# Beside the project, or beside a directory in which it lies.
PLACE = "shared/bench"
REQUIREMENTS = "requirements.txt"


def find(name: str) -> Path | None:
    """Return where a peer of this name lies by default, if there is one."""
    places = (parent / PLACE / name for parent in ROOT.parents)
    return next((place for place in places if (place / "app.py").is_file()), None)


@contextmanager
def serving_orm(peer: Path, postgres: str, scratch: Path, products: int) -> Iterator[Server]:
    """Serve the peer with its own tables, on the same database server."""
    peer = peer.resolve()
    programs = install(peer / REQUIREMENTS)
    products = min(products, PEER_PRODUCTS)
    database = create_database(postgres, "peer")
    url = database.replace("postgres://", "postgresql+asyncpg://", 1)
    settings = os.environ | {"PEER_DATABASE_URL": url}
    tokens = run([str(programs / "python"), "app.py", "init"], quiet(settings), cwd=peer).split()
    drop_other_products(database, products)
    data = BenchData(products, tokens, database)
    options = ["app:app"]
    with serve(peer, programs, settings, options, scratch, "/ping") as (base, process, log):
        yield Server(base, database, data, process, log)


def drop_other_products(database: str, products: int) -> None:
    """Leave as many products as Till's shops have."""
    with psycopg.connect(database, autocommit=True) as connection:
        for table, column in (("pos_stock", "product_id"), ("pos_product", "id")):
            connection.execute(
                f"DELETE FROM {table} "  # noqa: S608
                f"WHERE ({column} - 1) % {PEER_PRODUCTS} >= {products}"
            )
        connection.execute("VACUUM ANALYZE")


@contextmanager
def serving_same(peer: Path, database: str, data: BenchData, scratch: Path) -> Iterator[Server]:
    """Serve Till's database with Till's keys and role, so that each takes the other's tokens."""
    peer = peer.resolve()
    settings = till.environment(database) | {"MALLOC_ARENA_MAX": "1"}
    options = ["--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning"]
    options.append("app:app")
    with serve(peer, install(peer / REQUIREMENTS), settings, options, scratch, "/ready") as (
        base,
        process,
        log,
    ):
        yield Server(base, database, data, process, log)


@contextmanager
def serve(
    peer: Path,
    programs: Path,
    settings: Mapping[str, str],
    options: list[str],
    scratch: Path,
    ready: str,
) -> Iterator[tuple[str, int, Path]]:
    """Run uvicorn with as many workers as Till has."""
    port = free_port()
    log = scratch / f"peer-{port}.log"
    command = [str(programs / "uvicorn"), f"--workers={count_cores()}", f"--port={port}", *options]
    with running(command, quiet(settings), log=log, cwd=peer) as process:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{base}{ready}", log)
        yield base, process, log


def quiet(settings: Mapping[str, str]) -> dict[str, str]:
    """Without files of compiled code in the peer's directory."""
    return {**settings, "PYTHONDONTWRITEBYTECODE": "1"}

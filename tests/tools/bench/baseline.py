"""What one would write instead of Till: a directory with app.py and requirements.txt."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.postgres import free_port
from tests.tools.bench.programs import run, running, wait_until_ready
from tests.tools.bench.requests import PEER_PRODUCTS, BenchData
from tests.tools.bench.till import Server, create_database

WORKERS = 2


def install(peer: Path) -> Path:
    """An environment with what the peer needs, kept until its list changes; gives its programs."""
    wanted = (peer / "requirements.txt").read_bytes()
    key = hashlib.sha256(wanted + sys.version.encode()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"till-bench-peer-{key}"
    ready = home / ".ready"
    if not ready.exists():
        run([sys.executable, "-m", "venv", "--clear", str(home)], os.environ)
        pip = [str(home / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-qq"]
        run([*pip, "install", "--requirement", str(peer / "requirements.txt")], os.environ)
        ready.touch()
    return home / "bin"


def initialize(peer: Path, programs: Path, database: str, products: int) -> BenchData:
    """The peer's own data, less the products that Till's shops do not have."""
    settings = environment(database)
    output = run([str(programs / "python"), "app.py", "init"], settings, cwd=peer)
    with psycopg.connect(database, autocommit=True) as connection:
        for table, column in (("pos_stock", "product_id"), ("pos_product", "id")):
            connection.execute(
                f"DELETE FROM {table} "  # noqa: S608
                f"WHERE ({column} - 1) % {PEER_PRODUCTS} >= {products}"
            )
        connection.execute("VACUUM ANALYZE")
    return BenchData(products, output.split())


def environment(database: str) -> dict[str, str]:
    url = database.replace("postgres://", "postgresql+asyncpg://", 1)
    return os.environ | {"PEER_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def serving(peer: Path, server: str, scratch: Path, products: int) -> Iterator[Server]:
    peer = peer.resolve()
    programs = install(peer)
    products = min(products, PEER_PRODUCTS)
    database = create_database(server, "peer")
    world = initialize(peer, programs, database, products)
    port = free_port()
    log = scratch / "peer.log"
    command = [str(programs / "uvicorn"), f"--workers={WORKERS}", f"--port={port}", "app:app"]
    with running(command, environment(database), log=log, cwd=peer) as process:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{base}/ping", log)
        yield Server(base, database, world, process, log)

"""The database server of a run: for this run alone, or kept in a directory for the next ones."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.postgres import FORGETFUL_SETTINGS, Installation
from tests.tools.bench import till
from tests.tools.bench.layout import SHOPS
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.report import print_line
from tests.tools.bench.requests import BenchData

# As tests.support.postgres, but the data stays: when the pipe closes, the server ends in order.
WATCHDOG = """
cat >/dev/null
server=$(head -n 1 data/postmaster.pid) && kill -INT "$server"
"""
# A checkpoint of everything that was loaded may take its time.
STOP_TIMEOUT = 600
# With all rows of a sale, their indexes, and room to write them.
BYTES_OF_AN_ORDER = 12_000
FOR_LOADING = [*FORGETFUL_SETTINGS, "max_wal_size=16GB", "maintenance_work_mem=512MB"]


class KeptInstallation(Installation):
    """An installation in a directory that may hold one already."""

    def copy_for_account(self, package: Path, account: pwd.struct_passwd) -> Path:
        kept = self.home / package.name
        if not kept.exists():
            return super().copy_for_account(package, account)
        self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return kept


@dataclass(slots=True)
class Memory:
    """What the directory says about itself: the password, and what its databases hold."""

    file: Path = Path("bench.json")
    password: str = ""
    filled: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Path) -> "Memory":
        file = home / "bench.json"
        values: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return cls(file, **values)

    def write(self) -> None:
        values = {"password": self.password, "filled": self.filled}
        with os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as it:
            json.dump(values, it, indent=1)


@contextmanager
def kept_server(home: Path, memory: Memory, *, is_loading: bool) -> Iterator[str]:
    """Start the server of a directory, made at first; gives its superuser's URL."""
    installation = KeptInstallation(home.resolve())
    if (installation.data / "PG_VERSION").exists():
        installation.password = memory.password
    else:
        installation.initialize()
        memory.password = installation.password
        memory.write()
    settings = FOR_LOADING if is_loading else []
    url, server = installation.start(settings)
    watchdog = installation.spawn("sh", "-c", WATCHDOG, "sh", stdin=subprocess.PIPE)
    try:
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=STOP_TIMEOUT)
        watchdog.communicate()


def load(home: Path, memory: Memory, products: int, sizes: Iterable[int], scratch: Path) -> None:
    """Fill the databases that the directory does not hold yet."""
    missing = [orders for orders in sizes if name_database(products, orders) not in memory.filled]
    if not missing:
        return
    check_disk(home, sum(missing))
    with kept_server(home, memory, is_loading=True) as postgres:
        for orders in missing:
            fill(postgres, memory, products, orders, scratch)
            memory.write()


def fill(postgres: str, memory: Memory, products: int, orders: int, scratch: Path) -> BenchData:
    """Fill a new database, and note how long it took."""
    started = time.monotonic()
    name = name_database(products, orders)
    database = till.create_database(postgres, name)
    world = till.fill(database, scratch, products=products, orders=orders)
    taken = {"seconds": round(time.monotonic() - started), "GiB": round(till.find_size(database))}
    memory.filled[name] = taken
    print_line(
        f"{products * SHOPS:,} products, {orders:,} orders: "
        f"filled in {taken['seconds']} s, {till.find_size(database):.1f} GiB."
    )
    return world


def name_database(products: int, orders: int) -> str:
    """Name a database for what it was filled with."""
    return f"till_{products * SHOPS}_{orders}"


def check_disk(home: Path, orders: int) -> None:
    free = shutil.disk_usage(home).free
    if free < orders * BYTES_OF_AN_ORDER:
        raise DidNotWork(
            f"{orders:,} orders need about {orders * BYTES_OF_AN_ORDER / 1024**3:.0f} GiB, and "
            f"only {free / 1024**3:.0f} are free in {home}."
        )

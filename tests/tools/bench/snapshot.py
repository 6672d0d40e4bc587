"""Measure how a terminal loads the catalog of one shop, and how it follows new prices.

Everything is asked of a served Till, by one client over one connection.
"""

import gzip
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from msgspec.json import decode

from tests.tools.bench.processes import largest
from tests.tools.bench.programs import DidNotWork, run_python
from tests.tools.bench.report import Table
from tests.tools.bench.till import Server, environment

API = "/api/v1/"
SNAPSHOT = f"{API}catalog/snapshot/"
HEADS = ("what a terminal does", "requests", "seconds", "MB", "rows", "MiB of the worker")
MAX_MEGABYTES, MAX_SECONDS = 3, 3


class Answer(NamedTuple):
    """What one request got: its status, its headers, and its body before and after unpacking."""

    status: int
    etag: str
    size: int
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return self.body.splitlines()

    @property
    def position(self) -> int:
        return int(decode(self.lines[0])["position"])


class Loading(NamedTuple):
    """What a terminal did: its row of the table, and the answers of its requests."""

    row: tuple[str, ...]
    answers: list[Answer]


class Terminal:
    """A client that accepts gzip."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        self.connection = HTTPConnection(urlsplit(server.base).netloc, timeout=120)

    def get(self, path: str, **headers: str) -> Answer:
        self.connection.request("GET", path, headers=self.headers | headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status not in {200, 304}:
            raise DidNotWork(f"{path}\n{response.status} {body.decode(errors='replace')}")
        packed = response.headers.get("Content-Encoding") == "gzip"
        etag = response.headers.get("ETag", "")
        return Answer(response.status, etag, len(body), gzip.decompress(body) if packed else body)

    def get_pages(self) -> Iterator[Answer]:
        """Yield the pages of products, as without a snapshot."""
        path = f"{API}products/?page_size=200"
        cursor: Any = ""
        while cursor is not None:
            page = self.get(f"{path}&cursor={quote(cursor)}" if cursor else path)
            yield page
            cursor = decode(page.body)["cursor"]

    def measure(self, title: str, answers: Iterator[Answer], rows: int | None = None) -> Loading:
        started = time.perf_counter()
        got = list(answers)
        seconds = time.perf_counter() - started
        size = sum(answer.size for answer in got) / 1e6
        found = sum(max(len(answer.lines) - 2, 0) for answer in got) if rows is None else rows
        memory = largest(self.server.process)
        cells = (title, len(got), f"{seconds:.2f}", f"{size:.2f}", f"{found:,}", memory)
        return Loading(tuple(map(str, cells)), got)

    def load(self, title: str, query: str = "", **headers: str) -> Loading:
        path = f"{SNAPSHOT}{query}"
        return self.measure(title, (self.get(each, **headers) for each in [path]))


def fill(database: str, products: int, scratch: Path) -> str:
    """Create a shop with a catalog; return an access token of its manager."""
    settings = environment(database)
    run_python("manage.py", "migrate", "--noinput", "--verbosity=0", environment=settings)
    write_catalog(database, products, scratch)
    return (scratch / "manager").read_text()


def write_catalog(database: str, products: int, scratch: Path, *options: str) -> str:
    """Import the catalog, as another process than the server.

    Return the seconds that the relay needs to assign the positions of the changes.
    """
    files = [f"--token={scratch / 'manager'}", f"--seconds={scratch / 'seconds'}"]
    program = ("-m", "tests.tools.bench.catalog_data", f"--products={products}")
    run_python(*program, *files, *options, environment=environment(database))
    return (scratch / "seconds").read_text()


def measure_loading(server: Server, token: str, products: int, scratch: Path) -> list[Table | str]:
    terminal = Terminal(server, token)
    loadings = [terminal.measure("load the pages of products", terminal.get_pages(), products)]
    loadings.append(terminal.load("load the snapshot"))
    first = loadings[-1].answers[0]
    loadings.append(terminal.load("ask if it is current", **{"If-None-Match": first.etag}))
    seconds = write_catalog(server.world.owner, products, scratch, "--reprice")
    changed = terminal.load("follow new prices of all products", f"?after={first.position}")
    position = changed.answers[0].position
    loadings += [changed, terminal.load("follow again, nothing new", f"?after={position}")]
    result = describe_result([loadings[1], changed])
    return [
        Table(HEADS, [each.row for each in loadings]),
        f"All prices change by an import. The relay assigns the positions of its changes in "
        f"{seconds} s, and a request before that takes so much longer.",
        f"Target for the snapshot: one request of less than {MAX_MEGABYTES} MB in less than "
        f"{MAX_SECONDS} s, and one more after new prices: {result}.",
    ]


def describe_result(loadings: list[Loading]) -> str:
    reached = all(
        float(each.row[2]) < MAX_SECONDS and float(each.row[3]) < MAX_MEGABYTES for each in loadings
    )
    return "reached" if reached else "not reached"

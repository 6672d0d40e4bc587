"""Till as it runs in production, with a database full of orders."""

import importlib.util
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from config.server import GUNICORN
from tenants.database.postgres.roles import GRANTS
from tests.support.postgres import free_port, mark_leakproof
from tests.tools.bench.environments import install
from tests.tools.bench.programs import ROOT, run_python, running, wait_until_ready
from tests.tools.bench.requests import BenchData


@dataclass(frozen=True, slots=True)
class Server:
    """A program that answers, with its database."""

    base: str
    database: str
    world: BenchData
    process: int
    log: Path


def create_database(server: str, name: str, *, template: str = "template1") -> str:
    """An empty database on this server, or a copy of another one; gives its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        # Copied as files: quicker than through the write-ahead log where much is to be copied.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return f"{server.rpartition('/')[0]}/{name}"


def environment(database: str, port: int = 8000) -> dict[str, str]:
    """Production's settings, on this machine alone and without TLS in front."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "off",
        # The load generator is the proxy: it says from which address each request comes.
        "NUM_PROXIES": "1",
        "SECRET_KEY": SECRET,
        "JWT_SIGNING_KEY": SECRET,
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "off",
        "DATABASE_URL": database,
        "REDIS_URL": "",
        "LOG_LEVEL": "INFO",
        "ACCESS_TOKEN_MINUTES": "1440",
        "SESSION_IDLE_HOURS": "24",
        "SESSION_HOURS": "24",
        "BIND": f"127.0.0.1:{port}",
    }


SECRET = secrets.token_urlsafe(64)


def fill(database: str, scratch: Path, *, products: int, orders: int) -> BenchData:
    """Migrate and load the data; gives what is there."""
    tokens = scratch / "tokens"
    settings = environment(database)
    run_python("manage.py", "migrate", "--noinput", "--verbosity=0", environment=settings)
    options = [f"--products={products}", f"--orders={orders}", f"--tokens={tokens}"]
    run_python("-m", "tests.tools.bench.data", *options, environment=settings)
    # As the relay does, which does not run meanwhile.
    run_python("manage.py", "summarize_sales", environment=settings)
    return BenchData(products, tokens.read_text().splitlines(), database)


def renew(database: str, scratch: Path, *, products: int) -> BenchData:
    """Migrate a kept database and create new sessions."""
    tokens = scratch / "tokens"
    settings = environment(database)
    run_python("manage.py", "migrate", "--noinput", "--verbosity=0", environment=settings)
    options = [f"--products={products}", "--orders=0", f"--tokens={tokens}", "--renew"]
    run_python("-m", "tests.tools.bench.data", *options, environment=settings)
    # As the relay does, which does not run meanwhile.
    run_python("manage.py", "summarize_sales", environment=settings)
    return BenchData(products, tokens.read_text().splitlines(), database)


def find_size(database: str) -> float:
    """Return GiB."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) / 1024**3 if row else 0


def find_postmaster(database: str) -> int:
    """Return the process to which all of the database server's belong."""
    with psycopg.connect(database) as connection:
        [directory] = connection.execute("SHOW data_directory").fetchone() or ("",)
    return int(Path(directory, "postmaster.pid").read_text().split()[0])


def find_server_version(database: str) -> str:
    with psycopg.connect(database) as connection:
        [version] = connection.execute("SHOW server_version").fetchone() or ("",)
    return str(version)


def opened_to(app: str, database: str) -> str:
    """Where the role that serves finds this database: held by the policies, as in production."""
    role = str(urlsplit(app).username)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(GRANTS.format(schema="public", role=role).encode())
        # As config/roles.sql has it, so that a search may use its index below the policies.
        mark_leakproof(connection)
    return f"{app.rpartition('/')[0]}/{database.rpartition('/')[2]}"


def is_installed(server: str) -> bool:
    return importlib.util.find_spec(server) is not None


@contextmanager
def serving(
    database: str, world: BenchData, scratch: Path, *, server: str = GUNICORN, **settings: str
) -> Iterator[Server]:
    port = free_port()
    log = scratch / f"till-{port}.log"
    variables = environment(database, port) | {"SERVER": server} | settings
    # Without the packages for development, which others would import where they find them.
    python = install(ROOT / "config/requirements.lock") / "python"
    command = [str(python), "-m", "config.server"]
    with running(command, variables, log=log) as process:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{base}/health/ready/", log)
        yield Server(base, database, world, process, log)

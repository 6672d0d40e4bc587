"""Run a command on a new database of a Citus cluster: `python -m tests.support.cluster COMMAND...`.

CLUSTER_URL names the first machine of the cluster and a superuser, such as
postgres://postgres@127.0.0.1:55401/till. The command finds the database in DATABASE_URL, and in
MIGRATE_DATABASE_URL with the role that owns the tables. Tests use it as it is, instead of creating
one: it is named in TEST_KEPT_DATABASE. It is removed at the end, from all machines.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.postgres import TEST_RIGHTS, Roles, build_role_urls, mark_leakproof, run

NODES = "SELECT nodename, nodeport FROM pg_dist_node WHERE isactive AND noderole = 'primary'"
WORKERS = f"{NODES} AND groupid <> 0 ORDER BY nodeport"
# Fewer shards than the default of 32 are enough to notice a statement that reaches several. Tests
# run many requests in one transaction, in which a statement on all shards must not use several
# connections to a machine.
SETTINGS = {
    "citus.propagate_set_commands": "local",
    "citus.shard_count": "4",
    "citus.multi_shard_modify_mode": "sequential",
    "citus.max_adaptive_executor_pool_size": "1",
    "citus.max_cached_conns_per_worker": "4",
}


class Node(NamedTuple):
    host: str
    port: int


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def build_url(url: str, *, node: Node | None = None, name: str | None = None) -> str:
    """Return the URL of another machine or another database."""
    parts = urlsplit(url)
    if node is not None:
        login = parts.netloc.rpartition("@")[0]
        parts = parts._replace(netloc=f"{login}@{node.host}:{node.port}")
    return (parts if name is None else parts._replace(path=f"/{name}")).geturl()


def list_workers(url: str) -> list[Node]:
    with connect(url) as server:
        return [Node(*row) for row in server.execute(WORKERS).fetchall()]


def create_database(url: str, name: str, *, shards: int | None = None) -> list[str]:
    """Create a database on all machines and connect them; return the URLs, the first one first."""
    workers = list_workers(url)
    coordinator = urlsplit(url)
    urls = [build_url(url, name=name)]
    urls += [build_url(url, node=node, name=name) for node in workers]
    for each in urls:
        with connect(build_url(each, name="postgres")) as server:
            server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        with connect(each) as server:
            server.execute("CREATE EXTENSION citus")
            for extension in ("pg_trgm", "btree_gin", "btree_gist"):
                server.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    with connect(urls[0]) as server:
        server.execute(
            "SELECT citus_set_coordinator_host(%s, %s)", [coordinator.hostname, coordinator.port]
        )
        for node in workers:
            server.execute("SELECT citus_add_node(%s, %s)", [*node])
        settings = SETTINGS | ({"citus.shard_count": str(shards)} if shards else {})
        for setting, value in settings.items():
            statement = SQL(f"ALTER DATABASE {{}} SET {setting} = {{}}")
            server.execute(statement.format(Identifier(name), value))
    return urls


def drop_database(urls: Sequence[str]) -> None:
    name = urlsplit(urls[0]).path[1:]
    for url in urls:
        with suppress(psycopg.Error), connect(build_url(url, name="postgres")) as server:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def create_roles(urls: Sequence[str], app: str, owner: str, password: str) -> Roles:
    """Create the two roles, which Citus creates on the other machines too."""
    name = urlsplit(urls[0]).path[1:]
    with connect(urls[0]) as server:
        for role in (app, owner):
            sql = SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            server.execute(sql.format(Identifier(role), password))
    for url in urls:
        with connect(url) as server:
            # Run on each machine, because Citus does not pass them on.
            server.execute("SET citus.enable_ddl_propagation TO off")
            names = Identifier(name), Identifier(owner)
            server.execute(SQL("ALTER DATABASE {} OWNER TO {}").format(*names))
            for first, right in TEST_RIGHTS.items():
                if server.info.server_version >= first:
                    for role in (app, owner):
                        server.execute(SQL(f"GRANT {right} TO {{}}").format(Identifier(role)))
            mark_leakproof(server)
    return build_role_urls(urls[0], app, owner, password)


@contextmanager
def open_database(url: str, *, shards: int | None = None) -> Iterator[Roles]:
    """Create a database and its roles on the cluster; remove them at the end."""
    name = f"till_{secrets.token_hex(4)}"
    app, owner = f"{name}_app", f"{name}_owner"
    urls = [build_url(url, name=name)]
    urls += [build_url(url, node=node, name=name) for node in list_workers(url)]
    try:
        create_database(url, name, shards=shards)
        yield create_roles(urls, app, owner, secrets.token_urlsafe(16))
    finally:
        drop_database(urls)
        for each in urls:
            with suppress(psycopg.Error), connect(build_url(each, name="postgres")) as server:
                for role in (app, owner):
                    server.execute(
                        SQL("REVOKE ALL ON PARAMETER session_replication_role FROM {}").format(
                            Identifier(role)
                        )
                    )
                    server.execute(SQL("DROP ROLE IF EXISTS {}").format(Identifier(role)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.support.cluster", description=__doc__)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, with its arguments")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is needed")
    url = os.environ.get("CLUSTER_URL", "")
    if not url:
        parser.error("CLUSTER_URL is needed, such as postgres://postgres@127.0.0.1:5432/till")
    with open_database(url) as roles:
        name = urlsplit(roles.app).path[1:]
        with patch.dict(os.environ, {"TEST_KEPT_DATABASE": name}):
            return run(arguments.command, roles)


if __name__ == "__main__":
    sys.exit(main())

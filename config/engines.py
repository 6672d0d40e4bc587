"""How connections to the databases are opened, on either engine."""

from typing import Any

Database = dict[str, Any]

# IMMEDIATE: a transaction that reads first and writes later would else fail at once when another
# one writes. FULL: a completed sale survives a power cut.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}

# A network that swallows everything is noticed in seconds, where the system would take hours.
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def postgresql(served: Database, owner: Database | None, *, kept: int) -> Database:
    """The database as Django takes it; a connection is kept for so many seconds."""
    return served | {
        "ENGINE": "tenants.postgres",
        "OWNER": owner,
        "CONN_MAX_AGE": kept,
        "CONN_HEALTH_CHECKS": True,
        # Behind PgBouncer in transaction mode the next statement may meet another server.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # What the URL itself asks for wins.
        "OPTIONS": POSTGRESQL_OPTIONS | served.get("OPTIONS", {}),
    }

"""Connection settings of SQLite and PostgreSQL."""

from typing import Any

Database = dict[str, Any]


# IMMEDIATE: otherwise a transaction that reads first and writes later fails at once when another
# one writes. FULL: a completed sale survives a power failure.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}

# Detect a dead network in seconds; the defaults of the system take hours.
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def postgresql(served: Database, owner: Database | None, *, kept: int) -> Database:
    """Return the entry for DATABASES; `kept` is the maximum age of a connection in seconds."""
    return served | {
        "ENGINE": "tenants.database.postgres",
        "OWNER": owner,
        "CONN_MAX_AGE": kept,
        "CONN_HEALTH_CHECKS": True,
        # With PgBouncer in transaction mode the next statement may use another connection.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Options of the URL take precedence.
        "OPTIONS": POSTGRESQL_OPTIONS | served.get("OPTIONS", {}),
    }

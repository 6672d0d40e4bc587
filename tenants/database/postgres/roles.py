"""Who logs in: the owner of the tables changes them, somebody with fewer rights serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.transaction import TransactionManagementError

# What of the settings says who logs in, and where: the owner may go past a pooler.
LOG_IN = ("USER", "PASSWORD", "HOST", "PORT")
GRANTS = """
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role}
"""


@contextmanager
def as_owner(connection: Any) -> Iterator[None]:
    """Be logged in as the owner of the tables; where nobody else is named, one already is."""
    owner = connection.settings_dict.get("OWNER")
    if not owner or connection.served_by:
        yield
        return
    if connection.in_atomic_block:
        raise TransactionManagementError("Nobody else can log in within a transaction.")
    serving = {name: connection.settings_dict[name] for name in LOG_IN}
    log_in(connection, owner)
    connection.served_by = serving["USER"]
    try:
        yield
    finally:
        log_in(connection, serving)
        connection.served_by = ""


def log_in(connection: Any, who: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict.update({name: who[name] for name in LOG_IN})


def grant(connection: Any) -> None:
    """Let who serves read and write rows, also of tables that are still to come, and no more."""
    if not connection.served_by:
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
        cursor.execute(GRANTS.format(schema=quote(schema), role=quote(connection.served_by)))

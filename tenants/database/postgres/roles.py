"""Who logs in: the owner of the tables changes them, somebody with fewer rights serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.transaction import TransactionManagementError

# What of the settings says who logs in, and where: the owner may go past a pooler.
LOGIN_SETTINGS = ("USER", "PASSWORD", "HOST", "PORT")
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
    if not owner or connection.serving_role:
        yield
        return
    if connection.in_atomic_block:
        raise TransactionManagementError("Nobody else can log in within a transaction.")
    serving = {name: connection.settings_dict[name] for name in LOGIN_SETTINGS}
    connect_as(connection, owner)
    connection.serving_role = serving["USER"]
    try:
        yield
    finally:
        connect_as(connection, serving)
        connection.serving_role = ""


def connect_as(connection: Any, who: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict.update({name: who[name] for name in LOGIN_SETTINGS})


def grant(connection: Any) -> None:
    """Let who serves read and write rows, also of tables that are still to come, and no more."""
    if not connection.serving_role:
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
        cursor.execute(GRANTS.format(schema=quote(schema), role=quote(connection.serving_role)))

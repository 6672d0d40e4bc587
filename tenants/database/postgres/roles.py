"""Database roles: the owner migrates, and a role with fewer privileges serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.transaction import TransactionManagementError

# The settings that differ between the roles; the owner may connect without the pooler.
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
    """Connect as the owner of the tables. Without a separate owner, keep the connection."""
    owner = connection.settings_dict.get("OWNER")
    if not owner or connection.serving_role:
        yield
        return
    if connection.in_atomic_block:
        raise TransactionManagementError("Cannot change the role within a transaction.")
    serving = {name: connection.settings_dict[name] for name in LOGIN_SETTINGS}
    connect_as(connection, owner)
    connection.serving_role = serving["USER"]
    try:
        yield
    finally:
        connect_as(connection, serving)
        connection.serving_role = ""


def connect_as(connection: Any, role: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict.update({name: role[name] for name in LOGIN_SETTINGS})


def grant(connection: Any) -> None:
    """Grant the serving role access to the rows of all present and future tables."""
    if not connection.serving_role:
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
        cursor.execute(GRANTS.format(schema=quote(schema), role=quote(connection.serving_role)))

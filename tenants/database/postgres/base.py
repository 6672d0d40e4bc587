"""A connection that tells PostgreSQL whose rows are meant, with the statement that needs it.

The scope of the running code (`tenants.scope`) is the only source. Row-level security reads two
settings of the transaction: `app.tenant`, the shop, and `app.across`, the loud way to all shops.
They are sent in one message with the next statement, and only when the scope has changed since
the last one: entering and leaving a scope, also by an exception or the rollback of a savepoint,
costs no round trip. Outside a transaction they last for the one statement they come with.
"""

import re
import uuid
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.transaction import TransactionManagementError
from psycopg.pq import TransactionStatus

from tenants.database.postgres.creation import DatabaseCreation
from tenants.database.postgres.features import DatabaseFeatures
from tenants.database.postgres.operations import DatabaseOperations
from tenants.database.postgres.schema import DatabaseSchemaEditor
from tenants.database.postgres.validation import DatabaseValidation
from tenants.scope import AllTenants, scope_or_none

# They work also in a failed transaction, where nothing may come before them.
TRANSACTION_CONTROL = re.compile(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK|COMMIT)\b", re.IGNORECASE)


class SessionVariables(NamedTuple):
    """What row-level security knows of the scope."""

    tenant: str = ""
    across: str = ""

    def difference(self, before: "SessionVariables | None") -> list[str]:
        """The statements that lead here. The values are our own: a UUID, `on` or nothing."""
        return [
            f"SET LOCAL app.{name} = '{value}'"
            for name, value in self._asdict().items()
            if before is None or getattr(before, name) != value
        ]


NO_TENANT = SessionVariables()
EVERY_TENANT = SessionVariables(across="on")


def required_variables() -> SessionVariables:
    scope = scope_or_none()
    if scope is None:
        return NO_TENANT
    if isinstance(scope, AllTenants):
        return EVERY_TENANT
    if not isinstance(scope.pk, uuid.UUID):
        raise TypeError("A shop is named by its id and nothing else.")
    return SessionVariables(tenant=str(scope.pk))


# The types know the cursors of another driver.
Cursor: Any = base.Cursor


class ScopedCursor(Cursor):  # type: ignore[misc]
    """Says whose rows a statement means before anything else."""

    # Without one, while Django prepares a new connection, nothing is told.
    wrapper: "DatabaseWrapper | None" = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if self.wrapper is None:
            return super().execute(query, params, **options)
        if isinstance(query, str) and TRANSACTION_CONTROL.match(query):
            # The rollback of a savepoint also takes back what was told since.
            self.wrapper.session_variables = None
            return super().execute(query, params, **options)
        now, pending_settings = self.pending_settings()
        if pending_settings:
            text = query if isinstance(query, str) else query.as_string(self.connection)
            query = "; ".join([*pending_settings, text])
        super().execute(query, params, **options)
        for _ in pending_settings:
            self.nextset()
        self.wrapper.session_variables = now
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        self.send_settings()
        super().executemany(query, params_seq, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        self.send_settings()
        return super().copy(*args, **options)

    def pending_settings(self) -> tuple[SessionVariables, list[str]]:
        """What holds from here on, and what PostgreSQL does not know of it yet."""
        wrapper: Any = self.wrapper
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            wrapper.session_variables = NO_TENANT
        now = required_variables()
        return now, now.difference(wrapper.session_variables)

    def send_settings(self) -> None:
        """For what takes no other statement into its message, and so needs a transaction."""
        if self.wrapper is not None and self.pending_settings()[1]:
            if self.connection.autocommit:
                raise TransactionManagementError("Whose rows are meant needs a transaction here.")
            self.execute("SELECT 1")


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation

    # What the transaction was told last; None when a savepoint's rollback may have undone it.
    session_variables: SessionVariables | None = NO_TENANT
    # Who serves, while the owner of the tables is logged in instead.
    serving_role = ""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params["cursor_factory"] is not Cursor:
            raise ImproperlyConfigured("Whose rows are meant is told by Till's own cursors.")
        return params | {"cursor_factory": ScopedCursor}

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        if isinstance(cursor, ScopedCursor):
            cursor.wrapper = self
        return cursor

    def chunked_cursor(self) -> Any:
        """Rows that come piece by piece, of the scope in which they were asked for."""
        with self.cursor() as cursor:
            cursor.cursor.send_settings()
        return super().chunked_cursor()

"""Database connection that passes the current tenant to PostgreSQL.

The policies read two settings of the transaction: `app.tenant`, and `app.across` for the scope of
all tenants. Both follow `tenants.scope`. They are sent in one message with the next statement, and
only if the scope has changed, so that entering and leaving a scope costs no round trip. Outside of
a transaction they last for one statement.

On a Citus cluster each of them is a statement of its own, because Citus runs the whole text that
contains a SET on every node. Pipeline mode sends them with the next statement all the same.
"""

import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

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

if TYPE_CHECKING:
    from tenants.database.postgres.pipeline import PreparedConnection

# Valid in a failed transaction, where no other statement may precede them.
TRANSACTION_CONTROL = re.compile(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK|COMMIT)\b", re.IGNORECASE)


class SessionVariables(NamedTuple):
    """The settings that the policies read."""

    tenant: str = ""
    across: str = ""

    def changes_from(self, before: "SessionVariables | None") -> list[str]:
        """Return the statements that change the settings. The values need no escaping."""
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
        raise TypeError("The id of a tenant must be a UUID.")
    return SessionVariables(tenant=str(scope.pk))


# The type stubs have the cursor of another driver.
Cursor: Any = base.Cursor


class ScopedCursor(Cursor):  # type: ignore[misc]
    """Sends changed settings with the next statement."""

    # None while Django sets up a new connection, which needs no settings.
    wrapper: "DatabaseWrapper | None" = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if self.wrapper is None:
            return super().execute(query, params, **options)
        if isinstance(query, str) and TRANSACTION_CONTROL.match(query):
            # The rollback of a savepoint also reverts settings.
            self.wrapper.session_variables = None
            return super().execute(query, params, **options)
        # First, because it may begin a transaction.
        features: Any = self.wrapper.features
        is_distributed = features.is_distributed
        now, pending_settings = self.pending_settings()
        if pending_settings:
            text = query if isinstance(query, str) else query.as_string(self.connection)
            if is_distributed:
                self.execute_with_settings(pending_settings, text, params, options)
                self.wrapper.session_variables = now
                return self
            query = "; ".join([*pending_settings, text])
        super().execute(query, params, **options)
        for _ in pending_settings:
            self.nextset()
        self.wrapper.session_variables = now
        return self

    def execute_with_settings(
        self, pending_settings: list[str], text: str, params: Any, options: dict[str, Any]
    ) -> None:
        """Execute a statement after its settings, for Citus, in a transaction that has them."""
        begin = [] if is_in_transaction(self.connection) else ["BEGIN"]
        before = [*begin, *pending_settings]
        # Pipeline mode sends single statements only.
        in_one_message = ";" not in text
        try:
            if in_one_message:
                with self.connection.pipeline():
                    self.run_all(before)
                    super().execute(text, params, **options)
                    self.run_all(["COMMIT"] if begin else [])
            else:
                self.run_all(before)
                super().execute(text, params, **options)
                self.run_all(["COMMIT"] if begin else [])
        except BaseException:
            if begin and is_in_transaction(self.connection):
                self.run_all(["ROLLBACK"])
            raise

    def run_all(self, statements: Iterable[str]) -> None:
        for sql in statements:
            self.connection.execute(sql)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        self.send_settings()
        super().executemany(query, params_seq, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        self.send_settings()
        return super().copy(*args, **options)

    def pending_settings(self) -> tuple[SessionVariables, list[str]]:
        """Return the current settings, and the statements that PostgreSQL still needs."""
        wrapper: Any = self.wrapper
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            wrapper.session_variables = NO_TENANT
        now = required_variables()
        return now, now.changes_from(wrapper.session_variables)

    def send_settings(self) -> None:
        """Send settings apart, for operations that cannot be combined with other statements."""
        if self.wrapper is not None and self.pending_settings()[1]:
            if self.connection.autocommit:
                raise TransactionManagementError(
                    "This operation in a tenant scope needs a transaction."
                )
            self.execute("SELECT 1")


def is_in_transaction(connection: Any) -> bool:
    """Return whether statements belong to a transaction, which psycopg begins by itself."""
    status = connection.info.transaction_status
    return not connection.autocommit or status in {
        TransactionStatus.INTRANS,
        TransactionStatus.INERROR,
    }


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation

    # The settings of the transaction; None if the rollback of a savepoint may have changed them.
    session_variables: SessionVariables | None = NO_TENANT
    # The state of `pipeline`: the statements that the current connection has prepared.
    prepared_connection: "PreparedConnection | None" = None
    # The serving role, while the connection is that of the owner.
    serving_role = ""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params["cursor_factory"] is not Cursor:
            raise ImproperlyConfigured(
                "OPTIONS must not set cursor_factory, which Till needs for tenant settings."
            )
        return params | {"cursor_factory": ScopedCursor}

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        if isinstance(cursor, ScopedCursor):
            cursor.wrapper = self
        return cursor

    def chunked_cursor(self) -> Any:
        """Return a server-side cursor, in the scope in which it is created."""
        with self.cursor() as cursor:
            cursor.cursor.send_settings()
        return super().chunked_cursor()

"""Test databases: created and dropped by the owner, used by the serving role."""

from typing import Any

from django.db.backends.postgresql import creation

from tenants.database.postgres.roles import as_owner


class DatabaseCreation(creation.DatabaseCreation):
    def create_test_db(self, *args: Any, **options: Any) -> str:
        with as_owner(self.connection):
            return super().create_test_db(*args, **options)

    def clone_test_db(self, *args: Any, **options: Any) -> None:
        with as_owner(self.connection):
            super().clone_test_db(*args, **options)

    def destroy_test_db(self, *args: Any, **options: Any) -> None:
        with as_owner(self.connection):
            super().destroy_test_db(*args, **options)

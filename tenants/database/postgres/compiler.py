"""SQL compilers that add the tenant to joins and deletes, and inserts for Citus."""

from typing import Any

from django.db.backends.postgresql import compiler

from tenants.database.private_api import TenantDeleteMixin, TenantJoinMixin


class SQLCompiler(TenantJoinMixin, compiler.SQLCompiler):
    pass


class SQLInsertCompiler(TenantJoinMixin, compiler.SQLInsertCompiler):
    def assemble_as_sql(self, fields: Any, value_rows: Any) -> Any:
        """Use VALUES on Citus, where INSERT ... SELECT bypasses the policies of the nodes."""
        if self.connection.features.is_distributed:
            return super(compiler.SQLInsertCompiler, self).assemble_as_sql(fields, value_rows)
        return super().assemble_as_sql(fields, value_rows)


class SQLDeleteCompiler(TenantDeleteMixin, TenantJoinMixin, compiler.SQLDeleteCompiler):
    pass


class SQLUpdateCompiler(TenantJoinMixin, compiler.SQLUpdateCompiler):
    pass


class SQLAggregateCompiler(TenantJoinMixin, compiler.SQLAggregateCompiler):
    pass

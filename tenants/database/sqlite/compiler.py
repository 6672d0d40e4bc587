"""SQL compilers that add the tenant to joins and deletes."""

from django.db.models.sql import compiler

from tenants.database.private_api import TenantDeleteMixin, TenantJoinMixin


class SQLCompiler(TenantJoinMixin, compiler.SQLCompiler):
    pass


class SQLInsertCompiler(TenantJoinMixin, compiler.SQLInsertCompiler):
    pass


class SQLDeleteCompiler(TenantDeleteMixin, TenantJoinMixin, compiler.SQLDeleteCompiler):
    pass


class SQLUpdateCompiler(TenantJoinMixin, compiler.SQLUpdateCompiler):
    pass


class SQLAggregateCompiler(TenantJoinMixin, compiler.SQLAggregateCompiler):
    pass

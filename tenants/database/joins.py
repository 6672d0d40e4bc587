"""Tenant conditions of joins and deletes, shared by the compilers of both databases.

Ids are unique only within a tenant, so that joins by id must also compare the tenant. The
condition also selects the composite index, and on Citus the node of the tenant.
"""

from typing import Any

from django.db.models.sql.datastructures import Join

from tenants.database.postgres.policies import TENANT_COLUMN, has_tenant_key
from tenants.scope import AllTenants, scope_or_none


class TenantJoinMixin:
    connection: Any
    quote_name_unless_alias: Any

    def compile(self, node: Any) -> Any:
        sql, params = super().compile(node)  # type: ignore[misc]
        if isinstance(node, Join) and joins_tenant_rows(node):
            tenant = self.connection.ops.quote_name(TENANT_COLUMN)
            left, right = (
                f"{self.quote_name_unless_alias(alias)}.{tenant}"
                for alias in (node.parent_alias, node.table_alias)
            )
            sql = f"{sql.removesuffix(')')} AND {left} = {right})"
        return sql, params


def joins_tenant_rows(join: Any) -> bool:
    field = join.join_field
    return has_tenant_key(field.model) and has_tenant_key(field.related_model)


class TenantDeleteMixin:
    query: Any

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Add the tenant to deletes, which Django does by id alone."""
        scope = scope_or_none()
        if scope and not isinstance(scope, AllTenants) and has_tenant_key(self.query.model):
            self.query.add_filter(TENANT_COLUMN, scope.pk)
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

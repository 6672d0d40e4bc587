"""Joins between rows of shops stay inside the shop.

A row's id is its own only in its shop, so that what is joined by id is joined by shop too. It is
also what leads each side to its index, and a cluster's query to the one machine of the shop.
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
            shop = self.connection.ops.quote_name(TENANT_COLUMN)
            left, right = (
                f"{self.quote_name_unless_alias(alias)}.{shop}"
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
        """Django deletes what it has loaded by id alone: here by shop and id, as the key is."""
        scope = scope_or_none()
        if scope and not isinstance(scope, AllTenants) and has_tenant_key(self.query.model):
            self.query.add_filter(TENANT_COLUMN, scope.pk)
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

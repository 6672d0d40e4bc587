"""The only use of Django's private ORM API. `tests/tenants/test_private_api.py` checks all of it.

What is used, and what for:

- `SQLCompiler.as_sql()`, `select`, `klass_info` and `get_converters()`, to keep the SQL of a query
  and build models from its rows later (`CompiledSelect`);
- `django.db.models.query.get_related_populators`, for rows with `select_related`, and
  `RelatedPopulator.model_cls` and `related_populators`, to build those rows quickly;
- `ModelState`, which every row has, so that a row is built without `Model.__init__` (`RowLoader`);
- `SQLCompiler.compile()` of a `Join`, whose SQL ends with the `)` of its ON clause, to add the
  tenant before it (`TenantJoinMixin`);
- `SQLDeleteCompiler.as_sql()` and `Query.add_filter()`, to add the tenant to a delete by id
  (`TenantDeleteMixin`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState
from django.db.models.query import get_related_populators
from django.db.models.sql.datastructures import Join

from tenants.database.postgres.policies import TENANT_COLUMN, has_tenant_key
from tenants.scope import AllTenants, scope_or_none

M = TypeVar("M", bound=models.Model)


class CompiledSelect(Generic[M]):
    """The SQL and parameters of a queryset, and how its rows become models."""

    def __init__(self, queryset: models.QuerySet[M]) -> None:
        self.compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, self.params = self.compiler.as_sql()
        select, info = self.compiler.select, self.compiler.klass_info
        self.model: type[M] = info["model"]
        self.loader = RowLoader(self.model)
        self.columns = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        self.names = [column[0].target.attname for column in select[self.columns]]
        self.related = get_related_populators(  # type: ignore[call-arg]  # typed for a later Django
            info, select, connection.alias
        )
        _load_quickly(self.related)
        self.converters = self.compiler.get_converters([column[0] for column in select])
        self.alias = connection.alias

    def build_instances(self, rows: Iterable[Sequence[Any]]) -> list[M]:
        """Build model instances from raw rows of the database, in the way a queryset does."""
        found = []
        for row in self.compiler.apply_converters(rows, self.converters):
            model = self.loader.from_db(self.alias, self.names, row[self.columns])
            for related in self.related:
                related.populate(row, model)
            found.append(model)
        return found


class RowLoader(Generic[M]):
    """Builds rows of one model as `from_db` does, without the checks of `Model.__init__`."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        is_plain = model.__init__ is models.Model.__init__
        self.from_db = self.load if is_plain else model.from_db

    def load(self, alias: str, names: Sequence[str], values: Sequence[Any]) -> M:
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(names, values, strict=True))
        state = row._state = ModelState()
        state.adding, state.db = False, alias
        return row


def _load_quickly(populators: Iterable[Any]) -> None:
    """Let Django's populators of related rows build them with a `RowLoader`."""
    for populator in populators:
        populator.model_cls = RowLoader(populator.model_cls)
        _load_quickly(populator.related_populators)


class TenantJoinMixin:
    """Adds the tenant to joins of tenant rows.

    Ids are unique only within a tenant. The condition also selects the composite index, and on
    Citus the node of the tenant. There a join from users or tenants, which are on every node, names
    the tenant itself.
    """

    connection: Any
    quote_name_unless_alias: Any

    def compile(self, node: Any) -> Any:
        sql, params = super().compile(node)  # type: ignore[misc]
        if not isinstance(node, Join):
            return sql, params
        field: Any = node.join_field
        if joins_tenant_rows(node):
            tenant = self.connection.ops.quote_name(TENANT_COLUMN)
            left, right = (
                f"{self.quote_name_unless_alias(alias)}.{tenant}"
                for alias in (node.parent_alias, node.table_alias)
            )
            sql = f"{sql.removesuffix(')')} AND {left} = {right})"
        elif getattr(self.connection.features, "is_distributed", False):
            scope = scope_or_none()
            if has_tenant_key(field.related_model) and isinstance(scope, models.Model):
                tenant = self.connection.ops.quote_name(TENANT_COLUMN)
                right = f"{self.quote_name_unless_alias(node.table_alias)}.{tenant}"
                sql = f"{sql.removesuffix(')')} AND {right} = %s)"
                params = (*params, scope.pk)
        return sql, params


def joins_tenant_rows(join: Join) -> bool:
    field: Any = join.join_field
    return has_tenant_key(field.model) and has_tenant_key(field.related_model)


class TenantDeleteMixin:
    """Adds the tenant to deletes, which Django does by id alone."""

    query: Any

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        scope = scope_or_none()
        if scope and not isinstance(scope, AllTenants) and has_tenant_key(self.query.model):
            self.query.add_filter(TENANT_COLUMN, scope.pk)
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

"""Django's private API as used by `tenants.database.private_api`; fails first after an upgrade."""

import inspect

import pytest
from django.db import connection
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler, SQLDeleteCompiler
from django.db.models.sql.datastructures import Join
from django.db.models.sql.query import Query

from tenants.database.private_api import CompiledSelect
from tenants.models import Register, Store
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def registers(shop):
    """Yield a queryset of registers that joins their stores."""
    store = StoreFactory(tenant=shop, name="Main")
    RegisterFactory(tenant=shop, store=store, name="Left")
    with tenant_scope(shop):
        yield Register.objects.select_related("store").filter(name="Left")


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (get_related_populators, ["klass_info", "select", "db"]),
        (SQLCompiler.as_sql, ["self", "with_limits", "with_col_aliases"]),
        (SQLCompiler.compile, ["self", "node"]),
        (SQLCompiler.get_converters, ["self", "expressions"]),
        (SQLCompiler.apply_converters, ["self", "rows", "converters"]),
        (SQLDeleteCompiler.as_sql, ["self"]),
        (Query.add_filter, ["self", "filter_lhs", "filter_rhs"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_functions_have_the_expected_parameters(function, parameters):
    assert list(inspect.signature(function).parameters)[: len(parameters)] == parameters


def test_compiler_describes_its_columns_and_models(registers):
    compiler = registers.query.get_compiler(connection=connection)
    compiler.as_sql()

    info = compiler.klass_info
    columns = [column[0].target.attname for column in compiler.select]
    own = [field.attname for field in Register._meta.concrete_fields]
    assert info["model"] is Register
    assert info["select_fields"] == list(range(len(own)))
    assert columns[: len(own)] == own
    assert [each["model"] for each in info["related_klass_infos"]] == [Store]


def test_rows_become_model_instances(registers, django_assert_num_queries):
    compiled = CompiledSelect(registers)
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        (found,) = compiled.build_instances(cursor.fetchall())

    with django_assert_num_queries(0):
        assert found.store.name == "Main"
    assert (found, vars(found)["_state"].adding) == (registers.get(), False)


def test_join_ends_with_the_parenthesis_of_its_condition(registers):
    compiler = registers.query.get_compiler(connection=connection)
    compiler.as_sql()
    tables = registers.query.alias_map.values()
    join = next(each for each in tables if each.table_name == "tenants_store")
    assert isinstance(join, Join)

    sql, _ = SQLCompiler(registers.query, connection, None).compile(join)
    with_tenant, _ = compiler.compile(join)

    assert sql.endswith('"id")')
    assert with_tenant.startswith(sql.removesuffix(")") + " AND ")
    assert with_tenant.endswith('"tenant_id")')


def test_delete_of_a_loaded_row_includes_the_tenant(registers, shop, other_shop):
    register = registers.get()
    with across_tenants():
        twin = RegisterFactory(tenant=other_shop, pk=register.pk)

    with tenant_scope(shop):
        register.delete()

    with across_tenants():
        assert list(Register.objects.filter(pk=twin.pk)) == [twin]

"""`build_row` and `CompiledSelect` give the same rows as Django."""

import pytest
from django.apps import apps
from django.db import connection, models

from orders.models import Order, OrderLine, Product
from tenants.database.bulk_insert import build_row, bulk_insert
from tenants.database.private_api import CompiledSelect
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, TaxClassFactory

pytestmark = pytest.mark.django_db
MODELS = [
    model
    for model in apps.get_models()
    if model.__module__.startswith(("orders.", "tenants.", "accounts."))
]


def content(row):
    """Return the values of a row, except generated ids and times."""
    chosen = {
        field.attname
        for field in row._meta.concrete_fields
        if field.primary_key or isinstance(field, models.DateTimeField | models.UUIDField)
    }
    return {name: value for name, value in vars(row).items() if name not in {"_state", *chosen}}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_build_row_equals_the_constructor_of_the_model(model, shop):
    with tenant_scope(shop):
        quick, plain = build_row(model), model()

    assert content(quick) == content(plain)
    assert vars(quick).keys() == vars(plain).keys()
    assert (quick.pk is None) == (plain.pk is None)
    assert quick._state.adding


def test_build_row_accepts_relations_as_rows_or_ids(shop):
    product = ProductFactory(tenant=shop)
    order = Order(tenant=shop)

    line = build_row(OrderLine, order=order, product_id=product.pk, tenant_id=shop.pk)

    assert (line.order, line.order_id) == (order, order.pk)
    with tenant_scope(shop):
        assert line.product == product
        assert build_row(OrderLine, order=order, product=None).product is None


def test_build_row_rejects_unknown_fields(shop):
    with tenant_scope(shop), pytest.raises(TypeError, match="no fields \\['nmae'\\]"):
        build_row(Product, nmae="Apple")


def test_mutable_defaults_are_not_shared(shop):
    with tenant_scope(shop):
        first, second = build_row(Order), build_row(Order)
    first.taxes.append({})

    assert second.taxes == []


def test_all_rows_of_an_insert_have_the_same_time(shop):
    with tenant_scope(shop):
        rows = [build_row(Product, sku=sku, name="Apple", price="1.00") for sku in "ab"]
        bulk_insert(rows)

        stored = list(Product.objects.filter(pk__in=[row.pk for row in rows]))
        assert len({row.created_at for row in (*rows, *stored)}) == 1
        assert {row.updated_at for row in stored} == {row.created_at for row in stored}
        assert [row.search_text for row in rows] == [" apple a", " apple b"]


def test_compiled_select_equals_the_queryset(shop):
    ProductFactory(tenant=shop, tax_class=TaxClassFactory(tenant=shop))
    ProductFactory(tenant=shop, tax_class=None)
    with tenant_scope(shop):
        queryset = Product.objects.select_related("tax_class").order_by("pk")
        compiled = CompiledSelect(queryset)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.params)
            loaded = compiled.build_instances(cursor.fetchall())

        for quick, plain in zip(loaded, queryset, strict=True):
            assert content(quick) == content(plain)
            assert vars(quick._state) == vars(plain._state)
            assert quick.tax_class == plain.tax_class
            assert vars(quick).keys() == vars(plain).keys()

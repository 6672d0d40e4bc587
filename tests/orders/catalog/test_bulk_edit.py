"""Changes of many products at once: rules of prices, one audit event each, few statements."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product
from orders.money import PriceChange, PriceChangeMode
from orders.services.catalog.bulk_edit import BulkEdit, edit_products, plan_bulk_edit
from orders.services.catalog.products import write_product
from tenants.exceptions import Invalid, VersionConflict
from tenants.scope import tenant_scope
from tests.factories.orders import CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.admin_browser import snapshot_database
from tests.support.audit import list_audit_events
from tests.support.order_relay import list_events

SET, PERCENT, AMOUNT = PriceChangeMode.SET, PriceChangeMode.PERCENT, PriceChangeMode.AMOUNT


@pytest.mark.parametrize(
    ("mode", "value", "nine", "price", "exponent", "expected"),
    [
        (SET, "1.5", False, "2.00", 2, "1.50"),
        (PERCENT, "10", False, "2.45", 2, "2.70"),
        (PERCENT, "-10", False, "0.05", 2, "0.05"),
        (PERCENT, "-100", True, "2.00", 2, "0.00"),
        (PERCENT, "5", False, "1000", 0, "1050"),
        (AMOUNT, "0.10", False, "2.00", 2, "2.10"),
        (AMOUNT, "-3", True, "2.00", 2, "-1.00"),
        (AMOUNT, "0", True, "2.43", 2, "2.39"),
        (AMOUNT, "0", True, "2.44", 2, "2.49"),
        (AMOUNT, "0", True, "2.49", 2, "2.49"),
        (AMOUNT, "0", True, "0.02", 2, "0.09"),
        (AMOUNT, "0", True, "2.444", 3, "2.449"),
        (AMOUNT, "0", True, "244", 0, "249"),
    ],
)
def test_price_changes(mode, value, nine, price, exponent, expected):
    change = PriceChange(mode, Decimal(value), nine)
    assert str(change.apply(Decimal(price), exponent)) == expected


@pytest.fixture
def products(shop):
    return [
        ProductFactory(tenant=shop, name=name, price=Decimal(price))
        for name, price in [("Apple", "2.00"), ("Beer", "1.49"), ("Cheese", "10.00")]
    ]


def get_ids(products):
    return [product.pk for product in products]


def apply(products, edit, by):
    with tenant_scope(by.tenant):
        plan = plan_bulk_edit(get_ids(products), edit)
        return edit_products(get_ids(products), edit, expected_digest=plan.digest, by=by)


def reload(products):
    with tenant_scope(products[0].tenant):
        rows = Product.objects.select_related("category", "tax_class").in_bulk(get_ids(products))
        return [rows[product.pk] for product in products]


def read_changes(single, *others):
    """Return the recorded changes: of the first product the new values without its price."""
    events = {
        event.target: event.facts["changes"] for event in list_audit_events("product_changed")
    }
    expected = {name: fact["to"] for name, fact in events[single.pk].items() if name != "price"}
    return [expected, *(events[row.pk] for row in others)]


def test_bulk_edit_changes_and_records_each_product_as_a_single_edit_does(products, shop, manager):
    category, taxes = CategoryFactory(tenant=shop), TaxClassFactory(tenant=shop)
    alone, *others = products
    values = {"category": category, "tax_class": taxes, "is_active": False}
    with tenant_scope(shop):
        row = Product.objects.get(pk=alone.pk)
        write_product(row, {**values, "price": Decimal("2.20")}, by=manager)

    edit = BulkEdit(PriceChange(PERCENT, Decimal(10)), values)
    assert apply(others, edit, manager) == 2

    single, *changed = reload(products)
    assert [str(row.price.normalize()) for row in changed] == ["1.64", "11"]
    for row in changed:
        assert (row.category, row.tax_class, row.is_active) == (category, taxes, False)
        assert row.version == single.version == 2
        assert row.search_text
    expected, *facts = read_changes(single, *changed)
    for each, price in zip(facts, ({"1.49", "1.64"}, {"10.00", "11.00"}), strict=True):
        assert set(each.pop("price").values()) == price
        assert {name: fact["to"] for name, fact in each.items()} == expected
    topics = [event.subject for event in list_events("product.updated")]
    assert sorted(topics) == sorted(get_ids(products))


def test_products_that_stay_the_same_are_not_touched(products, manager):
    edit = BulkEdit(PriceChange(SET, Decimal("2.00")), {"is_active": True})

    assert apply(products, edit, manager) == 2

    assert [row.version for row in reload(products)] == [1, 2, 2]


def test_open_prices_are_not_changed(shop, manager):
    service = ProductFactory(tenant=shop, price=Decimal(0), open_price=True)
    assert apply([service], BulkEdit(PriceChange(AMOUNT, Decimal(1))), manager) == 0


@pytest.mark.parametrize(
    "price",
    [PriceChange(AMOUNT, Decimal(-5)), PriceChange(PERCENT, Decimal("99999999999999"))],
)
def test_price_that_a_product_cannot_have_changes_nothing(products, manager, shop, price):
    before = snapshot_database(Product)
    with tenant_scope(shop):
        plan = plan_bulk_edit(get_ids(products), BulkEdit(price))
        assert plan.errors
        with pytest.raises(Invalid):
            edit_products(
                get_ids(products), BulkEdit(price), expected_digest=plan.digest, by=manager
            )
    assert snapshot_database(Product) == before
    assert list_audit_events("product_changed") == []


def test_changes_after_the_preview_are_refused(products, manager, shop):
    edit = BulkEdit(PriceChange(PERCENT, Decimal(10)))
    with tenant_scope(shop):
        plan = plan_bulk_edit(get_ids(products), edit)
        row = Product.objects.get(pk=products[0].pk)
        write_product(row, {"price": Decimal(3)}, by=manager)
    before = snapshot_database(Product)

    other = BulkEdit(PriceChange(PERCENT, Decimal(20)))
    for wanted, digest in ((edit, plan.digest), (other, plan.digest), (edit, "")):
        with tenant_scope(shop), pytest.raises(VersionConflict):
            edit_products(get_ids(products), wanted, expected_digest=digest, by=manager)

    assert snapshot_database(Product) == before


def test_products_of_other_shops_are_not_found(products, foreign, manager):
    before = Product.__name__, snapshot_database(Product)
    assert apply([foreign.product], BulkEdit(values={"is_active": False}), manager) == 0
    assert (Product.__name__, snapshot_database(Product)) == before


def test_many_products_take_as_many_statements_as_a_batch(products, shop, manager):
    def count(chosen, percent):
        edit = BulkEdit(PriceChange(PERCENT, Decimal(percent)), {"is_active": False})
        with CaptureQueriesContext(connection) as captured:
            assert apply(chosen, edit, manager) == len(chosen)
        return len(captured)

    few = count(products[:1], 10)
    more = [ProductFactory(tenant=shop) for _ in range(20)]
    assert count([*products, *more], 20) == few

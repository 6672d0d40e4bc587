"""Whole catalogs and whole deliveries at once."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError

from orders.exceptions import SkuTaken
from orders.models import Product, StockLevel, StockMovement
from orders.services.catalog.bulk_import import DeliveryItem, add_products, receive_delivery
from orders.services.stock.movements import NewMovement, move_stock
from tenants.exceptions import IdConflict
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.parallel import run_concurrently


def item(number: int, product: Product, quantity: str) -> DeliveryItem:
    return DeliveryItem(UUID(int=number), product.pk, Decimal(quantity))


def shelf(product: Product, store) -> tuple[Decimal, int]:
    level = StockLevel.objects.get(store=store, product=product)
    return level.quantity, level.version


# --- catalogs ---------------------------------------------------------------------------------


def test_products_are_listed_and_those_that_were_there_stay_as_they_are(in_shop):
    known = ProductFactory(tenant=in_shop, sku="A", name="Old", price=Decimal("1.00"))

    count = add_products(
        [Product(sku=sku, name="New", price=Decimal("2.00")) for sku in (" A ", " B ")]
    )

    assert count == 1
    known.refresh_from_db()
    assert known.name == "Old"
    assert known.price == Decimal("1.00")
    assert Product.objects.get(sku="B").name == "New"


def test_two_products_of_one_sku_are_refused_together(in_shop):
    with pytest.raises(SkuTaken):
        add_products([Product(sku=sku, name="New", price=1) for sku in ("A", "B", "A")])

    assert not Product.objects.exists()


def test_a_product_that_is_none_is_refused_with_all_others(in_shop):
    with pytest.raises(ValidationError, match="price"):
        add_products([Product(sku="A", name="New", price=1), Product(sku="B", name="B", price=-1)])

    assert not Product.objects.exists()


# --- deliveries -------------------------------------------------------------------------------


def test_a_delivery_lies_on_the_shelves(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    items = [item(1, apples, "2"), item(2, pears, "0.125"), item(3, apples, "3")]

    count = receive_delivery(store=store, items=items, reason="Monday", by=admin)

    assert count == 3
    assert shelf(apples, store)[0] == 5
    assert shelf(pears, store)[0] == Decimal("0.125")
    movements = StockMovement.objects.order_by("pk")
    assert list(movements.values_list("pk", "product", "quantity", "type", "reason", "by")) == [
        (each.id, each.product, each.quantity, "receive", "Monday", admin.pk) for each in items
    ]


def test_the_same_delivery_again_is_the_same_delivery(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    receive_delivery(store=store, items=[item(1, apples, "2")], by=admin)
    before = shelf(apples, store)

    items = [item(1, apples, "2"), item(2, pears, "4")]
    counts = [receive_delivery(store=store, items=items, by=admin) for _ in range(2)]

    assert counts == [1, 0]
    assert shelf(apples, store) == before
    assert shelf(pears, store)[0] == 4


def test_an_id_that_was_something_else_is_refused_with_the_whole_delivery(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    receive_delivery(store=store, items=[item(1, apples, "2")], by=admin)

    with pytest.raises(IdConflict):
        receive_delivery(store=store, items=[item(2, pears, "1"), item(1, apples, "3")], by=admin)

    assert shelf(apples, store)[0] == 2
    assert not StockLevel.objects.filter(product=pears).exists()
    assert StockMovement.objects.count() == 1


def test_what_lies_there_already_is_added_to_and_whoever_caches_it_hears_of_it(
    in_shop, store, admin
):
    apples = ProductFactory(tenant=in_shop)
    seven = NewMovement(UUID(int=9), StockMovement.Type.RECEIVE, apples, store, Decimal(7))
    move_stock(seven, by=admin)
    quantity, version = shelf(apples, store)

    receive_delivery(store=store, items=[item(1, apples, "2")], by=admin)

    assert shelf(apples, store) == (quantity + 2, version + 1)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_deliveries_at_the_same_time_all_arrive(transactional_db, shop, store, admin):
    with tenant_scope(shop):
        products = ProductFactory.create_batch(5, tenant=shop)

    def deliver(van: int) -> int:
        make_product = products if van % 2 else products[::-1]
        items = [item(van * 100 + n, product, "1") for n, product in enumerate(make_product)]
        with tenant_scope(shop):
            return receive_delivery(store=store, items=items, by=admin)

    counts = run_concurrently([lambda van=van: deliver(van) for van in range(1, 7)])

    assert counts == [5] * 6
    with tenant_scope(shop):
        assert [shelf(product, store)[0] for product in products] == [6] * 5

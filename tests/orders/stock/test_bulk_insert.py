"""Bulk insert of products and deliveries."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError

from orders.exceptions import SkuTaken
from orders.models import Product, StockLevel, StockMovement
from orders.services.stock.deliveries import DeliveryItem, receive_delivery
from orders.services.stock.movements import NewMovement, move_stock
from tenants.exceptions import IdConflict
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.bulk_products import add_products
from tests.support.parallel import run_concurrently


def build_item(number: int, product: Product, quantity: str) -> DeliveryItem:
    return DeliveryItem(UUID(int=number), product.pk, Decimal(quantity))


def load_level(product: Product, store) -> tuple[Decimal, int]:
    level = StockLevel.objects.get(store=store, product=product)
    return level.quantity, level.version


# --- products ---------------------------------------------------------------------------------


def test_add_products_keeps_existing_products(in_shop):
    known = ProductFactory(tenant=in_shop, sku="A", name="Old", price=Decimal("1.00"))

    count = add_products(
        [Product(sku=sku, name="New", price=Decimal("2.00")) for sku in (" A ", " B ")]
    )

    assert count == 1
    known.refresh_from_db()
    assert known.name == "Old"
    assert known.price == Decimal("1.00")
    assert Product.objects.get(sku="B").name == "New"


def test_add_products_refuses_duplicate_skus_completely(in_shop):
    with pytest.raises(SkuTaken):
        add_products([Product(sku=sku, name="New", price=1) for sku in ("A", "B", "A")])

    assert not Product.objects.exists()


def test_add_products_refuses_an_invalid_product_completely(in_shop):
    with pytest.raises(ValidationError, match="price"):
        add_products([Product(sku="A", name="New", price=1), Product(sku="B", name="B", price=-1)])

    assert not Product.objects.exists()


# --- deliveries -------------------------------------------------------------------------------


def test_delivery_increases_stock_and_creates_movements(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    items = [build_item(1, apples, "2"), build_item(2, pears, "0.125"), build_item(3, apples, "3")]

    count = receive_delivery(store=store, items=items, reason="Monday", by=admin)

    assert count == 3
    assert load_level(apples, store)[0] == 5
    assert load_level(pears, store)[0] == Decimal("0.125")
    movements = StockMovement.objects.order_by("pk")
    assert list(movements.values_list("pk", "product", "quantity", "type", "reason", "by")) == [
        (each.id, each.product, each.quantity, "receive", "Monday", admin.pk) for each in items
    ]


def test_repeated_delivery_is_booked_once(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    receive_delivery(store=store, items=[build_item(1, apples, "2")], by=admin)
    before = load_level(apples, store)

    items = [build_item(1, apples, "2"), build_item(2, pears, "4")]
    counts = [receive_delivery(store=store, items=items, by=admin) for _ in range(2)]

    assert counts == [1, 0]
    assert load_level(apples, store) == before
    assert load_level(pears, store)[0] == 4


def test_delivery_with_a_conflicting_id_is_refused_completely(in_shop, store, admin):
    apples, pears = ProductFactory.create_batch(2, tenant=in_shop)
    receive_delivery(store=store, items=[build_item(1, apples, "2")], by=admin)

    with pytest.raises(IdConflict):
        receive_delivery(
            store=store, items=[build_item(2, pears, "1"), build_item(1, apples, "3")], by=admin
        )

    assert load_level(apples, store)[0] == 2
    assert not StockLevel.objects.filter(product=pears).exists()
    assert StockMovement.objects.count() == 1


def test_delivery_adds_to_the_stock_level_and_increments_its_version(in_shop, store, admin):
    apples = ProductFactory(tenant=in_shop)
    seven = NewMovement(UUID(int=9), StockMovement.Type.RECEIVE, apples, store, Decimal(7))
    move_stock(seven, by=admin)
    quantity, version = load_level(apples, store)

    receive_delivery(store=store, items=[build_item(1, apples, "2")], by=admin)

    assert load_level(apples, store) == (quantity + 2, version + 1)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_deliveries_are_all_booked(transactional_db, shop, store, admin):
    with tenant_scope(shop):
        products = ProductFactory.create_batch(5, tenant=shop)

    def deliver(number: int) -> int:
        ordered = products if number % 2 else products[::-1]
        items = [build_item(number * 100 + n, product, "1") for n, product in enumerate(ordered)]
        with tenant_scope(shop):
            return receive_delivery(store=store, items=items, by=admin)

    counts = run_concurrently([lambda number=number: deliver(number) for number in range(1, 7)])

    assert counts == [5] * 6
    with tenant_scope(shop):
        assert [load_level(product, store)[0] for product in products] == [6] * 5

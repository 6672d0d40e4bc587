"""Concurrent imports, imports beside other changes, and memory use."""

import io
import tracemalloc

import pytest

from orders.models import Product
from orders.services.catalog.csv_import import import_products
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.catalog_files import import_catalog, upload_catalog
from tests.support.parallel import run_concurrently


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_imports_are_each_applied_completely(transactional_db, shop, manager):
    """Two imports have the same products in opposite order, so that they may deadlock."""
    rows = [f"S-{number},Thing" for number in range(700)]
    people = [Person(manager) for _ in range(4)]
    header = "sku,name,price"
    import_catalog(people[0], "\n".join([header, *(f"{row},1" for row in rows)]))

    def work(number):
        lines = [f"{row},{number + 2}" for row in (rows if number % 2 else rows[::-1])]
        return upload_catalog(people[number], "\n".join([header, *lines])).status_code

    statuses = run_concurrently([lambda number=number: work(number) for number in range(4)])

    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    with tenant_scope(shop):
        assert Product.objects.count() == 700
        prices = Product.objects.values_list("price", "version").distinct()
        assert len(prices) == 1
        assert prices[0][1] == 1 + statuses.count(200)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_change_during_an_import_is_kept(transactional_db, shop, manager):
    """The import has only prices, so names changed at the same time stay changed."""
    rows = [f"S-{number},Thing,1" for number in range(600)]
    people = [Person(manager) for _ in range(2)]
    import_catalog(people[0], "\n".join(["sku,name,price", *rows]))
    with tenant_scope(shop):
        ids = dict(Product.objects.values_list("sku", "pk"))

    def rename(sku):
        return people[1].patch(f"products/{ids[sku]}/", {"name": "Other"}, If_Match="*").status_code

    def reprice():
        return upload_catalog(
            people[0], "\n".join(["sku,price", *(f"{sku},2" for sku in ids)])
        ).status_code

    statuses = run_concurrently(
        [reprice, *(lambda sku=sku: rename(sku) for sku in ("S-0", "S-599"))]
    )

    assert statuses == [200, 200, 200]
    with tenant_scope(shop):
        assert Product.objects.filter(price=2).count() == 600
        assert set(Product.objects.filter(name="Other").values_list("version", flat=True)) == {3}


@pytest.mark.slow
@pytest.mark.once
def test_import_memory_stays_below_the_file_size(in_shop, manager):
    """All products at once would need more than twice the limit."""
    lines = [f"S-{number:04},{number:0200},1.00,{number:060}" for number in range(6_000)]
    few, many = (
        io.BytesIO("\n".join(["sku,name,price,barcodes", *some]).encode())
        for some in (lines[:100], lines)
    )
    import_products(few, dry_run=True, by=manager)  # fills caches before the measurement

    tracemalloc.start()
    try:
        report = import_products(many, dry_run=True, by=manager)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert report.created == 6_000
    assert peak < 5 * 1024 * 1024

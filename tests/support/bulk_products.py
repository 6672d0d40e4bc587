"""Insert products in bulk, in a fixed number of statements per batch."""

from collections.abc import Iterable

from django.db import transaction

from orders.exceptions import SkuTaken
from orders.models import Product
from orders.models.catalog import normalize_code
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry

# Not validated per row: `clean_fields` would query the database for each of them.
FOREIGN_KEYS = ("tenant", "category", "tax_class")


@atomic_with_retry
def add_products(products: Iterable[Product]) -> int:
    """Create the products whose SKU is new; leave existing products unchanged.

    Category and tax class must belong to the current tenant. Return how many were created.
    Raises `SkuTaken`.
    """
    known = set(Product.objects.values_list("sku", flat=True))
    new = [product for product in products if normalize_code(product.sku) not in known]
    for product in new:
        product.clean_fields(exclude=FOREIGN_KEYS)
    with unique_or(SkuTaken), transaction.atomic():
        Product.objects.bulk_create(new, batch_size=BATCH_SIZE)
        publish_all("product.created", new)
    return len(new)

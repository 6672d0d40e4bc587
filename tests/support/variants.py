"""Products with variants."""

from typing import Any

from orders.models import Product
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.till import set_product


def create_variant(parent: Product, **options: str) -> Product:
    """Create a variant in the database, such as `create_variant(shirt, Size="M", Color="Red")`."""
    tenant = parent.tenant
    set_product(tenant, parent, has_variants=True)
    parent.has_variants = True
    variant: Product = ProductFactory(
        tenant=tenant,
        parent=parent,
        options=[list(pair) for pair in options.items()],
        name=", ".join([parent.name, *options.values()]),
        sku="-".join([parent.sku, *options.values()]),
        price=parent.price,
        tax_class=parent.tax_class,
        category=parent.category,
    )
    return variant


def list_variants(tenant: Any) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return SKU of the parent, name and options of each variant, by its SKU."""
    with tenant_scope(tenant):
        variants = Product.objects.filter(parent__isnull=False).order_by("sku")
        found = list(variants.values_list("sku", "parent__sku", "name", "options"))
    return {sku: (parent, name, dict(options)) for sku, parent, name, options in found}


def list_parents(tenant: Any) -> list[str]:
    with tenant_scope(tenant):
        parents = Product.objects.filter(has_variants=True).order_by("sku")
        return list(parents.values_list("sku", flat=True))

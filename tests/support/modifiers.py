"""A café product with modifiers, and requests that choose them."""

from decimal import Decimal
from typing import Any

from orders.models import Modifier, ModifierList, Product
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory, ModifierListFactory
from tests.support.till import Body, line, set_product

# Name, price, and whether it takes the product from stock.
MODIFIERS = {
    "Size": [("Small", "0.00", False), ("Large", "0.50", False)],
    "Milk": [("Oat", "0.60", True)],
    "Extras": [("Shot", "0.80", False), ("Syrup", "0.30", False)],
}
LIMITS: dict[str, dict[str, Any]] = {
    "Size": {"min": 1, "max": 1},
    "Milk": {"max": 1},
    "Extras": {"max": 3, "allow_quantity": True},
}


def attach_modifiers(
    shop: Tenant, product: Product, *names: str, takes: Product | None = None
) -> dict[str, Modifier]:
    """Attach these lists, by default all, to the product. Return the modifiers by their names."""
    lists, modifiers = [], {}
    for name in names or LIMITS:
        row = ModifierListFactory(tenant=shop, name=name, **LIMITS[name])
        lists.append(str(row.pk))
        for position, (label, price, takes_stock) in enumerate(MODIFIERS[name]):
            modifiers[label] = ModifierFactory(
                tenant=shop,
                modifier_list=row,
                position=position,
                name=label,
                price=Decimal(price),
                product=takes if takes_stock else None,
            )
    set_product(shop, product, modifier_lists=lists)
    product.modifier_lists = lists
    return modifiers


def choose(*modifiers: Modifier | tuple[Modifier, int]) -> list[Body]:
    """Return the modifiers of a request, each alone or with its quantity."""
    pairs = [each if isinstance(each, tuple) else (each, None) for each in modifiers]
    return [
        {"modifier": str(modifier.pk), **({"quantity": quantity} if quantity else {})}
        for modifier, quantity in pairs
    ]


def modified(
    product: Product, *modifiers: Modifier | tuple[Modifier, int], quantity: str = "1", **more: Any
) -> Body:
    """Return a line with these modifiers."""
    return line(product, quantity, modifiers=choose(*modifiers), **more)


def set_modifier(modifier: Modifier, **changes: Any) -> None:
    """Change a modifier in the database, without a service."""
    with tenant_scope(modifier.tenant):
        Modifier.objects.filter(pk=modifier.pk).update(**changes)


def set_list(modifier: Modifier, **changes: Any) -> None:
    """Change the list of a modifier in the database, without a service."""
    with tenant_scope(modifier.tenant):
        ModifierList.objects.filter(pk=modifier.modifier_list_id).update(**changes)

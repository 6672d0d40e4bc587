"""Modifiers that take whole units from stock, which goods by weight cannot divide."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from orders.models import Modifier, Product
from tenants.exceptions import FieldError

# What decides whether a product takes whole units from stock.
UNIT_FIELDS = frozenset({"sold_by", "track_stock", "returnable"})


def load_lists_by_weight() -> dict[UUID, list[str]]:
    """Return the ids of the modifier lists of each product by weight that has some."""
    weighed = Product.objects.filter(sold_by=Product.SoldBy.WEIGHT, modifier_lists__isnull=False)
    return {pk: lists or [] for pk, lists in weighed.values_list("pk", "modifier_lists")}


def find_unit_errors(
    products: Mapping[UUID, Product],
    changed: Mapping[UUID, list[str]],
    fields: Mapping[UUID, str],
) -> Iterator[tuple[UUID, FieldError]]:
    """Yield an error for each product that goods by weight could not take from stock any more.

    `changed` has the modifier lists of products that a file changes, empty unless they are by
    weight; `fields` the field of each error.
    """
    takes_units = [
        pk
        for pk, product in products.items()
        if product.has_own_stock and product.sold_by == Product.SoldBy.UNIT
    ]
    modifiers = Modifier.objects.filter(product__in=takes_units).order_by("pk")
    found = list(modifiers.only("product_id", "modifier_list_id", "name")) if takes_units else []
    lists = {**load_lists_by_weight(), **changed} if found else {}
    weighed = {each for ids in lists.values() for each in ids}
    for modifier in found:
        if modifier.product_id and str(modifier.modifier_list_id) in weighed:
            detail = (
                f"Goods by weight can have the modifier {modifier.name}, which would take units "
                "of this product from stock. Remove the modifier list from them first."
            )
            pk = modifier.product_id
            yield pk, FieldError(fields[pk], "is_modifier", detail)

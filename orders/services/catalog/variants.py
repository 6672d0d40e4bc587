"""Variants of products: their options, names and parents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from orders.models import Modifier, Product, StockLevel
from orders.models.catalog import ProductQuerySet
from orders.models.variant_options import (
    Options,
    compose_variant_name,
    fold_option_names,
    sort_options,
)
from tenants import audit
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all, publish_row
from tenants.exceptions import FieldError, Invalid

# Source: the maximum of Shopify.
MAX_VARIANTS = 2_048
# What a new variant has from its parent, unless the request says otherwise.
INHERITED_FIELDS = (
    "price",
    "cost",
    "tax_class",
    "category",
    "sold_by",
    "open_price",
    "track_stock",
    "weight_unit",
    "modifier_lists",
    "deposit",
)
VARIANT_FIELDS = frozenset({"parent", "options"})


@dataclass(frozen=True, slots=True)
class Former:
    """The name of a product before its change, and its parent if that may change."""

    name: str
    parent: Product | None


def remember_former(product: Product, changes: Mapping[str, Any]) -> Former:
    may_change = changes.keys() & VARIANT_FIELDS
    return Former(product.name, product.parent if may_change else None)


def complete_changes(product: Product, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with what a variant has from its parent and from the other variants.

    Locks the present and the new parent, so that no other variant of them changes.
    """
    if not changes.keys() & VARIANT_FIELDS:
        return changes
    former = product.parent_id
    completed = changes | _lock_parents(product, changes)
    parent = completed.get("parent", product.parent)
    options = completed.get("options", product.options)
    if not parent or not options:
        return completed
    completed["options"] = options = _sort_as_siblings(options, product, parent)
    if product._state.adding:
        completed = {name: getattr(parent, name) for name in INHERITED_FIELDS} | completed
    if product._state.adding or (former and product.name == compose_name(product)):
        completed.setdefault("name", compose_variant_name(parent.name, options))
    return completed


def _lock_parents(product: Product, changes: Mapping[str, Any]) -> dict[str, Product]:
    """Lock and load the present parent, and the new one, which is returned."""
    new = changes.get("parent")
    ids = {each for each in (product.parent_id, new and new.pk) if each}
    rows = Product.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    locked = {parent.pk: parent for parent in rows}
    if product.parent_id:
        product.parent = locked[product.parent_id]
    return {"parent": locked[new.pk]} if new else {}


def _sort_as_siblings(options: Options, product: Product, parent: Product) -> Options:
    """Return the options in the order and spelling of the other variants, if they match."""
    others = _load_sibling_options(product, parent)
    if others is None or len(others) != len(options):
        return options
    if fold_option_names(others) != fold_option_names(options):
        return options
    return sort_options(options, [name for name, _ in others])


def _load_sibling_options(product: Product, parent: Product) -> Options | None:
    siblings = list_variants(parent).exclude(pk=product.pk).order_by("pk")
    found: Options | None = siblings.values_list("options", flat=True).first()
    return found


def ensure_variant_possible(product: Product) -> None:
    """Raise `Invalid` for a parent or options that the product cannot have."""
    error, parent = product.find_variant_error(), product.parent
    if error is None and parent and product.options:
        error = _find_repeated_name(product.options) or _find_sibling_error(product, parent)
    if error is None and parent and not parent.has_variants:
        error = _find_new_parent_error(parent)
    if error:
        raise Invalid(errors=(error,))


def _find_repeated_name(options: Options) -> FieldError | None:
    if len(fold_option_names(options)) == len(options):
        return None
    return FieldError("options", "repeated", "Each option must have another name.")


def _find_sibling_error(product: Product, parent: Product) -> FieldError | None:
    """Return the error for options that differ from those of the other variants."""
    others = _load_sibling_options(product, parent)
    if others is None:
        return None
    if list_variants(parent).exclude(pk=product.pk).count() >= MAX_VARIANTS:
        detail = f"A product can have at most {MAX_VARIANTS} variants."
        return FieldError("parent", "max", detail)
    return product.find_option_names_error(others)


def _find_new_parent_error(parent: Product) -> FieldError | None:
    """Return the error for a product that gets its first variant although it is sold itself."""
    levels = StockLevel.objects.filter(product=parent).order_by("pk").select_for_update()
    if any(level.quantity or level.reserved for level in levels):
        detail = f"{parent.name} has stock. Count it as zero before it gets variants."
        return FieldError("parent", "has_stock", detail)
    if Product.objects.filter(deposit=parent).exists():
        detail = f"{parent.name} is the deposit of other products and cannot have variants."
        return FieldError("parent", "is_deposit", detail)
    if Modifier.objects.filter(product=parent).exists():
        detail = f"Modifiers take {parent.name} from stock. Choose another product for them first."
        return FieldError("parent", "is_modifier", detail)
    return None


def update_relatives(
    product: Product, changes: Mapping[str, Any], former: Former, *, by: User | None
) -> None:
    """Write what a saved product changes in its parent, its former parent and its variants."""
    parent = product.parent if "parent" in changes else None
    if parent and not parent.has_variants:
        _save_has_variants(parent, True, by)
    left = former.parent if former.parent and former.parent.pk != product.parent_id else None
    if left and not list_variants(left).exists():
        _save_has_variants(left, False, by)
    if product.has_variants and product.name != former.name:
        _rename_variants(product, former.name)


def _save_has_variants(parent: Product, has_variants: bool, by: User | None) -> None:
    changes = audit.changes(parent, {"has_variants": has_variants})
    parent.has_variants = has_variants
    parent.save_changes("has_variants")
    publish_row(parent, is_new=False)
    if by is not None:
        audit.record("product_changed", actor=by, target=parent, changes=changes)


def compose_name(product: Product) -> str | None:
    """Return the name that a variant has unless it was given another one."""
    if product.parent is None or not product.options:
        return None
    return compose_variant_name(product.parent.name, product.options)


def _rename_variants(parent: Product, former_name: str) -> None:
    """Rename the variants that are named after their parent."""
    renamed = []
    for variant in list_variants(parent).select_for_update(no_key=True).order_by("pk"):
        options = variant.options or ()
        if variant.name == compose_variant_name(former_name, options):
            variant.name = compose_variant_name(parent.name, options)
            variant.version += 1
            variant.clean_fields()
            renamed.append(variant)
    Product.objects.bulk_create(
        renamed,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "search_text", "version", "updated_at"],
    )
    publish_all("product.updated", renamed)


def list_variants(product: Product) -> ProductQuerySet:
    return Product.objects.filter(parent=product)

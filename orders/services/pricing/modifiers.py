"""Choose the modifiers of a line: from the lists of its product, within their limits."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db.models import prefetch_related_objects

from orders.models import Modifier, ModifierList, OrderLine, Product
from orders.money import ModifierInput
from orders.services.catalog.scanned_codes import UNUSED_OF_PRODUCTS
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.exceptions import FieldError, Invalid
from tenants.scope import current_tenant_id

Snapshot = dict[str, Any]
# The columns of a line that its modifiers set.
CHOICE_FIELDS = ("modifiers", "missing_modifiers")
FIXED_BY_LABEL = "The scanned code contains the price. Leave the modifiers out."

# Not selected: sales do not use them, and decoding a timestamp is slow.
UNUSED_COLUMNS = (
    *("created_at", "updated_at"),
    *("modifier_list__created_at", "modifier_list__updated_at"),
    *("product__created_at", "product__updated_at"),
    *(f"product__{name}" for name in UNUSED_OF_PRODUCTS),
)
MODIFIERS_BY_LIST = CompiledQuery(
    lambda tenant, lists: (
        Modifier.objects.filter(tenant=tenant, modifier_list__in=lists)
        .select_related("modifier_list", "product")
        .defer(*UNUSED_COLUMNS)
    )
)


@dataclass(frozen=True, slots=True)
class ModifierRequest:
    """A modifier that is chosen for a line, by its id. An upload has the name and the price."""

    modifier: uuid.UUID | None
    quantity: int = 1
    name: str = ""
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The modifiers of a line: those that were chosen, and required lists that lack choices."""

    modifiers: tuple[Snapshot, ...] = ()
    # Required lists of which too few are chosen.
    missing: tuple[Snapshot, ...] = ()


NO_CHOICE = Choice()


class ModifierLookup:
    """The modifiers of the lists of some products."""

    def __init__(self, modifiers: Iterable[Modifier] = ()) -> None:
        self.by_id = {modifier.pk: modifier for modifier in modifiers}
        # Those that have modifiers.
        self.lists = {
            str(modifier.modifier_list_id): modifier.modifier_list
            for modifier in self.by_id.values()
        }

    @staticmethod
    def load(products: Iterable[Product]) -> "ModifierLookup":
        """Load the modifiers with one query; with none if no product has modifiers."""
        ids = list_modifier_lists(products)
        found = MODIFIERS_BY_LIST.all(tenant=current_tenant_id(), lists=ids) if ids else ()
        return ModifierLookup(found)

    def list_offered(self, product: Product) -> list[ModifierList]:
        """Return the lists of the product that have modifiers, in their order."""
        return [self.lists[each] for each in product.modifier_list_ids if each in self.lists]

    def find(self, product: Product, id: uuid.UUID | None) -> Modifier | None:
        modifier = self.by_id.get(id) if id else None
        if modifier is None or str(modifier.modifier_list_id) not in product.modifier_list_ids:
            return None
        return modifier

    def choose(self, product: Product, requests: Sequence[ModifierRequest]) -> Choice:
        """Return what is stored of these modifiers, in the order of lists and modifiers."""
        if not product.modifier_list_ids:
            return NO_CHOICE
        wanted = {each.modifier: each.quantity for each in requests}
        by_list: dict[uuid.UUID, list[Modifier]] = {}
        for id in wanted:
            if modifier := self.find(product, id):
                by_list.setdefault(modifier.modifier_list_id, []).append(modifier)
        chosen: list[Snapshot] = []
        for row in self.list_offered(product):
            ours = sorted(by_list.get(row.pk, ()), key=attrgetter("position"))
            chosen += [build_snapshot(each, wanted[each.pk]) for each in ours]
        return Choice(tuple(chosen), tuple(self.find_missing(product, chosen)))

    def find_missing(self, product: Product, chosen: Iterable[Snapshot]) -> list[Snapshot]:
        """Return the required lists of the product of which too few are among the snapshots."""
        quantities = Counter[str | None]()
        for each in chosen:
            quantities[each["list"]] += each["quantity"]
        return [
            missing
            for row in self.list_offered(product)
            for missing in _find_missing(row, quantities[str(row.pk)])
        ]

    def find_errors(
        self, path: str, product: Product, requests: Sequence[ModifierRequest], sold_by: str
    ) -> Iterator[FieldError]:
        """Yield an error for each modifier that cannot be chosen, and for too many of a list.

        `sold_by` is that of the line. Too few are no error yet: they can be chosen until the order
        is paid.
        """
        chosen: dict[uuid.UUID, int] = {}
        seen: set[uuid.UUID | None] = set()
        for position, request in enumerate(requests):
            field = f"{path}modifiers[{position}]"
            modifier = self.find(product, request.modifier)
            if modifier is None:
                detail = f"{product.name} has no such modifier."
                yield FieldError(f"{field}.modifier", "does_not_exist", detail)
                continue
            if modifier.pk in seen:
                detail = f"{modifier.name} is named twice. Use its quantity."
                yield FieldError(f"{field}.modifier", "repeated", detail)
            seen.add(modifier.pk)
            yield from _find_modifier_errors(field, modifier, request)
            if error := modifier.find_unit_error(sold_by, f"{field}.modifier"):
                yield error
            pk = modifier.modifier_list_id
            chosen[pk] = chosen.get(pk, 0) + request.quantity
        for row in self.list_offered(product):
            yield from _find_limit_errors(f"{path}modifiers", row, chosen.get(row.pk, 0))


def prepare_modifiers(products: Iterable[Product]) -> PreparedQuery[Modifier] | None:
    """Return the query of `ModifierLookup.load` as a part of a message, or None."""
    ids = list_modifier_lists(products)
    return MODIFIERS_BY_LIST.prepare(tenant=current_tenant_id(), lists=ids) if ids else None


def list_modifier_lists(products: Iterable[Product]) -> set[uuid.UUID]:
    return {uuid.UUID(id) for product in products for id in product.modifier_list_ids}


def _find_missing(row: ModifierList, chosen: int) -> Iterator[Snapshot]:
    if row.is_active and chosen < row.min:
        yield {"list": str(row.pk), "name": row.name, "min": row.min}


def _find_modifier_errors(
    field: str, modifier: Modifier, request: ModifierRequest
) -> Iterator[FieldError]:
    row = modifier.modifier_list
    if not (modifier.is_active and row.is_active):
        detail = f"{modifier.name} is not on sale."
        yield FieldError(f"{field}.modifier", "not_on_sale", detail)
    if request.quantity > 1 and not row.allow_quantity:
        detail = f"{row.name} allows each modifier only once."
        yield FieldError(f"{field}.quantity", "max_value", detail)


def _find_limit_errors(field: str, row: ModifierList, chosen: int) -> Iterator[FieldError]:
    if row.max is not None and chosen > row.max:
        yield FieldError(field, "max", f"At most {row.max} of {row.name} can be chosen.")


def build_snapshot(modifier: Modifier, quantity: int) -> Snapshot:
    """Return what a line stores of a chosen modifier."""
    product = modifier.product
    return {
        "modifier": str(modifier.pk),
        "list": str(modifier.modifier_list_id),
        "list_name": modifier.modifier_list.name,
        "name": modifier.name,
        "price": str(modifier.price),
        "quantity": quantity,
        "product": str(product.pk) if product else None,
        "sku": product.sku if product else "",
        "product_name": product.name if product else "",
        "tracks_stock": bool(product and product.has_own_stock),
    }


def build_charged_snapshot(
    request: ModifierRequest, modifier: Modifier | None, sold_by: str
) -> Snapshot:
    """Return what a line stores of a modifier of an upload, which may be unknown.

    What would take a part of a unit takes nothing from stock.
    """
    if modifier is not None:
        stored = build_snapshot(modifier, request.quantity)
        if modifier.find_unit_error(sold_by, ""):
            stored["tracks_stock"] = False
        if request.price in (None, modifier.price):
            return stored
        return stored | {"price": str(request.price), "list_price": str(modifier.price)}
    return {
        "modifier": str(request.modifier) if request.modifier else None,
        "list": None,
        "list_name": "",
        "name": request.name or "Unknown modifier",
        "price": str(request.price or Decimal(0)),
        "quantity": request.quantity,
        "product": None,
        "sku": "",
        "product_name": "",
        "tracks_stock": False,
    }


def update_modifier_prices(line: OrderLine) -> None:
    """Update the prices of the chosen modifiers; deleted modifiers keep theirs."""
    if not line.modifiers:
        return
    ids = [uuid.UUID(each["modifier"]) for each in line.modifiers if each["modifier"]]
    prices = {str(each.pk): str(each.price) for each in Modifier.objects.filter(pk__in=ids)}
    line.modifiers = [
        {**each, "price": prices.get(each["modifier"], each["price"])} for each in line.modifiers
    ]


def choose_modifiers(line: OrderLine, requests: Sequence[ModifierRequest]) -> None:
    """Replace the modifiers of a line, at their current prices. Raises `Invalid`."""
    product: Any = line.product
    if line.fixed_gross is not None and requests:
        raise Invalid.field("modifiers", FIXED_BY_LABEL, code="fixed_by_label")
    lookup = ModifierLookup.load([product])
    if errors := tuple(lookup.find_errors("", product, requests, line.sold_by)):
        raise Invalid(errors=errors)
    choice = lookup.choose(product, requests)
    line.modifiers = list(choice.modifiers) or None
    line.missing_modifiers = list(choice.missing) or None


def update_missing_modifiers(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Set the required lists of which too few are chosen now; return the changed lines, unsaved.

    What was chosen counts even if it is archived or deleted. A deposit has no modifiers.
    """
    sold = [line for line in lines if line.product_id and not line.is_deposit]
    prefetch_related_objects(sold, "product")
    pairs = [(line, product) for line in sold if (product := line.product)]
    lookup = ModifierLookup.load(product for _, product in pairs)
    changed = []
    for line, product in pairs:
        missing = lookup.find_missing(product, line.chosen_modifiers) or None
        if missing != line.missing_modifiers:
            line.missing_modifiers = missing
            changed.append(line)
    return changed


def save_missing_modifiers(lines: Iterable[OrderLine]) -> None:
    """Update what the lines of an open order miss, before it is paid.

    Lines without modifiers take no statement: they miss what a changed list or product requires
    from their next change on.
    """
    modified = [line for line in lines if line.modifiers or line.missing_modifiers]
    if modified and (changed := update_missing_modifiers(modified)):
        OrderLine.objects.bulk_update(changed, ["missing_modifiers"])


def parse_modifiers(stored: Iterable[Snapshot]) -> tuple[ModifierInput, ...]:
    return tuple(ModifierInput(Decimal(each["price"]), each["quantity"]) for each in stored)

"""Parents and options of a catalog file: what they will be, checked and written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from orders.models import Modifier, Product, StockLevel
from orders.models.variant_options import (
    build_options_key,
    compose_variant_name,
    fold_option,
    fold_option_names,
    sort_options,
)
from orders.services.catalog.csv_file import CatalogFile
from orders.services.catalog.csv_relations import MAX_NAME_LENGTH
from orders.services.catalog.variants import INHERITED_FIELDS, MAX_VARIANTS
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all
from tenants.exceptions import FieldError
from tenants.ids import new_id

T = TypeVar("T")
# Products that are variants or have some.
RELATED = Q(parent__isnull=False) | Q(has_variants=True)
# Column, code and detail of an error.
Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Relation:
    """The SKU of the parent of a product, or "", and its options."""

    parent: str = ""
    options: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """A product of the catalog that the file names as a variant or a parent."""

    pk: UUID
    relation: Relation
    has_variants: bool


class VariantDiff:
    """The variants that the file leaves, and how they differ from the stored ones."""

    def __init__(self, catalog: CatalogFile) -> None:
        self.catalog, self.rows = catalog, catalog.related
        self.stored: dict[str, StoredProduct] = {}
        # By SKU: of all products that the file relates, and of the other variants of their parents.
        self.relations: dict[str, Relation] = {}
        self.others: dict[str, Relation] = {}
        # Ids of the parents, also of those that the file creates.
        self.ids: dict[str, UUID] = {}
        self.has_variants: dict[str, bool] = {}
        # Parents that the file has created so far.
        self.created: set[str] = set()
        # By the SKU of a stored parent: what a new variant has unless its row says otherwise.
        self.inherited: dict[str, dict[str, Any]] = {}
        self.parent_names: dict[str, str] = {}

    @property
    def named(self) -> set[str]:
        """Return the SKUs for which the file has a parent or options."""
        return self.rows.parents.keys() | self.rows.options.keys()

    def load(self, *, lock: bool) -> None:
        """Load the products that the file relates, and decide what they will be."""
        related = {each for each in self.named if self.rows.parents.get(each) != ""}
        related |= {sku for sku, options in self.rows.options.items() if options}
        given = set(self.rows.parents.values()) | set(self.catalog.deposits.values())
        self.load_products((related | given) - {""}, lock)
        # The others, most of the rows of an export, are kept only if the file changes them.
        self.load_products(self.named - related - self.stored.keys(), lock, RELATED)
        decided = related | (self.named & self.stored.keys())
        in_order = sorted(decided, key=self.catalog.skus.__getitem__)
        self.relations = {sku: self.decide(sku) for sku in in_order}
        stored = [each.relation for each in self.stored.values()]
        parents = {each.parent for each in (*self.relations.values(), *stored)} - {""}
        parents |= {sku for sku, each in self.stored.items() if each.has_variants}
        # Of parents that no row names.
        self.load_products(parents - self.stored.keys(), lock)
        self.load_other_variants(parents)
        self.ids = {sku: each.pk for sku, each in self.stored.items()}
        self.ids |= {sku: new_id() for sku in parents & self.catalog.skus.keys() - self.ids.keys()}
        self.sort_options()
        used = {each.parent for each in self.iterate_all()}
        self.has_variants = {sku: sku in used for sku in parents}
        self.load_inherited(parents & self.stored.keys())

    def load_inherited(self, parents: Iterable[str]) -> None:
        # Named as the values of a row: the tax class as an object, others by id.
        names = {"category": "category_id", "deposit": "deposit_id"}
        for skus in batched(sorted(parents)):
            for parent in Product.objects.select_related("tax_class").filter(sku__in=skus):
                self.parent_names[parent.sku] = parent.name
                self.inherited[parent.sku] = {
                    names.get(each, each): getattr(parent, names.get(each, each))
                    for each in INHERITED_FIELDS
                }

    def load_other_variants(self, parents: Iterable[str]) -> None:
        """Load the variants of these parents for which the file has neither parent nor options."""
        for skus in batched(sorted(parents)):
            rows: Any = Product.objects.filter(parent__sku__in=skus)
            for sku, parent, options in rows.values_list("sku", "parent__sku", "options"):
                if sku not in self.relations:
                    self.others[sku] = Relation(parent, options)

    def load_products(self, wanted: Iterable[str], lock: bool, condition: Q | None = None) -> None:
        for skus in batched(sorted(wanted)):
            rows: Any = Product.objects.filter(condition or Q(), sku__in=skus).order_by("pk")
            if lock:
                rows = rows.select_for_update(no_key=True, of=("self",))
            columns = ("pk", "sku", "parent__sku", "options", "has_variants")
            for pk, sku, parent, options, has_variants in rows.values_list(*columns):
                relation = Relation(parent or "", options or [])
                self.stored[sku] = StoredProduct(pk, relation, has_variants)

    def decide(self, sku: str) -> Relation:
        """Return the relation of a row; what the file does not say stays as it is."""
        stored = self.stored[sku].relation if sku in self.stored else Relation()
        parent = self.rows.parents.get(sku, stored.parent)
        options = self.rows.options.get(sku, stored.options)
        # An export has an empty cell for both.
        return Relation(parent, options if parent or sku in self.rows.options else [])

    def find_relation(self, sku: str) -> Relation:
        stored = self.stored.get(sku)
        return self.relations.get(sku) or (stored.relation if stored else Relation())

    def iterate_all(self) -> Iterator[Relation]:
        yield from self.relations.values()
        yield from self.others.values()

    def sort_options(self) -> None:
        """Give options the order and spelling of another variant of the same parent."""
        names: dict[str, list[str]] = {}
        for each in (*self.others.values(), *self.relations.values()):
            names.setdefault(each.parent, [name for name, _ in each.options])
        for sku, each in self.relations.items():
            wanted = names[each.parent]
            if fold_option_names(each.options) == set(map(fold_option, wanted)):
                self.relations[sku] = Relation(each.parent, sort_options(each.options, wanted))

    # --- errors -------------------------------------------------------------------------------

    def find_errors(self) -> Iterator[FieldError]:
        sizes = Counter(each.parent for each in self.iterate_all())
        names: dict[str, set[str]] = {}
        taken: set[tuple[str, str | None]] = set()
        for each in self.others.values():
            names[each.parent] = fold_option_names(each.options)
            taken.add((each.parent, build_options_key(each.options)))
        wrong = set[str]()
        for sku, each in self.relations.items():
            error = self.find_parent_error(sku, each)
            if error is None and each.parent:
                wanted = names.setdefault(each.parent, fold_option_names(each.options))
                key = (each.parent, build_options_key(each.options))
                error = find_options_error(each, wanted, is_taken=key in taken)
                taken.add(key)
            if error is None and each.parent and sizes[each.parent] > MAX_VARIANTS:
                error = "parent", "max", f"A product can have at most {MAX_VARIANTS} variants."
            if error:
                wrong.add(each.parent)
                yield self.build_row_error(sku, *error)
        yield from self.find_parents_in_use(wrong)
        yield from self.find_deposits_with_variants()

    def find_parent_error(self, sku: str, relation: Relation) -> Problem | None:
        if not relation.parent:
            detail = "Only variants have options. Enter the parent."
            return ("options", "no_parent", detail) if relation.options else None
        if not relation.options:
            return "options", "required", "Enter the options of the variant."
        if relation.parent not in self.ids:
            return "parent", "does_not_exist", "Product not found."
        return self.find_chain_error(sku, relation.parent)

    def find_chain_error(self, sku: str, parent: str) -> Problem | None:
        """Return the error for a parent that is a variant, or a variant that is a parent."""
        if parent == sku:
            return "parent", "same_product", "A product cannot be a variant of itself."
        if self.find_relation(parent).parent:
            return "parent", "is_variant", f"{parent} is a variant itself. Choose its parent."
        if self.has_variants.get(sku):
            return "parent", "has_variants", "This product has variants and cannot become one."
        return None

    def find_parents_in_use(self, wrong: Set[str]) -> Iterator[FieldError]:
        """Yield an error for products that get their first variant although they are in use."""
        new = {
            self.stored[sku].pk: sku
            for sku, has_variants in self.has_variants.items()
            if has_variants
            and sku in self.stored.keys() - wrong
            and not self.stored[sku].has_variants
        }
        first = {each.parent: sku for sku, each in reversed(self.relations.items())}
        for ids in batched(sorted(new)):
            used: Any = StockLevel.objects.filter(~Q(quantity=0) | ~Q(reserved=0), product__in=ids)
            for product in used.values_list("product", flat=True).distinct():
                detail = f"{new[product]} has stock. Count it as zero before it gets variants."
                yield self.build_row_error(first[new[product]], "parent", "has_stock", detail)
            deposits: Any = Product.objects.filter(deposit__in=ids)
            for product in deposits.values_list("deposit", flat=True).distinct():
                detail = f"{new[product]} is the deposit of other products."
                yield self.build_row_error(first[new[product]], "parent", "is_deposit", detail)
            modifiers = Modifier.objects.filter(product__in=ids)
            for product in modifiers.values_list("product", flat=True).distinct():
                detail = f"Modifiers take {new[product]} from stock."
                yield self.build_row_error(first[new[product]], "parent", "is_modifier", detail)

    def find_deposits_with_variants(self) -> Iterator[FieldError]:
        for sku, deposit in self.catalog.deposits.items():
            if self.has_variants.get(deposit):
                detail = f"{deposit} has variants. Choose one of them."
                yield self.build_row_error(sku, "deposit", "has_variants", detail)

    def build_row_error(self, sku: str, column: str, code: str, detail: str) -> FieldError:
        return FieldError(column, code, detail, row=self.catalog.skus[sku])

    # --- writing ------------------------------------------------------------------------------

    def differs(self, sku: str) -> bool:
        """Return whether a stored product gets another relation, or its first or no variant."""
        stored = self.stored.get(sku)
        if stored is None:
            return False
        has_variants = self.has_variants.get(sku, stored.has_variants)
        is_other = self.relations.get(sku, stored.relation) != stored.relation
        return is_other or has_variants != stored.has_variants

    def find_inherited(self, sku: str) -> dict[str, Any]:
        """Return what a new product has from its parent; nothing if the file creates that too."""
        relation = self.relations.get(sku, Relation())
        return self.inherited.get(relation.parent, {})

    def find_required(self, sku: str) -> dict[str, Any]:
        """Return the name and price that a new variant takes from its parent, as far as it has
        them. A parent itself is not sold and needs no price."""
        relation = self.relations.get(sku, Relation())
        if not relation.parent:
            return {"price": Decimal(0)} if self.has_variants.get(sku) else {}
        given = self.catalog.parent_values.get(relation.parent, {})
        name = given.get("name") or self.parent_names.get(relation.parent)
        price = given.get("price") or self.inherited.get(relation.parent, {}).get("price")
        found: dict[str, Any] = {}
        if name:
            found["name"] = compose_variant_name(name, relation.options)[:MAX_NAME_LENGTH]
        if price:
            found["price"] = price
        return found

    def is_related(self, product: Product) -> bool:
        """Return whether a stored product is a variant or a parent once the file is imported."""
        relation = self.relations.get(product.sku)
        parent = relation.parent if relation else product.parent_id
        return bool(parent) or self.has_variants.get(product.sku, product.has_variants)

    def build_values(self, sku: str) -> dict[str, Any]:
        """Return what a new product has; a parent that does not exist yet is set at the end."""
        relation = self.relations.get(sku, Relation())
        if sku in self.ids:
            self.created.add(sku)
        if not relation.parent:
            return {"has_variants": self.has_variants.get(sku, False)}
        if relation.parent in self.stored or relation.parent in self.created:
            return {"parent_id": self.ids.get(relation.parent), "options": relation.options}
        return {}

    def is_late(self, product: Product) -> bool:
        """Return whether a new product gets its parent at the end."""
        relation = self.relations.get(product.sku, Relation())
        return bool(relation.parent) and product.parent_id is None

    def release(self) -> None:
        """Remove what will be otherwise, so that the order of the rows does not matter."""
        moved = [
            each.pk
            for sku, each in self.stored.items()
            if self.relations.get(sku, each.relation) != each.relation
        ]
        for ids in batched(moved):
            Product.objects.filter(pk__in=ids).update(parent=None, options=None, options_key=None)
        left = [
            self.ids[sku] for sku, has_variants in self.has_variants.items() if not has_variants
        ]
        for ids in batched(left):
            Product.objects.filter(pk__in=ids).update(has_variants=False)

    def write(self, late: Iterable[Product]) -> None:
        """Set parents and options of stored products, and of new ones before their parents."""
        moved = [
            Product(pk=each.pk, **self.build_columns(self.relations[sku]))
            for sku, each in self.stored.items()
            if self.relations.get(sku, each.relation) != each.relation
        ]
        moved += [
            Product(pk=each.pk, **self.build_columns(self.relations[each.sku])) for each in late
        ]
        columns = ["parent", "options", "options_key"]
        Product.objects.bulk_update(moved, columns, batch_size=BATCH_SIZE)
        parents = [sku for sku, has_variants in self.has_variants.items() if has_variants]
        for skus in batched(parents):
            Product.objects.filter(sku__in=skus).update(has_variants=True)
        self.publish_other_parents()

    def build_columns(self, relation: Relation) -> dict[str, Any]:
        if not relation.parent:
            return {"parent_id": None, "options": None, "options_key": None}
        key = build_options_key(relation.options)
        return {
            "parent_id": self.ids[relation.parent],
            "options": relation.options,
            "options_key": key,
        }

    def publish_other_parents(self) -> None:
        """Give parents that have no row of the file a new version."""
        changed = [sku for sku in self.has_variants if self.differs(sku)]
        for skus in batched(each for each in changed if each not in self.catalog.skus):
            rows = Product.objects.filter(sku__in=skus)
            rows.update(version=F("version") + 1, updated_at=timezone.now())
            publish_all("product.updated", rows)


def find_options_error(relation: Relation, names: set[str], *, is_taken: bool) -> Problem | None:
    """Return the error for options with other names, or equal ones, than another variant has."""
    if fold_option_names(relation.options) != names:
        detail = "The variants of a product have the same names of options."
        return "options", "other_options", detail
    if is_taken:
        return "options", "options_taken", "Another variant of the product has these options."
    return None


def batched(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, BATCH_SIZE)):
        yield chunk

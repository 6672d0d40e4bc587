"""Changes of many products at once, with a preview: price, taxes, category and activation."""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from orders.models import Product
from orders.money import PriceChange
from orders.services.catalog.csv_diff import ChangeSet
from tenants import audit
from tenants.database.bulk_insert import BATCH_SIZE, bulk_insert
from tenants.exceptions import Invalid, VersionConflict
from tenants.models import AuditEvent
from tenants.scope import atomic_with_retry, current_tenant

MAX_PRODUCTS = 5000


@dataclass(frozen=True, slots=True)
class BulkEdit:
    """What changes: the price by a rule, and the other fields (`values`) to the same value."""

    price: PriceChange | None = None
    # Of tax_class, category and is_active.
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return a text that is different for each edit."""
        values = {name: getattr(value, "pk", value) for name, value in self.values.items()}
        return f"{self.price}{sorted(values.items())}"

    def build_changes(self, product: Product) -> dict[str, Any]:
        """Return the new values of a product. A price that the cashier types is not changed."""
        changes = dict(self.values)
        if self.price is not None and not product.open_price:
            changes["price"] = self.price.apply(product.price, current_tenant().currency_exponent)
        return {name: value for name, value in changes.items() if getattr(product, name) != value}


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A product with the values that it would get, and what is wrong with them."""

    product: Product
    changes: dict[str, Any]
    # As the audit log shows it: `{name: {from, to}}`.
    facts: dict[str, dict[str, Any]]
    error: str = ""


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """The changes of a bulk edit, in the order of the names."""

    changes: Sequence[PlannedChange]
    unchanged: int
    # Of the edit, and of the products and their versions.
    digest: str

    @property
    def errors(self) -> list[PlannedChange]:
        return [change for change in self.changes if change.error]


def plan_bulk_edit(ids: Sequence[uuid.UUID], edit: BulkEdit) -> BulkPlan:
    """Return what a bulk edit would change. Nothing is saved."""
    return _plan(_load(ids, lock=False), edit)


@atomic_with_retry
def edit_products(
    ids: Sequence[uuid.UUID], edit: BulkEdit, *, expected_digest: str, by: User
) -> int:
    """Change the products, all of them or none, and return how many were changed.

    Raises `VersionConflict` if products or edit are not those of the plan, and `Invalid` for
    values that a product cannot have.
    """
    plan = _plan(_load(ids, lock=True), edit)
    if plan.digest != expected_digest:
        raise VersionConflict(current=0)
    if plan.errors:
        first = plan.errors[0]
        raise Invalid.field("price", f"{first.product.name}: {first.error}")
    _write(plan.changes, by)
    return len(plan.changes)


def _load(ids: Sequence[uuid.UUID], *, lock: bool) -> list[Product]:
    products: list[Product] = []
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), BATCH_SIZE):
        rows = Product.objects.filter(pk__in=wanted[start : start + BATCH_SIZE]).order_by("pk")
        rows = rows.select_related("tax_class", "category")
        products += rows.select_for_update(no_key=True, of=("self",)) if lock else rows
    return products


def _plan(products: Sequence[Product], edit: BulkEdit) -> BulkPlan:
    planned = [each for each in _plan_changes(products, edit) if each.changes]
    versions = "".join(f"{product.pk}:{product.version};" for product in products)
    return BulkPlan(
        changes=sorted(planned, key=lambda each: (each.product.name, each.product.pk)),
        unchanged=len(products) - len(planned),
        digest=hashlib.sha256(f"{edit.key}{versions}".encode()).hexdigest(),
    )


def _plan_changes(products: Sequence[Product], edit: BulkEdit) -> Iterator[PlannedChange]:
    for product in products:
        changes = edit.build_changes(product)
        facts = audit.changes(product, changes)
        for name, value in changes.items():
            setattr(product, name, value)
        yield PlannedChange(product, changes, facts, _find_error(product, changes))


def _find_error(product: Product, changes: Mapping[str, Any]) -> str:
    """Return what is wrong with the new price, in the words of the model."""
    if "price" not in changes:
        return ""
    try:
        product._meta.get_field("price").clean(product.price, product)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _write(changes: Sequence[PlannedChange], by: User) -> None:
    products = [change.product for change in changes]
    for product in products:
        product.version += 1
    ChangeSet(changed=products).write()
    events: list[AuditEvent] = [
        audit.build("product_changed", actor=by, target=change.product, changes=change.facts)
        for change in changes
    ]
    for start in range(0, len(events), BATCH_SIZE):
        bulk_insert(events[start : start + BATCH_SIZE])
    audit.log_after_commit(events)

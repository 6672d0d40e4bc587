"""Diff of a catalog file against the stored catalog: compute the changes and write them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from accounts.models import User
from accounts.services.store_assignments import is_limited_to_stores
from orders.models import Barcode, Category, Modifier, Product
from orders.models.barcode_rule import BarcodeKeys
from orders.services.catalog.csv_file import CatalogFile
from orders.services.catalog.csv_rows import REQUIRED_COLUMNS, ProductRow
from orders.services.catalog.csv_variants import Relation, VariantDiff, batched
from orders.services.catalog.modifier_units import UNIT_FIELDS, find_unit_errors
from orders.services.catalog.opening_stock import OpeningStock
from orders.services.catalog.products import PRICE_FIELDS
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all
from tenants.exceptions import FieldError, NotPermitted
from tenants.ids import new_id
from tenants.scope import current_tenant

AMOUNTS = ("price", "cost")
UPDATED_FIELDS = (
    "name",
    "price",
    "tax_class",
    "category",
    "sold_by",
    "open_price",
    "track_stock",
    "is_active",
    "plu",
    "weight_unit",
    "returnable",
    "cost",
    "content",
    "content_unit",
    "external_id",
    "modifier_lists",
    "search_text",
    "version",
    "updated_at",
)


@dataclass(frozen=True, slots=True)
class StoredBarcode:
    """A barcode of the catalog. Another one may have had its key when keys were introduced."""

    pk: UUID
    has_key: bool


@dataclass(slots=True)
class ChangeSet:
    """The changes of one batch of rows."""

    new: list[Product] = field(default_factory=list)
    changed: list[Product] = field(default_factory=list)
    barcodes: list[Barcode] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)

    def write(self) -> None:
        delete_barcodes(self.removed)
        Product.objects.bulk_create(self.new, batch_size=BATCH_SIZE)
        # One upsert for all: the rows exist and are locked, so that it always updates.
        Product.objects.bulk_create(
            self.changed,
            batch_size=BATCH_SIZE,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=UPDATED_FIELDS,
        )
        Barcode.objects.bulk_create(self.barcodes, batch_size=BATCH_SIZE)
        publish_all("product.created", self.new)
        publish_all("product.updated", self.changed)


class CatalogDiff:
    """Diff of a whole file, batch by batch. Writes nothing after the first error."""

    def __init__(self, catalog: CatalogFile, *, write: bool, by: User) -> None:
        self.catalog = catalog
        self.errors = catalog.errors.copy()
        self.write_requested = write
        self.by = by
        self.created = self.updated = self.unchanged = self.stock_set = 0
        # Products that lost a barcode or the PLU to another row of the file.
        self.lost_code: set[UUID] = set()
        self.categories: dict[str, Category] = {}
        # Ids of the products that the file names as deposits, also of those that it creates.
        self.deposits: dict[str, UUID] = {}
        self.variants = VariantDiff(catalog)
        # New ones that come before their parent.
        self.late_variants: list[Product] = []
        # Rows by product whose unit or tracking changes, and lists of those whose lists do.
        self.unit_changes: dict[UUID, tuple[Product, ProductRow]] = {}
        self.changed_lists: dict[UUID, list[str]] = {}
        # Products by the deposit that they get, once all products exist.
        self.new_deposits: defaultdict[UUID | None, list[UUID]] = defaultdict(list)

    @property
    def may_write(self) -> bool:
        return self.write_requested and not self.errors.count

    def run(self) -> None:
        self.release_barcodes()
        self.release_plus()
        self.check_external_ids()
        self.load_categories()
        self.load_deposits()
        self.variants.load(lock=self.may_write)
        self.errors.add(*self.variants.find_errors())
        if self.may_write:
            self.variants.release()
        for rows in batched(self.catalog.valid_rows()):
            changes, stock = self.diff_rows(rows)
            if self.may_write:
                changes.write()
                stock.write()
        self.check_products_of_modifiers()
        if self.may_write:
            self.write_deposits()
            self.variants.write(self.late_variants)

    def release_barcodes(self) -> None:
        """Delete barcodes that the file moves from one of its products to another.

        A barcode of a product outside the file is an error: `barcode_taken`.
        """
        owners = self.catalog.barcodes
        for keys in batched(owners):
            rows: Any = Barcode.objects.filter(key__in=keys)
            found = rows.values_list("pk", "key", "product_id", "product__sku", "code")
            elsewhere = [row for row in found if row[3] != owners[row[1]]]
            for _, key, product, sku, code in elsewhere:
                if sku in self.catalog.skus:
                    self.lost_code.add(product)
                else:
                    self.errors.add(self.build_barcode_taken_error(key, code, sku))
            if self.may_write:
                delete_barcodes([row[0] for row in elsewhere])

    def release_plus(self) -> None:
        """Remove PLUs that the file moves from one of its products to another.

        The PLU of a product outside the file is an error: `plu_taken`.
        """
        owners = self.catalog.plus
        for plus in batched(owners):
            found = Product.objects.filter(plu__in=plus).values_list("pk", "plu", "sku")
            elsewhere = [row for row in found if row[2] != owners[str(row[1])]]
            for pk, plu, sku in elsewhere:
                if sku in self.catalog.skus:
                    self.lost_code.add(pk)
                else:
                    row = self.catalog.skus[owners[str(plu)]]
                    detail = f"Product {sku} already has PLU {plu}."
                    self.errors.add(FieldError("plu", "plu_taken", detail, row=row))
            if self.may_write:
                Product.objects.filter(pk__in=[row[0] for row in elsewhere]).update(plu=None)

    def check_external_ids(self) -> None:
        """Add an error for the external ID of another product, also of one in the file."""
        owners = self.catalog.external_ids
        for ids in batched(owners):
            found = Product.objects.filter(external_id__in=ids).values_list("external_id", "sku")
            for external_id, sku in found:
                owner = owners[str(external_id)]
                if sku != owner:
                    detail = f"Product {sku} already has external ID {external_id}."
                    row = self.catalog.skus[owner]
                    self.errors.add(FieldError("external_id", "unique", detail, row=row))

    def build_barcode_taken_error(self, key: str, code: str, sku: str) -> FieldError:
        row = self.catalog.skus[self.catalog.barcodes[key]]
        detail = f"Product {sku} already has barcode {code}."
        return FieldError("barcodes", "barcode_taken", detail, row=row)

    def load_categories(self) -> None:
        """Load the categories that the file names and create the missing ones."""
        for names in batched(sorted(self.catalog.categories)):
            found = {each.name: each for each in Category.objects.filter(name__in=names)}
            missing = [Category(name=name) for name in names if name not in found]
            self.categories |= found | {each.name: each for each in missing}
            if self.may_write:
                Category.objects.bulk_create(missing, batch_size=BATCH_SIZE)
                publish_all("category.created", missing)

    def load_deposits(self) -> None:
        """Find the products that the file names as deposits, and check that they can be deposits.

        A product that the file creates gets its id here.
        """
        named = {sku for sku in self.catalog.deposits.values() if sku}
        chained: dict[str, bool] = {}
        returnable: dict[str, bool] = {}
        for skus in batched(sorted(named)):
            rows: Any = Product.objects.filter(sku__in=skus).order_by("pk")
            if self.may_write:
                rows = rows.select_for_update(no_key=True)
            found = rows.values_list("pk", "sku", "deposit_id", "returnable")
            for pk, sku, deposit, is_returnable in found:
                self.deposits[sku], chained[sku] = pk, deposit is not None
                returnable[sku] = is_returnable
        created = (named & self.catalog.skus.keys()) - self.deposits.keys()
        self.deposits |= {sku: new_id() for sku in created}
        chained |= {sku: bool(deposit) for sku, deposit in self.catalog.deposits.items()}
        returnable |= self.catalog.returnables
        for sku, deposit in self.catalog.deposits.items():
            error = self.find_deposit_error(sku, deposit, chained, returnable) if deposit else None
            if error:
                code, detail = error
                row = self.catalog.skus[sku]
                self.errors.add(FieldError("deposit", code, detail, row=row))
        self.check_other_products()

    def find_deposit_error(
        self,
        sku: str,
        deposit: str,
        chained: Mapping[str, bool],
        returnable: Mapping[str, bool],
    ) -> tuple[str, str] | None:
        if deposit == sku:
            return "same_product", "A product cannot be its own deposit."
        if deposit not in self.deposits:
            return "does_not_exist", "Product not found."
        if chained.get(deposit):
            return "has_deposit", f"Product {deposit} has a deposit itself. Choose another product."
        if returnable.get(deposit):
            detail = f"Product {deposit} is returnable. Choose the product that is charged."
            return "is_returnable", detail
        return None

    def check_other_products(self) -> None:
        """Check that the deposits of products outside the file stay what they are.

        They get no deposit themselves, and are not returnable.
        """
        for column, given in (
            ("deposit", self.catalog.deposits),
            ("returnable", self.catalog.returnables),
        ):
            for skus in batched(sku for sku, value in given.items() if value):
                rows: Any = Product.objects.filter(deposit__sku__in=skus)
                for sku, deposit in rows.values_list("sku", "deposit__sku"):
                    if sku not in self.catalog.deposits:
                        detail = f"This product is the deposit of {sku}, which is charged."
                        row = self.catalog.skus[deposit]
                        self.errors.add(FieldError(column, "is_deposit", detail, row=row))

    def write_deposits(self) -> None:
        """Set the deposits of new and changed products."""
        for deposit, products in self.new_deposits.items():
            for ids in batched(products):
                Product.objects.filter(pk__in=ids).update(deposit=deposit)

    def diff_rows(self, rows: list[ProductRow]) -> tuple[ChangeSet, OpeningStock]:
        known, changes = self.load_products(rows), ChangeSet()
        counted = {row.sku for row in rows if row.stock} & known.keys()
        stock = OpeningStock((known[sku].pk for sku in counted), by=self.by)
        barcodes = load_barcodes(known.values(), self.catalog.barcode_keys)
        for product_row in rows:
            product = known.get(product_row.sku)
            if product is not None:
                self.check_blank(product, product_row)
                self.start_tracking(product, product_row, stock)
            if product is None:
                product = self.add(product_row, changes)
            elif self.apply_row(product, barcodes[product.pk], product_row, changes):
                product.version += 1
                changes.changed.append(product)
                self.updated += 1
            else:
                self.unchanged += 1
            if product_row.stock and product is not None:
                self.add_stock(product, product_row, stock)
        self.stock_set += len(stock.levels)
        return changes, stock

    def check_blank(self, product: Product, product_row: ProductRow) -> None:
        """Add an error for an empty name or price, unless it is one of a variant or parent."""
        if product_row.blank and not self.variants.is_related(product):
            for name in product_row.blank:
                self.add_missing_error(name, product_row)

    def add_missing_error(self, name: str, product_row: ProductRow) -> None:
        code, detail = "required", "This column is required for a new product."
        if name in product_row.blank:
            code, detail = (
                "blank",
                f"Must not be empty. Only variants take the {name} of their parent.",
            )
        if self.variants.relations.get(product_row.sku, Relation()).parent:
            detail = f"Enter the {name}. The parent of this variant has none that it could take."
        heading = self.catalog.columns.get_heading(name)
        self.errors.add(FieldError(heading, code, detail, row=product_row.row))

    def start_tracking(
        self, product: Product, product_row: ProductRow, stock: OpeningStock
    ) -> None:
        """Let a product track stock that gets its first stock, unless its row says otherwise."""
        is_first = product_row.stock and product.pk not in stock.counted
        if is_first and not product.has_variants:
            product_row.values.setdefault("track_stock", True)

    def add_stock(self, product: Product, product_row: ProductRow, stock: OpeningStock) -> None:
        for store, quantity in product_row.stock:
            if not product.track_stock or self.variants.has_variants.get(product.sku):
                continue
            heading = self.catalog.columns.get_stock_heading(store)
            error = product.find_quantity_error(quantity, heading)
            if error is not None:
                self.errors.add(replace(error, row=product_row.row))
            else:
                stock.add(store, product, quantity)

    def load_products(self, rows: list[ProductRow]) -> dict[str, Product]:
        """Load the products of these rows; lock them if the diff is to be written."""
        products = Product.objects.filter(
            sku__in=[product_row.sku for product_row in rows]
        ).order_by("pk")
        if self.may_write:
            products = products.select_for_update(no_key=True)
        return {product.sku: product for product in products}

    def add(self, product_row: ProductRow, changes: ChangeSet) -> Product | None:
        if self.catalog.columns.is_stock_only:
            detail = "Product not found. Import the products before their stock."
            heading = self.catalog.columns.get_heading("sku")
            self.errors.add(FieldError(heading, "does_not_exist", detail, row=product_row.row))
            return None
        required = self.variants.find_required(product_row.sku)
        given = product_row.values | required
        missing = [name for name in REQUIRED_COLUMNS if name not in given]
        for name in missing:
            self.add_missing_error(name, product_row)
        return None if missing else self.create(product_row, required, changes)

    def create(
        self, product_row: ProductRow, required: Mapping[str, Any], changes: ChangeSet
    ) -> Product:
        sku = product_row.sku
        id = self.deposits.get(sku) or self.variants.ids.get(sku) or new_id()
        product = Product(id=id, sku=sku, **self.build_new_values(product_row, required))
        if self.variants.is_late(product):
            self.late_variants.append(product)
        if product_row.values.get("cost") is not None:
            self.ensure_may_set_prices()
        self.check_content(product, product_row)
        self.check_modifiers(product, product_row)
        self.set_deposit(product, product_row)
        changes.new.append(product)
        changes.barcodes += [
            self.build_barcode(product, code) for code in product_row.barcodes or ()
        ]
        self.created += 1
        return product

    def build_new_values(
        self, product_row: ProductRow, required: Mapping[str, Any]
    ) -> dict[str, Any]:
        values = self.catalog.build_new_values(product_row)
        values |= self.variants.find_inherited(product_row.sku)
        # Also where the parent, which has no stock itself, does not track it.
        if product_row.stock:
            values["track_stock"] = True
        values |= {**required, **self.build_values(product_row)}
        return values | self.variants.build_values(product_row.sku)

    def build_barcode(self, product: Product, code: str) -> Barcode:
        return Barcode(product=product, code=code, key=self.catalog.barcode_keys.build(code))

    def apply_row(
        self,
        product: Product,
        stored: Mapping[str, StoredBarcode],
        product_row: ProductRow,
        changes: ChangeSet,
    ) -> bool:
        different = {
            name: value
            for name, value in self.build_values(product_row).items()
            if value != get_stored_value(product, name)
        }
        for name, value in different.items():
            setattr(product, name, value)
        self.check_content(product, product_row)
        if different.keys() & {"sold_by", "modifier_lists"}:
            self.check_modifiers(product, product_row)
        if different.keys() & UNIT_FIELDS:
            self.unit_changes[product.pk] = (product, product_row)
        has_other_deposit = self.set_deposit(product, product_row)
        if has_other_deposit or PRICE_FIELDS & different.keys():
            self.ensure_may_set_prices()
        codes = stored if product_row.barcodes is None else product_row.barcodes
        kept = {
            code
            for code in codes
            if code in stored and (product_row.barcodes is None or stored[code].has_key)
        }
        added = [code for code in codes if code not in kept]
        removed = [stored[code].pk for code in stored.keys() - kept]
        changes.barcodes += [self.build_barcode(product, code) for code in added]
        changes.removed += removed
        has_changed = bool(different or added or removed) or has_other_deposit
        has_changed |= self.variants.differs(product.sku)
        return has_changed or product.pk in self.lost_code

    @cached_property
    def is_limited_to_stores(self) -> bool:
        return is_limited_to_stores(self.by)

    def ensure_may_set_prices(self) -> None:
        """Raise `NotPermitted` if somebody who is limited to stores sets prices of all stores."""
        if self.is_limited_to_stores:
            raise NotPermitted

    def check_content(self, product: Product, product_row: ProductRow) -> None:
        if wrong := product.find_content_error():
            self.errors.add(replace(wrong, row=product_row.row))

    @cached_property
    def unit_errors(self) -> dict[str, FieldError]:
        """Return, by modifier list, the error of goods by weight that have this list."""
        errors: dict[str, FieldError] = {}
        modifiers = Modifier.objects.exclude(product=None).select_related("product")
        for modifier in modifiers.order_by("modifier_list", "position", "pk"):
            if error := modifier.find_unit_error(Product.SoldBy.WEIGHT, "modifier_lists"):
                errors.setdefault(str(modifier.modifier_list_id), error)
        return errors

    def check_modifiers(self, product: Product, product_row: ProductRow) -> None:
        """Add an error for goods by weight with a modifier that takes whole units from stock."""
        is_by_weight = product.sold_by == Product.SoldBy.WEIGHT
        # Most new products have none: a large file of them is not kept in memory.
        if product.modifier_lists or not product._state.adding:
            self.changed_lists[product.pk] = product.modifier_list_ids if is_by_weight else []
        if product.sold_by != Product.SoldBy.WEIGHT or not product.modifier_lists:
            return
        wrong = [each for each in product.modifier_list_ids if each in self.unit_errors]
        if wrong:
            self.errors.add(replace(self.unit_errors[wrong[0]], row=product_row.row))

    def check_products_of_modifiers(self) -> None:
        """Add an error for a product that goods by weight could not take from stock any more."""
        fields = {}
        for pk, (_, row) in self.unit_changes.items():
            name = "sold_by" if "sold_by" in row.values else min(UNIT_FIELDS & row.values.keys())
            fields[pk] = self.catalog.columns.get_heading(name)
        products = {pk: product for pk, (product, _) in self.unit_changes.items()}
        for pk, error in find_unit_errors(products, self.changed_lists, fields):
            self.errors.add(replace(error, row=self.unit_changes[pk][1].row))

    def set_deposit(self, product: Product, product_row: ProductRow) -> bool:
        """Note the deposit for `write_deposits`; return whether it differs from the stored one."""
        deposit = product.deposit_id
        if product_row.deposit is not None:
            deposit = self.deposits.get(product_row.deposit)
        if deposit and product.sold_by != Product.SoldBy.UNIT:
            detail = "Only products that are sold by the unit can have a deposit."
            error = FieldError("deposit", "not_by_unit", detail, row=product_row.row)
            self.errors.add(error)
        if wrong := product.find_returnable_error(has_deposit=deposit is not None):
            self.errors.add(replace(wrong, row=product_row.row))
        if deposit == product.deposit_id:
            return False
        self.new_deposits[deposit].append(product.pk)
        return True

    def build_values(self, product_row: ProductRow) -> dict[str, Any]:
        """Return the values of the row, with the category as an id."""
        values = dict(product_row.values)
        if product_row.category is not None:
            category = self.categories.get(product_row.category)
            values["category_id"] = category.pk if category else None
        return values


def get_stored_value(product: Product, name: str) -> Any:
    """Return the value as the API shows it; an old price may have other decimals."""
    if name in AMOUNTS and getattr(product, name) is not None:
        return current_tenant().quantize_amount(getattr(product, name))
    return getattr(product, name)


def load_barcodes(
    products: Collection[Product], keys: BarcodeKeys
) -> dict[UUID, dict[str, StoredBarcode]]:
    """Return, per product id, its barcodes."""
    found: dict[UUID, dict[str, StoredBarcode]] = {product.pk: {} for product in products}
    rows = Barcode.objects.filter(product__in=list(found))
    for product, code, key, pk in rows.values_list("product_id", "code", "key", "pk"):
        found[product][code] = StoredBarcode(pk, has_key=key == keys.build(code))
    return found


def delete_barcodes(ids: list[UUID]) -> None:
    for chunk in batched(ids):
        Barcode.objects.filter(pk__in=chunk).delete()

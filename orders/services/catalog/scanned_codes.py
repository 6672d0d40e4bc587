"""Find the products of scanned codes: barcodes, labels of scales, and spellings of GTINs."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from orders.codes import Label, build_key, may_be_label
from orders.models import Barcode, BarcodeRule, Product
from orders.models.barcode_rule import read_by_rules
from orders.models.catalog import normalize_code
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.database.postgres.pipeline import Call, Result
from tenants.scope import current_tenant_id

# No sale needs them, and a time is as slow to read as ten other columns.
UNUSED_COLUMNS = ("created_at", "updated_at")


def load_what_is_sold(rows: Any, *, by: str = "") -> Any:
    """Load the products `by` these rows, or the rows themselves, with their tax classes."""
    models = (by, f"{by}tax_class__")
    unused = [f"{model}{name}" for model in models for name in UNUSED_COLUMNS]
    return rows.select_related(f"{by}tax_class").defer(f"{by}search_text", *unused)


BARCODES_BY_KEY = CompiledQuery(
    lambda tenant, keys: load_what_is_sold(
        Barcode.objects.filter(tenant=tenant, key__in=keys), by="product__"
    )
)
PRODUCTS_BY_PLU = CompiledQuery(
    lambda tenant, plus: load_what_is_sold(Product.objects.filter(tenant=tenant, plu__in=plus))
)
ACTIVE_RULES = CompiledQuery(
    lambda tenant: BarcodeRule.objects.filter(tenant=tenant, is_active=True)
)


class ScannedCodes:
    """Barcodes and labels among some codes.

    A barcode with exactly the same code wins over a rule. Codes that match an active rule are no
    GTIN: their other spellings mean nothing.
    """

    def __init__(
        self,
        barcodes: Iterable[Barcode] = (),
        rules: Sequence[BarcodeRule] = (),
        products: Iterable[Product] = (),
    ) -> None:
        self.barcodes = {barcode.key: barcode for barcode in barcodes}
        self.rules = rules
        self.by_plu = {product.plu: product for product in products}

    @classmethod
    def load(cls, codes: Collection[str]) -> Self:
        """Load what the normalized codes need, with at most three queries."""
        if not codes:
            return cls()
        tenant = current_tenant_id()
        barcodes = BARCODES_BY_KEY.all(tenant=tenant, keys={build_key(code) for code in codes})
        # What is both scanned and stored is found without rules.
        others = set(codes) ^ {barcode.code for barcode in barcodes}
        rules = ACTIVE_RULES.all(tenant=tenant) if any(map(may_be_label, others)) else []
        labels = [label for code in others if (label := read_by_rules(rules, code))]
        plus = {label.plu for label in labels}
        products = PRODUCTS_BY_PLU.all(tenant=tenant, plus=plus) if plus else []
        return cls(barcodes, rules, products)

    @classmethod
    def prepare(cls, codes: Collection[str]) -> "PreparedCodes":
        """Return the queries for barcodes as parts of a message. Labels are not found by it."""
        if not codes:
            return PreparedCodes()
        tenant = current_tenant_id()
        keys = {build_key(code) for code in codes}
        # A number may be a label, or find a barcode that is one.
        numbers = any(code.isascii() and code.isdigit() for code in codes)
        return PreparedCodes(
            BARCODES_BY_KEY.prepare(tenant=tenant, keys=keys),
            ACTIVE_RULES.prepare(tenant=tenant) if numbers else None,
        )

    def find(self, code: str) -> Product | None:
        code = normalize_code(code)
        barcode = self.barcodes.get(build_key(code))
        if barcode is not None and barcode.code == code:
            return barcode.product
        if label := read_by_rules(self.rules, code):
            return self.by_plu.get(label.plu)
        if barcode is None or read_by_rules(self.rules, barcode.code):
            return None
        return barcode.product

    def find_label(self, code: str) -> Label | None:
        """Return what the code says as a label, or None if it is a barcode."""
        code = normalize_code(code)
        barcode = self.barcodes.get(build_key(code))
        if not self.rules or (barcode is not None and barcode.code == code):
            return None
        return read_by_rules(self.rules, code)


@dataclass(frozen=True, slots=True)
class PreparedCodes:
    """The queries of `ScannedCodes`, to be sent in a message."""

    barcodes: PreparedQuery[Barcode] | None = None
    rules: PreparedQuery[BarcodeRule] | None = None

    @property
    def calls(self) -> list[Call]:
        return [each.call for each in (self.barcodes, self.rules) if each]

    def read(self, results: Iterator[Result]) -> ScannedCodes:
        """Return the barcodes of the results, which come in the order of the calls."""
        return ScannedCodes(
            self.barcodes.build_instances(next(results)) if self.barcodes else (),
            self.rules.build_instances(next(results)) if self.rules else (),
        )


def find_scanned_product(code: str) -> uuid.UUID | None:
    """Return the id of the product that a scan of this code finds."""
    normalized = normalize_code(code)
    product = ScannedCodes.load([normalized]).find(normalized) if normalized else None
    return product.pk if product else None

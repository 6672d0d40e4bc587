"""Find the products of scanned codes: barcodes in any spelling, labels of scales, GS1 codes."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from django.utils import timezone

from orders.codes import (
    UNTRACED,
    GS1Code,
    Label,
    LabelKind,
    Traceability,
    build_key,
    may_be_label,
    read_gs1,
    remove_symbology,
)
from orders.models import Barcode, BarcodeRule, Product
from orders.models.barcode_rule import read_by_rules
from orders.models.catalog import normalize_code
from orders.money import round_to
from tenants.currencies import get_currency_number
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.database.postgres.pipeline import Call, Result
from tenants.scope import current_tenant, current_tenant_id

# Not selected: sales do not use them, and decoding a timestamp is slow.
UNUSED_COLUMNS = ("created_at", "updated_at")
UNUSED_OF_PRODUCTS = (
    *("search_text", "parent", "options", "options_key"),
    *("cost", "content", "content_unit"),
)


def load_what_is_sold(rows: Any, *, by: str = "") -> Any:
    """Load the products `by` these rows, or the rows themselves, with their tax classes."""
    models = (by, f"{by}tax_class__")
    unused = [f"{model}{name}" for model in models for name in UNUSED_COLUMNS]
    unused += [f"{by}{name}" for name in UNUSED_OF_PRODUCTS]
    return rows.select_related(f"{by}tax_class").defer(*unused)


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


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanned code says of its product: None where it says nothing."""

    quantity: Decimal | None = None
    fixed_gross: Decimal | None = None
    traceability: Traceability = UNTRACED
    # The number of a currency other than the shop's.
    other_currency: str = ""
    # A price of a product by unit. GS1 has prices only for goods whose measure varies: anybody can
    # print such a code, and no rule of the shop allows it.
    is_price_of_unit: bool = False


class ScannedCodes:
    """Barcodes, labels and GS1 codes among some codes.

    A barcode with exactly the same code wins over a rule. Codes that match an active rule are no
    GTIN: their other spellings mean nothing, and may be barcodes of other products.
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
        """Load what the codes need, with at most three queries."""
        if not codes:
            return cls()
        tenant = current_tenant_id()
        texts = {text for code in codes for text in list_texts(code)} | {
            code.gtin for code in map(read_gs1_code, codes) if code
        }
        barcodes = BARCODES_BY_KEY.all(tenant=tenant, keys=list_keys(texts))
        # What is both scanned and stored is found without rules.
        others = texts ^ {barcode.code for barcode in barcodes}
        rules = ACTIVE_RULES.all(tenant=tenant) if any(map(may_be_label, others)) else []
        labels = [label for code in others if (label := read_by_rules(rules, code))]
        plus = {label.plu for label in labels}
        products = PRODUCTS_BY_PLU.all(tenant=tenant, plus=plus) if plus else []
        return cls(barcodes, rules, products)

    @classmethod
    def prepare(cls, codes: Collection[str]) -> "PreparedCodes":
        """Return the queries for barcodes as parts of a message.

        Labels and GS1 codes are not found by it.
        """
        if not codes:
            return PreparedCodes()
        tenant = current_tenant_id()
        texts = {text for code in codes for text in list_texts(code)}
        # A number may be a label, or find a barcode that is one.
        numbers = any(text.isascii() and text.isdigit() for text in texts)
        return PreparedCodes(
            BARCODES_BY_KEY.prepare(tenant=tenant, keys=list_keys(texts)),
            ACTIVE_RULES.prepare(tenant=tenant) if numbers else None,
        )

    def find(self, code: str) -> Product | None:
        for text in list_texts(code):
            if product := self._find_by_text(text):
                return product
        read = read_gs1_code(code)
        return self._find_by_text(read.gtin) if read else None

    def _find_by_text(self, text: str) -> Product | None:
        if exact := self._find_exact(text):
            return exact.product
        if label := read_by_rules(self.rules, text):
            return self.by_plu.get(label.plu)
        barcode = self.barcodes.get(build_key(text))
        if barcode is None or read_by_rules(self.rules, barcode.code):
            return None
        return barcode.product

    def _find_exact(self, text: str) -> Barcode | None:
        """Return the barcode that is exactly the text, by its GTIN or by the key of a label."""
        for key in (build_key(text), text) if may_be_label(text) else (build_key(text),):
            barcode = self.barcodes.get(key)
            if barcode is not None and barcode.code == text:
                return barcode
        return None

    def read(self, code: str, product: Product) -> Scan | None:
        """Return what the code says besides its product; None if it finds another product."""
        if self.find(code) != product:
            return None
        for text in list_texts(code):
            if self._find_exact(text):
                return None
            if label := read_by_rules(self.rules, text):
                return _build_label_scan(label)
        read = read_gs1_code(code)
        return _build_gs1_scan(read, product) if read else None


def list_texts(code: str) -> list[str]:
    """Return what may be stored of a scanned code: with and without its symbology identifier."""
    text = normalize_code(code)
    bare = remove_symbology(text)
    return [text] if bare == text else [text, bare]


def list_keys(texts: Iterable[str]) -> set[str]:
    """Return the keys that barcodes of these texts may have, as GTINs and as labels."""
    return {key for text in texts for key in (build_key(text), *([text] * may_be_label(text)))}


def read_gs1_code(code: str) -> GS1Code | None:
    return read_gs1(code, timezone.now().date())


def _build_label_scan(label: Label) -> Scan:
    if label.kind is LabelKind.WEIGHT:
        return Scan(quantity=label.value)
    return Scan(fixed_gross=_round_price(label.value))


def _build_gs1_scan(read: GS1Code, product: Product) -> Scan:
    """Return a net weight as the quantity of a product by weight, and a price as its gross."""
    quantity, is_by_weight = None, product.sold_by == Product.SoldBy.WEIGHT
    if read.weight is not None and is_by_weight:
        quantity = product.convert_weight(read.weight, read.weight_unit)
    own = get_currency_number(current_tenant().currency)
    return Scan(
        quantity,
        None if read.price is None else _round_price(read.price),
        read.traceability,
        "" if read.currency in ("", own) else read.currency,
        is_price_of_unit=read.price is not None and not is_by_weight,
    )


def _round_price(amount: Decimal) -> Decimal:
    return round_to(amount, current_tenant().currency_exponent)


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
    product = ScannedCodes.load([code]).find(code) if code.strip() else None
    return product.pk if product else None

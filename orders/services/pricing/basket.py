"""Find the products of a request and price them: for price previews and for sales."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, Self

from orders.exceptions import AmountTooLarge
from orders.models import Barcode, Product
from orders.models.catalog import build_barcode_key, normalize_code
from orders.models.columns import MAX_AMOUNT
from orders.money import (
    CashRoundingRule,
    Discount,
    LineInput,
    PricedOrder,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    price_order,
)
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.database.postgres.pipeline import Call, Result
from tenants.exceptions import FieldError, Invalid
from tenants.models import Tenant
from tenants.scope import current_tenant_id

MAX_LINES = 500
# Of an order, and of each of its lines.
MAX_DISCOUNTS = 10
# Source: Belgian Code of Economic Law, book VI: amounts up to five cents are not rounded.
BELGIAN_UNROUNDED_AMOUNT = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class DiscountRequest:
    """A discount and its reason."""

    discount: Discount
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LineRequest:
    """A quantity of a product, which is given by exactly one of id, SKU and barcode."""

    quantity: Decimal
    product: uuid.UUID | None = None
    sku: str | None = None
    barcode: str | None = None
    unit_price: Decimal | None = None
    note: str = ""
    discounts: tuple[DiscountRequest, ...] = ()
    id: uuid.UUID | None = None


class ProductReference(Protocol):
    """Anything that refers to a product by id, SKU or barcode."""

    @property
    def product(self) -> uuid.UUID | None: ...
    @property
    def sku(self) -> str | None: ...
    @property
    def barcode(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Basket:
    """Requested lines with their products and prices, in the same order."""

    requests: Sequence[LineRequest]
    products: Sequence[Product]
    inputs: Sequence[LineInput]
    discounts: Sequence[Discount]
    priced: PricedOrder


def build_pricing_policy(tenant: Tenant) -> PricingPolicy:
    return PricingPolicy(
        exponent=tenant.currency_exponent,
        level=RoundingLevel(tenant.tax_rounding_level),
        mode=RoundingMode(tenant.tax_rounding_mode),
    )


def build_cash_rule(tenant: Tenant) -> CashRoundingRule:
    """Return how the tenant rounds cash; in Belgium amounts up to 0.05 are not rounded."""
    is_belgian = (tenant.country, tenant.currency) == ("BE", "EUR")
    return CashRoundingRule(
        exponent=tenant.currency_exponent,
        increment=tenant.cash_rounding_increment,
        mode=RoundingMode(tenant.cash_rounding_mode),
        exact_up_to=BELGIAN_UNROUNDED_AMOUNT if is_belgian else Decimal(0),
    )


def price_basket(
    tenant: Tenant,
    requests: Sequence[LineRequest],
    discounts: Sequence[DiscountRequest],
    catalog: "ProductLookup | None" = None,
) -> Basket:
    """Find the products, which are loaded unless the `catalog` is given, and compute every amount.

    Raises `Invalid` for products that are unknown or not on sale, and `AmountTooLarge`.
    """
    products = find_products(requests, catalog=catalog)
    inputs = [
        LineInput(
            quantity=line.quantity,
            unit_price=product.price if line.unit_price is None else line.unit_price,
            taxes=product.tax_rates,
            discounts=tuple(given.discount for given in line.discounts),
        )
        for line, product in zip(requests, products, strict=True)
    ]
    off = [given.discount for given in discounts]
    priced = price_within_limits(inputs, off, build_pricing_policy(tenant))
    return Basket(requests, products, inputs, off, priced)


def price_within_limits(
    lines: Sequence[LineInput], discounts: Sequence[Discount], policy: PricingPolicy
) -> PricedOrder:
    """Compute every amount. Raises `AmountTooLarge` for what the columns cannot hold."""
    if any(line.quantity * line.unit_price >= MAX_AMOUNT for line in lines):
        raise AmountTooLarge
    priced = price_order(lines, discounts, policy)
    if max(priced.subtotal, priced.total) >= MAX_AMOUNT:
        raise AmountTooLarge
    return priced


def find_products(
    requests: Sequence[LineRequest],
    field: str = "lines[{}].",
    catalog: "ProductLookup | None" = None,
) -> list[Product]:
    """Return the product of each line, with one query each for ids, SKUs and barcodes.

    `field` is the path of a line in the request, for error messages.
    """
    catalog = catalog or ProductLookup.load(requests)
    found = [catalog.find(line) for line in requests]
    errors = tuple(
        error
        for position, (line, product) in enumerate(zip(requests, found, strict=True))
        for error in _find_errors(field.format(position), line, product)
    )
    if errors:
        raise Invalid(errors=errors)
    return [product for product in found if product is not None]


# No sale needs them, and a time is as slow to read as ten other columns.
UNUSED_COLUMNS = ("created_at", "updated_at")


def load_what_is_sold(rows: Any, *, by: str = "") -> Any:
    """Load the products `by` these rows, or the rows themselves, with their tax classes."""
    models = (by, f"{by}tax_class__")
    unused = [f"{model}{name}" for model in models for name in UNUSED_COLUMNS]
    return rows.select_related(f"{by}tax_class").defer(f"{by}search_text", *unused)


PRODUCTS_BY_ID = CompiledQuery(
    lambda tenant, ids: load_what_is_sold(Product.objects.filter(tenant=tenant, pk__in=ids))
)
PRODUCTS_BY_SKU = CompiledQuery(
    lambda tenant, skus: load_what_is_sold(Product.objects.filter(tenant=tenant, sku__in=skus))
)
BARCODES_BY_KEY = CompiledQuery(
    lambda tenant, keys: load_what_is_sold(
        Barcode.objects.filter(tenant=tenant, key__in=keys), by="product__"
    )
)


class ProductNames:
    """The ids, SKUs and barcode keys by which some lines name their products."""

    def __init__(self, requests: Sequence[ProductReference]) -> None:
        self.ids = {line.product for line in requests if line.product}
        self.skus = {normalize_code(line.sku) for line in requests if line.sku}
        self.barcodes = {build_barcode_key(line.barcode) for line in requests if line.barcode}


class ProductLookup:
    """Products of some lines, found by id, SKU or barcode."""

    def __init__(self, products: Iterable[Product], scanned: Mapping[str, Product]) -> None:
        self.by_id: dict[uuid.UUID, Product] = {}
        self.by_sku: dict[str, Product] = {}
        self.by_barcode = scanned
        for product in products:
            self.by_id[product.pk] = self.by_sku[product.sku] = product

    @classmethod
    def load(cls, requests: Sequence[ProductReference]) -> Self:
        """Load the products with at most three queries."""
        names = ProductNames(requests)
        tenant = current_tenant_id()
        products, scanned = [], {}
        if names.ids:
            products += PRODUCTS_BY_ID.all(tenant=tenant, ids=names.ids)
        if names.skus:
            products += PRODUCTS_BY_SKU.all(tenant=tenant, skus=names.skus)
        if names.barcodes:
            barcodes = BARCODES_BY_KEY.all(tenant=tenant, keys=names.barcodes)
            scanned = {barcode.key: barcode.product for barcode in barcodes}
        return cls(products, scanned)

    @classmethod
    def prepare(cls, requests: Sequence[ProductReference]) -> "PreparedProducts":
        """Return the queries of `load` as parts of a message."""
        names = ProductNames(requests)
        tenant = current_tenant_id()
        return PreparedProducts(
            PRODUCTS_BY_ID.prepare(tenant=tenant, ids=names.ids) if names.ids else None,
            PRODUCTS_BY_SKU.prepare(tenant=tenant, skus=names.skus) if names.skus else None,
            BARCODES_BY_KEY.prepare(tenant=tenant, keys=names.barcodes) if names.barcodes else None,
        )

    def find_by_any_name(self, line: ProductReference) -> Product | None:
        """Return the product found by id, else by SKU, else by barcode."""
        found = self.by_id.get(line.product) if line.product else None
        found = found or self.by_sku.get(normalize_code(line.sku or ""))
        return found or self.by_barcode.get(build_barcode_key(line.barcode or ""))

    def find(self, line: LineRequest) -> Product | None:
        if line.product:
            return self.by_id.get(line.product)
        if line.sku:
            return self.by_sku.get(normalize_code(line.sku))
        return self.by_barcode.get(build_barcode_key(line.barcode or ""))


@dataclass(frozen=True, slots=True)
class PreparedProducts:
    """The queries of a `ProductLookup`, to be sent in a message."""

    by_id: PreparedQuery[Product] | None
    by_sku: PreparedQuery[Product] | None
    by_barcode: PreparedQuery[Barcode] | None

    @property
    def calls(self) -> list[Call]:
        return [each.call for each in (self.by_id, self.by_sku, self.by_barcode) if each]

    def read(self, results: Iterator[Result]) -> ProductLookup:
        """Return the products of the results, which come in the order of the calls."""
        products: list[Product] = []
        for query in (self.by_id, self.by_sku):
            if query:
                products += query.build_instances(next(results))
        barcodes = self.by_barcode.build_instances(next(results)) if self.by_barcode else ()
        return ProductLookup(products, {barcode.key: barcode.product for barcode in barcodes})


def _find_errors(path: str, line: LineRequest, product: Product | None) -> Iterable[FieldError]:
    if product is None:
        named = "product" if line.product else "sku" if line.sku else "barcode"
        yield FieldError(f"{path}{named}", "does_not_exist", "Unknown product.")
        return
    if not product.is_active:
        yield FieldError(
            path.rstrip(".") or "product", "not_on_sale", f"{product.name} is not on sale."
        )
    if error := product.find_quantity_error(line.quantity, f"{path}quantity"):
        yield error
    if product.open_price and line.unit_price is None:
        yield FieldError(
            f"{path}unit_price", "required", f"{product.name} has no fixed price: enter one."
        )

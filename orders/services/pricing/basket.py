"""Find the products of a request and price them: for price previews and for sales."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol, Self

from orders.codes import UNTRACED, Traceability
from orders.exceptions import AmountTooLarge
from orders.models import Product
from orders.models.catalog import normalize_code
from orders.models.columns import MAX_AMOUNT
from orders.models.line import RETURNED_AT_ITS_PRICE
from orders.money import (
    CashRoundingRule,
    Discount,
    LineInput,
    PricedOrder,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    compute_labeled_quantity,
    price_order,
)
from orders.services.catalog.scanned_codes import (
    PreparedCodes,
    Scan,
    ScannedCodes,
    load_what_is_sold,
)
from orders.services.pricing.applicable_prices import BASE_PRICES, ApplicablePrices, PriceContext
from orders.services.pricing.modifiers import (
    FIXED_BY_LABEL,
    NO_CHOICE,
    Choice,
    ModifierLookup,
    ModifierRequest,
    parse_modifiers,
)
from tenants.database.compiled_queries import CompiledQuery, PreparedQuery
from tenants.database.postgres.pipeline import Call, Result
from tenants.exceptions import FieldError, Invalid
from tenants.models import Tenant
from tenants.scope import current_tenant_id

MAX_LINES = 500
# The quantity of a request that leaves it to the scanned code.
FROM_CODE = Decimal(0)
MAX_QUANTITY = Decimal("999999.999")
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
    """A quantity of a product, which is given by exactly one of id, SKU and barcode.

    `resolve_lines` sets `fixed_gross`, the price on a label, and `traceability` from the code, and
    the `choice` of modifiers.
    """

    quantity: Decimal = FROM_CODE
    product: uuid.UUID | None = None
    sku: str | None = None
    barcode: str | None = None
    unit_price: Decimal | None = None
    note: str = ""
    discounts: tuple[DiscountRequest, ...] = ()
    id: uuid.UUID | None = None
    fixed_gross: Decimal | None = None
    traceability: Traceability = UNTRACED
    modifiers: tuple[ModifierRequest, ...] = ()
    # Set by `resolve_lines` from the modifiers and the lists of the product.
    choice: Choice = NO_CHOICE


class ProductReference(Protocol):
    """Anything that refers to a product by id, SKU or barcode."""

    @property
    def product(self) -> uuid.UUID | None: ...
    @property
    def sku(self) -> str | None: ...
    @property
    def barcode(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A requested line with its product, or the deposit of the line before it."""

    request: LineRequest
    product: Product
    taxes: tuple[TaxRate, ...]
    # That applies to its quantity.
    list_price: Decimal
    is_deposit: bool = False


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines with their deposits and prices, in the same order."""

    lines: Sequence[BasketLine]
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
    catalog = catalog or ProductLookup.load(requests)
    lines = build_basket_lines(*resolve_lines(requests, catalog=catalog), catalog.prices)
    inputs = [_build_input(line) for line in lines]
    off = [given.discount for given in discounts]
    priced = price_within_limits(inputs, off, build_pricing_policy(tenant))
    return Basket(lines, inputs, off, priced)


def build_basket_lines(
    requests: Sequence[LineRequest], products: Sequence[Product], prices: ApplicablePrices
) -> list[BasketLine]:
    """Return the lines, each followed by the deposit of its product."""
    lines = []
    for request, product in zip(requests, products, strict=True):
        price = prices.find_for_line(product, request.quantity, request.fixed_gross)
        lines.append(BasketLine(request, product, product.tax_rates, price))
        if product.deposit:
            deposit = LineRequest(request.quantity, product.deposit.pk)
            price = prices.find(product.deposit, request.quantity)
            taxes = product.deposit_tax_rates
            lines.append(BasketLine(deposit, product.deposit, taxes, price, is_deposit=True))
    return lines


def _build_input(line: BasketLine) -> LineInput:
    request = line.request
    return LineInput(
        quantity=request.quantity,
        unit_price=line.list_price if request.unit_price is None else request.unit_price,
        taxes=line.taxes,
        discounts=tuple([given.discount for given in request.discounts]),
        fixed_gross=request.fixed_gross,
        is_deposit=line.is_deposit,
        modifiers=parse_modifiers(request.choice.modifiers),
    )


def price_within_limits(
    lines: Sequence[LineInput], discounts: Sequence[Discount], policy: PricingPolicy
) -> PricedOrder:
    """Compute every amount. Raises `AmountTooLarge` for what the columns cannot hold."""
    if any(abs(line.quantity) * line.modified_price >= MAX_AMOUNT for line in lines):
        raise AmountTooLarge
    priced = price_order(lines, discounts, policy)
    # Without signs: returned goods must not hide what sums of lines of one sign amount to.
    gross = sum(abs(line.gross) for line in priced.lines)
    total = sum(abs(line.total) for line in priced.lines)
    if max(gross, total) >= MAX_AMOUNT:
        raise AmountTooLarge
    return priced


def resolve_lines(
    requests: Sequence[LineRequest],
    field: str = "lines[{}].",
    catalog: "ProductLookup | None" = None,
) -> tuple[list[LineRequest], list[Product]]:
    """Return the lines with what their scanned codes say, and the product of each.

    `field` is the path of a line in the request, for error messages.
    """
    catalog = catalog or ProductLookup.load(requests)
    lines: list[LineRequest] = []
    found = [catalog.find(line) for line in requests]
    errors: list[FieldError] = []
    for position, (line, product) in enumerate(zip(requests, found, strict=True)):
        path = field.format(position)
        scan = catalog.read_scan(line, product)
        if scan and product:
            errors += _find_scan_errors(path, line, scan, product, catalog.prices)
            line = apply_scan(line, scan, product, catalog.prices)  # noqa: PLW2901
        lines.append(line)
        if product and line.quantity == FROM_CODE and not (scan and scan.quantity is not None):
            errors.append(FieldError(f"{path}quantity", "required", "Enter a quantity."))
        errors += _find_errors(path, lines[-1], product)
        if product:
            errors += _find_modifier_errors(path, lines[-1], product, catalog.modifiers)
            lines[-1] = _choose_modifiers(lines[-1], product, catalog.modifiers)
    if errors:
        raise Invalid(errors=tuple(errors))
    return lines, [product for product in found if product is not None]


def _choose_modifiers(
    line: LineRequest, product: Product, modifiers: ModifierLookup
) -> LineRequest:
    if not product.modifier_list_ids:
        return line
    return replace(line, choice=modifiers.choose(product, line.modifiers))


def apply_scan(
    line: LineRequest, scan: Scan, product: Product, prices: ApplicablePrices
) -> LineRequest:
    """Return the line with quantity, price, batch and dates of the scanned code."""
    quantity = scan.quantity
    if quantity is None and scan.fixed_gross is not None:
        price = prices.find_for_line(product, line.quantity, scan.fixed_gross)
        is_by_unit = product.sold_by == Product.SoldBy.UNIT
        quantity = Decimal(1) if is_by_unit else compute_labeled_quantity(scan.fixed_gross, price)
    return replace(
        line,
        quantity=line.quantity if quantity is None else quantity,
        fixed_gross=scan.fixed_gross,
        traceability=scan.traceability,
    )


def _find_scan_errors(
    path: str, line: LineRequest, scan: Scan, product: Product, prices: ApplicablePrices
) -> Iterable[FieldError]:
    """Yield an error for a quantity or price other than the code's, and for a useless code."""
    given, quantity = line.quantity, apply_scan(line, scan, product, prices).quantity
    if given not in {FROM_CODE, Decimal(1), quantity}:
        detail = "The scanned code contains the quantity. Leave it out."
        yield FieldError(f"{path}quantity", "fixed_by_label", detail)
    if scan.fixed_gross is not None and line.unit_price is not None:
        detail = "The scanned code contains the price. Leave it out."
        yield FieldError(f"{path}unit_price", "fixed_by_label", detail)
    yield from _find_label_errors(f"{path}barcode", scan, quantity, product)


def _find_label_errors(
    field: str, scan: Scan, quantity: Decimal, product: Product
) -> Iterable[FieldError]:
    """Yield an error for a code with which nothing can be sold."""
    if scan.quantity is not None and not scan.quantity:
        yield FieldError(field, "no_weight", "The weight on the label is zero.")
    if scan.fixed_gross is not None and not scan.fixed_gross:
        yield FieldError(field, "no_price", "The price on the label is zero.")
    elif scan.is_price_of_unit:
        detail = f"The code contains a price, but {product.name} is sold by unit."
        yield FieldError(field, "price_not_allowed", detail)
    if quantity > MAX_QUANTITY:
        detail = f"The scanned code makes a quantity of more than {MAX_QUANTITY}."
        yield FieldError(field, "max_value", detail)
    if scan.other_currency:
        detail = f"The price is in the currency {scan.other_currency} of ISO 4217, not the shop's."
        yield FieldError(field, "other_currency", detail)


PRODUCTS_BY_ID = CompiledQuery(
    lambda tenant, ids: load_what_is_sold(Product.objects.filter(tenant=tenant, pk__in=ids))
)
PRODUCTS_BY_SKU = CompiledQuery(
    lambda tenant, skus: load_what_is_sold(Product.objects.filter(tenant=tenant, sku__in=skus))
)


class ProductNames:
    """The ids, SKUs and barcodes by which some lines name their products."""

    def __init__(self, requests: Sequence[ProductReference]) -> None:
        self.ids = {line.product for line in requests if line.product}
        self.skus = {normalize_code(line.sku) for line in requests if line.sku}
        self.barcodes = {line.barcode for line in requests if line.barcode}


class ProductLookup:
    """Products of some lines, found by id, SKU or barcode, with the prices that apply to them."""

    prices: ApplicablePrices = BASE_PRICES

    def __init__(self, products: Iterable[Product], scanned: ScannedCodes) -> None:
        self.by_id: dict[uuid.UUID, Product] = {}
        self.by_sku: dict[str, Product] = {}
        self.scanned = scanned
        self.modifiers = ModifierLookup()
        for product in products:
            self.by_id[product.pk] = self.by_sku[product.sku] = product

    @classmethod
    def load(
        cls, requests: Sequence[ProductReference], context: PriceContext | None = None
    ) -> Self:
        """Load the products with one query each for ids, SKUs and barcodes; more for labels.

        With a `context`, the prices of its price lists are loaded too.
        """
        names = ProductNames(requests)
        tenant = current_tenant_id()
        products: list[Product] = []
        if names.ids:
            products += PRODUCTS_BY_ID.all(tenant=tenant, ids=names.ids)
        if names.skus:
            products += PRODUCTS_BY_SKU.all(tenant=tenant, skus=names.skus)
        catalog = cls(products, ScannedCodes.load(names.barcodes))
        if deposits := catalog.list_deposit_ids():
            catalog.set_deposits(PRODUCTS_BY_ID.all(tenant=tenant, ids=deposits))
        if context is not None:
            catalog.prices = ApplicablePrices.load(catalog.list_priced_ids(), context)
        catalog.modifiers = ModifierLookup.load(catalog.list_products())
        return catalog

    @classmethod
    def prepare(cls, requests: Sequence[ProductReference]) -> "PreparedProducts":
        """Return the queries of `load` as parts of a message. Labels are not found by it."""
        names = ProductNames(requests)
        tenant = current_tenant_id()
        return PreparedProducts(
            PRODUCTS_BY_ID.prepare(tenant=tenant, ids=names.ids) if names.ids else None,
            PRODUCTS_BY_SKU.prepare(tenant=tenant, skus=names.skus) if names.skus else None,
            ScannedCodes.prepare(names.barcodes),
        )

    def list_products(self) -> list[Product]:
        found = (self.by_id, self.by_sku, self.scanned.by_plu)
        return [
            *(product for products in found for product in products.values()),
            *(barcode.product for barcode in self.scanned.barcodes.values()),
        ]

    def list_deposit_ids(self) -> set[uuid.UUID]:
        return {each.deposit_id for each in self.list_products() if each.deposit_id}

    def list_priced_ids(self) -> set[uuid.UUID]:
        """Return the ids of the products and of their deposits."""
        return {each.pk for each in self.list_products()} | self.list_deposit_ids()

    def prepare_deposits(self) -> PreparedQuery[Product] | None:
        """Return the query for the deposits of the products, or None if there are none."""
        ids = self.list_deposit_ids()
        return PRODUCTS_BY_ID.prepare(tenant=current_tenant_id(), ids=ids) if ids else None

    def set_deposits(self, deposits: Iterable[Product]) -> None:
        by_id = {deposit.pk: deposit for deposit in deposits}
        for product in self.list_products():
            if product.deposit_id:
                product.deposit = by_id[product.deposit_id]

    def find_by_any_name(self, line: ProductReference) -> Product | None:
        """Return the product found by id, else by SKU, else by barcode."""
        found = self.by_id.get(line.product) if line.product else None
        found = found or self.by_sku.get(normalize_code(line.sku or ""))
        return found or (self.scanned.find(line.barcode) if line.barcode else None)

    def find(self, line: LineRequest) -> Product | None:
        if line.product:
            return self.by_id.get(line.product)
        if line.sku:
            return self.by_sku.get(normalize_code(line.sku))
        return self.scanned.find(line.barcode or "")

    def read_scan(self, line: ProductReference, product: Product | None) -> Scan | None:
        """Return what the scanned code says, if it is one of this product."""
        return self.scanned.read(line.barcode, product) if line.barcode and product else None


@dataclass(frozen=True, slots=True)
class PreparedProducts:
    """The queries of a `ProductLookup`, to be sent in a message."""

    by_id: PreparedQuery[Product] | None
    by_sku: PreparedQuery[Product] | None
    scanned: PreparedCodes

    @property
    def calls(self) -> list[Call]:
        return [
            *(each.call for each in (self.by_id, self.by_sku) if each),
            *self.scanned.calls,
        ]

    def read(self, results: Iterator[Result]) -> ProductLookup:
        """Return the products of the results, which come in the order of the calls."""
        products: list[Product] = []
        for query in (self.by_id, self.by_sku):
            if query:
                products += query.build_instances(next(results))
        return ProductLookup(products, self.scanned.read(results))


def _find_errors(path: str, line: LineRequest, product: Product | None) -> Iterable[FieldError]:
    if product is None:
        named = "product" if line.product else "sku" if line.sku else "barcode"
        yield FieldError(f"{path}{named}", "does_not_exist", "Unknown product.")
        return
    if not product.is_active:
        yield FieldError(
            path.rstrip(".") or "product", "not_on_sale", f"{product.name} is not on sale."
        )
    elif product.has_variants:
        detail = f"{product.name} is sold by its variants. Choose one of them."
        yield FieldError(path.rstrip(".") or "product", "has_variants", detail)
    yield from _find_quantity_errors(f"{path}quantity", line.quantity, product)
    if product.returnable:
        yield from _find_return_errors(path, line)
    if product.open_price and line.unit_price is None and line.fixed_gross is None:
        yield FieldError(
            f"{path}unit_price", "required", f"{product.name} has no fixed price: enter one."
        )


def _find_quantity_errors(field: str, quantity: Decimal, product: Product) -> Iterable[FieldError]:
    if error := product.find_quantity_error(quantity, field):
        yield error
    if error := product.find_quantity_sign_error(quantity, field):
        yield error


def _find_modifier_errors(
    path: str, line: LineRequest, product: Product, modifiers: ModifierLookup
) -> Iterable[FieldError]:
    if not line.modifiers:
        return
    if line.fixed_gross is not None:
        yield FieldError(f"{path}modifiers", "fixed_by_label", FIXED_BY_LABEL)
    yield from modifiers.find_errors(path, product, line.modifiers, product.sold_by)


def _find_return_errors(path: str, line: LineRequest) -> Iterable[FieldError]:
    """Yield an error for a price or discounts of returned goods."""
    if line.unit_price is not None:
        yield FieldError(f"{path}unit_price", "returned", RETURNED_AT_ITS_PRICE)
    if line.discounts:
        yield FieldError(f"{path}discounts", "returned", RETURNED_AT_ITS_PRICE)
    if line.modifiers:
        yield FieldError(f"{path}modifiers", "returned", RETURNED_AT_ITS_PRICE)
    if line.fixed_gross is not None:
        yield FieldError(f"{path}barcode", "returned", RETURNED_AT_ITS_PRICE)

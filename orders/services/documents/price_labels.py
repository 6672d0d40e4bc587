"""Price labels of products: name, price, unit price, deposit and barcode, for a store."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from orders.codes.barcodes import BarcodeSymbol, encode_barcode
from orders.codes.gtin import GTIN, has_right_check_digit
from orders.models import Price, PriceList, Product
from orders.money import ContentUnit, compute_unit_price
from orders.services.documents.issuer import find_current_profile
from orders.services.documents.labels import ENGLISH, Labels, load_labels, mark
from orders.services.pricing.applicable_prices import ApplicablePrices, PriceContext
from tenants.models import Store
from tenants.scope import current_tenant
from tenants.written_numbers import COMMA, get_country_separator

SYMBOLS = {"EUR": "\N{EURO SIGN}", "GBP": "\N{POUND SIGN}", "USD": "$"}
UNITS = {ContentUnit.SQUARE_METER: "m\N{SUPERSCRIPT TWO}", ContentUnit.PIECE: mark("piece")}
ONE = Decimal(1)
# Fewer ids than a statement may have parameters.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class PriceLabel:
    """What a label says, ready to be printed."""

    name: str
    price: str
    unit_price: str
    deposit: str
    code: str
    symbol: BarcodeSymbol | None


def find_products(ids: Iterable[uuid.UUID]) -> list[Product]:
    """Return the products that have a price label, by name: no parents, no open prices."""
    products: list[Product] = []
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        rows = Product.objects.filter(
            pk__in=wanted[start : start + CHUNK],
            is_active=True,
            has_variants=False,
            open_price=False,
            returnable=False,
        )
        products += rows.select_related("deposit").with_barcodes()
    return sorted(products, key=lambda product: (product.name, product.pk))


def find_changed(store: Store, since: datetime) -> list[uuid.UUID]:
    """Return the products that were changed since a moment, or whose price in the store was.

    Prices also change when their period begins or ends, and when their list is changed: is switched
    on or off, or gets other stores or another priority. The price of a deposit is on the labels of
    the products that have it.
    """
    changed = set(Product.objects.filter(updated_at__gte=since).values_list("pk", flat=True))
    if current_tenant().has_price_lists:
        changed |= find_changed_by_lists(store, since)
    with_deposit = Product.objects.filter(deposit__isnull=False)
    deposits = sorted(changed & set(with_deposit.values_list("deposit", flat=True).distinct()))
    for start in range(0, len(deposits), CHUNK):
        rows = with_deposit.filter(deposit__in=deposits[start : start + CHUNK])
        changed |= set(rows.values_list("pk", flat=True))
    return sorted(changed)


def find_changed_by_lists(store: Store, since: datetime) -> set[uuid.UUID]:
    """Return the products for which a price list of the store says something else since then."""
    now = timezone.now()
    start, end = (at.astimezone(store.clock).replace(tzinfo=None) for at in (since, now))
    prices = Price.objects.filter(
        Q(updated_at__gte=since)
        | Q(is_active=True, valid_from__gte=start, valid_from__lte=end)
        | Q(is_active=True, valid_to__gte=start, valid_to__lte=end)
    )
    rows = prices.values_list("product", "price_list__stores").distinct()
    changed = {product for product, stores in rows if not stores or str(store.pk) in stores}
    # A list that was changed can have had this store before.
    lists = PriceList.objects.filter(updated_at__gte=since, created_at__lt=since)
    in_lists = Price.objects.valid_between(start, end).filter(price_list__in=lists)
    return changed | set(in_lists.values_list("product", flat=True).distinct())


def build_price_labels(products: Sequence[Product], store: Store) -> list[PriceLabel]:
    """Return the labels of products from `find_products`, with the prices of the store now."""
    profile = find_current_profile(store)
    builder = LabelBuilder(load_labels(profile.language) if profile else ENGLISH)
    context = PriceContext.find(store)
    labels = []
    for start in range(0, len(products), CHUNK):
        part = products[start : start + CHUNK]
        # The price list of a store has its own prices of deposits, too.
        ids = {product.pk for product in part}
        ids |= {product.deposit_id for product in part if product.deposit_id}
        prices = ApplicablePrices.load(sorted(ids), context)
        labels += [builder.build(product, prices) for product in part]
    return labels


class LabelBuilder:
    """Builds labels in a language, with amounts as the country of the shop writes them."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        shop = current_tenant()
        self.shop = shop
        self.currency = SYMBOLS.get(shop.currency, shop.currency)
        self.has_comma = get_country_separator(shop.country) == COMMA

    def build(self, product: Product, prices: ApplicablePrices) -> PriceLabel:
        price, code = prices.find(product, ONE), choose_code(product)
        deposit = product.deposit
        return PriceLabel(
            name=product.name,
            price=f"{self.format(price)}{self.describe_weight(product)}",
            unit_price=self.describe_unit_price(product, price),
            deposit=self.labels("plus deposit {amount}").format(
                amount=self.format(prices.find(deposit, ONE))
            )
            if deposit
            else "",
            code=code if code == product.sku else f"{code}  {product.sku}",
            symbol=encode_barcode(code),
        )

    def format(self, amount: Decimal) -> str:
        text = str(self.shop.quantize_amount(amount))
        text = text.replace(".", ",") if self.has_comma else text
        is_after = self.has_comma or len(self.currency) > 1
        return f"{text} {self.currency}" if is_after else f"{self.currency}{text}"

    def describe_weight(self, product: Product) -> str:
        """Return the unit of a price for goods sold by weight, which is a unit price already."""
        return f" / {product.weight_unit}" if product.sold_by == Product.SoldBy.WEIGHT else ""

    def describe_unit_price(self, product: Product, price: Decimal) -> str:
        unit = product.content_unit
        if product.content is None or unit is None or product.sold_by == Product.SoldBy.WEIGHT:
            return ""
        exponent = self.shop.currency_exponent
        amount, priced = compute_unit_price(price, product.content, unit, exponent)
        name = UNITS.get(priced, priced.value)
        return f"1 {self.labels(name)} = {self.format(amount)}"


def choose_code(product: Product) -> str:
    """Return the code for the bars: the first GTIN, else the first barcode, else the SKU."""
    codes = product.barcode_codes
    gtins = (code for code in codes if GTIN.fullmatch(code) and has_right_check_digit(code))
    return next(gtins, codes[0] if codes else product.sku)

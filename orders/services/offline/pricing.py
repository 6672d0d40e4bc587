"""Pricing of an offline sale: charged prices and payments are taken as facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils import timezone

from orders.exceptions import AmountTooLarge
from orders.models import Flag, Payment, Product
from orders.models.columns import MAX_AMOUNT
from orders.models.line import RETURNED_AT_ITS_PRICE
from orders.money import LineInput, PricedOrder, TaxRate, allocate_difference
from orders.services.catalog.scanned_codes import Scan
from orders.services.offline.sale import ChargedLine, ChargedPayment, OfflineSale
from orders.services.offline.timing import find_clock_flags
from orders.services.pricing.applicable_prices import ApplicablePrices, PriceContext
from orders.services.pricing.basket import (
    ProductLookup,
    build_cash_rule,
    build_pricing_policy,
    price_within_limits,
)
from orders.services.pricing.modifiers import (
    Choice,
    ModifierLookup,
    build_charged_snapshot,
    parse_modifiers,
)
from tenants.exceptions import Invalid
from tenants.models import Store
from tenants.scope import current_tenant

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PricedSale:
    """A priced offline sale. `adjustment` is the difference between what was paid and the
    computed total; `shares` allocates it to the lines, so that they add up to `total`."""

    # With the prices on labels.
    lines: Sequence[ChargedLine]
    products: Sequence[Product | None]
    # The prices that applied when it was made.
    list_prices: Sequence[Decimal]
    priced: PricedOrder
    total: Decimal
    cash_rounding: Decimal
    shares: Sequence[Decimal]
    flags: frozenset[Flag]

    @property
    def adjustment(self) -> Decimal:
        return self.total - self.priced.total


def _load_catalog(sale: OfflineSale, store: Store) -> ProductLookup:
    """Load the present catalog, with the prices of lists that applied when the sale was made.

    A wrong clock does not say when that was: then the present prices apply.
    """
    now = timezone.now()
    at = now if any(find_clock_flags(sale.sold_at, now)) else sale.sold_at
    return ProductLookup.load(sale.lines, PriceContext.find(store, at, customer=sale.customer))


def price_sale(sale: OfflineSale, store: Store) -> PricedSale:
    """Price the sale with the charged prices, and flag deviations from the catalog.

    That is the present catalog, with the prices of lists that applied when the sale was made.
    """
    catalog = _load_catalog(sale, store)
    # Active or not; an id takes precedence over a code.
    products = [catalog.find_by_any_name(line) for line in sale.lines]
    lines = [
        _apply_scan(line, catalog.read_scan(line, product))
        for line, product in zip(sale.lines, products, strict=True)
    ]
    lines = [
        _choose_modifiers(line, product, catalog.modifiers)
        for line, product in zip(lines, products, strict=True)
    ]
    _ensure_returns_possible(lines, products)
    list_prices = _find_list_prices(lines, products, catalog.prices)
    rates = _choose_taxes(lines, products)
    inputs = [
        LineInput(
            quantity=line.quantity,
            unit_price=line.unit_price,
            taxes=taxes,
            discounts=tuple(each.discount for each in line.discounts),
            fixed_gross=line.fixed_gross,
            is_deposit=line.deposit_for is not None,
            modifiers=parse_modifiers(line.choice.modifiers),
        )
        for line, taxes in zip(lines, rates, strict=True)
    ]
    order_discounts = [each.discount for each in sale.discounts]
    policy = build_pricing_policy(current_tenant())
    priced = price_within_limits(inputs, order_discounts, policy)
    if abs(sale.paid) >= MAX_AMOUNT:
        raise AmountTooLarge
    total, rounding = _match_total(sale, priced.total)
    _ensure_difference_possible(total - priced.total, lines, priced)
    shares = _allocate_to_sold_lines(total - priced.total, lines, priced)
    charged = (line.total + share for line, share in zip(priced.lines, shares, strict=True))
    if sum(map(abs, charged), ZERO) >= MAX_AMOUNT:
        raise AmountTooLarge
    return PricedSale(
        lines,
        products,
        list_prices,
        priced,
        total,
        rounding,
        shares,
        frozenset(
            [
                *_find_flags(sale, products, list_prices, priced, total),
                *_find_card_flags(sale),
                *_list_modifier_flags(lines, products, catalog.modifiers),
            ]
        ),
    )


def _find_list_prices(
    lines: Sequence[ChargedLine], products: Sequence[Product | None], prices: ApplicablePrices
) -> list[Decimal]:
    """Return the price that applied to each line; of an unknown product it is the charged one."""
    return [
        prices.find_for_line(product, line.quantity, line.fixed_gross)
        if product
        else line.unit_price
        for line, product in zip(lines, products, strict=True)
    ]


def _ensure_returns_possible(
    lines: Sequence[ChargedLine], products: Sequence[Product | None]
) -> None:
    """Raise `Invalid` for returned goods that no customer can return, or with discounts."""
    for position, (line, product) in enumerate(zip(lines, products, strict=True)):
        if line.quantity > 0:
            continue
        if product is None or not product.returnable:
            detail = "Must be greater than zero, because the product is not returnable."
            raise Invalid.field(f"lines[{position}].quantity", detail, code="not_returnable")
        if line.discounts or line.fixed_gross is not None or line.deposit_for or line.modifiers:
            raise Invalid.field(f"lines[{position}]", RETURNED_AT_ITS_PRICE, code="returned")


def _ensure_difference_possible(
    difference: Decimal, lines: Sequence[ChargedLine], priced: PricedOrder
) -> None:
    """Raise `Invalid` if what was paid differs by more than the goods that were sold.

    Only such a sale could pay out more than it took goods back for.
    """
    sold = sum((line.total for line in priced.lines if line.total > 0), ZERO)
    has_returns = any(line.quantity < 0 for line in lines)
    if difference < -sold or (has_returns and difference and not sold):
        detail = "The payments do not match the returned goods."
        raise Invalid.field("payments", detail, code="not_matching")


def _allocate_to_sold_lines(
    difference: Decimal, lines: Sequence[ChargedLine], priced: PricedOrder
) -> list[Decimal]:
    """Return the share of each line in the difference; returned goods take none of it."""
    exponent = current_tenant().currency_exponent
    is_sold = [line.quantity > 0 for line in lines]
    totals = [line.total for line, sold in zip(priced.lines, is_sold, strict=True) if sold]
    shares = iter(allocate_difference(difference, totals, exponent))
    return [next(shares) if sold else ZERO for sold in is_sold]


def _apply_scan(line: ChargedLine, scan: Scan | None) -> ChargedLine:
    """Return the line with price, batch and dates of its code; the quantity is the charged one."""
    if scan is None:
        return line
    gross = None if scan.other_currency else scan.fixed_gross
    return replace(line, fixed_gross=gross, traceability=scan.traceability)


def _choose_modifiers(
    line: ChargedLine, product: Product | None, modifiers: ModifierLookup
) -> ChargedLine:
    """Return the line with snapshots of its modifiers at the charged prices, known or not."""
    known = [modifiers.find(product, each.modifier) if product else None for each in line.modifiers]
    chosen = [
        build_charged_snapshot(each, modifier, line.find_sold_by(product))
        for each, modifier in zip(line.modifiers, known, strict=True)
    ]
    if not _may_have_modifiers(line):
        # No goods were handed out that the register could have sold like this.
        chosen = [each | {"tracks_stock": False} for each in chosen]
    return replace(line, choice=Choice(tuple(chosen))) if chosen else line


def _may_have_modifiers(line: ChargedLine) -> bool:
    """Return whether modifiers of the line are possible: not of a deposit or a price on a label."""
    return line.deposit_for is None and line.fixed_gross is None


def _list_modifier_flags(
    lines: Sequence[ChargedLine], products: Sequence[Product | None], modifiers: ModifierLookup
) -> Iterable[Flag]:
    for line, product in zip(lines, products, strict=True):
        if line.modifiers and not (product and _may_have_modifiers(line)):
            yield Flag.MODIFIERS_DIFFER
        if line.modifiers and line.deposit_for:
            yield Flag.DEPOSIT_DIFFERS
        if product and not line.deposit_for:
            yield from _find_modifier_flags(line, product, modifiers)


def _find_modifier_flags(
    line: ChargedLine, product: Product, modifiers: ModifierLookup
) -> Iterable[Flag]:
    """Flag modifiers that could not be sold like this now, and required lists without a choice."""
    found = [modifiers.find(product, each.modifier) for each in line.modifiers]
    prices = zip(line.modifiers, found, strict=True)
    is_other_price = any(known and known.price != each.price for each, known in prices)
    errors = modifiers.find_errors("", product, line.modifiers, line.find_sold_by(product))
    if is_other_price or next(iter(errors), None):
        yield Flag.MODIFIERS_DIFFER
    if modifiers.choose(product, line.modifiers).missing:
        yield Flag.MODIFIERS_MISSING


def _choose_taxes(
    lines: Sequence[ChargedLine], products: Sequence[Product | None]
) -> list[tuple[TaxRate, ...]]:
    """Return the charged taxes of each line, else those of the catalog."""
    expected = _list_catalog_taxes(lines, products)
    return [
        (line.taxes if line.taxes is not None else taxes) or ()
        for line, taxes in zip(lines, expected, strict=True)
    ]


def _list_catalog_taxes(
    lines: Sequence[ChargedLine], products: Sequence[Product | None]
) -> list[tuple[TaxRate, ...] | None]:
    """Return the taxes of each line by the catalog; None for an unknown product.

    A deposit without a tax class is taxed as the product that it is charged with.
    """
    by_id = {line.id: product for line, product in zip(lines, products, strict=True) if line.id}
    found: list[tuple[TaxRate, ...] | None] = []
    for line, product in zip(lines, products, strict=True):
        taxed = product
        if line.deposit_for and product and not product.tax_class_id:
            taxed = by_id.get(line.deposit_for) or product
        found.append(taxed.tax_rates if taxed else None)
    return found


def _match_total(sale: OfflineSale, computed: Decimal) -> tuple[Decimal, Decimal]:
    """Return total and cash rounding, which together equal the amount paid.

    The total is the till's if it matches the amount paid, else the computed total if that matches,
    else the amount paid.
    """
    if not sale.payments and (computed or sale.total):
        raise Invalid.field("payments", "A sale that is not free needs a payment.", code="not_paid")
    for total in (sale.total, computed):
        if total is None:
            continue
        for rounding in (_compute_cash_rounding(sale, total), ZERO):
            if total + rounding == sale.paid:
                return total, rounding
    return sale.paid, ZERO


def _compute_cash_rounding(sale: OfflineSale, total: Decimal) -> Decimal:
    """Return the cash rounding of the part that was paid in cash."""
    cash_due = _compute_cash_due(sale, total)
    if not _list_cash_payments(sale) or (cash_due < 0 and total >= 0):
        return ZERO
    return build_cash_rule(current_tenant()).rounding(cash_due, total)


def _list_cash_payments(sale: OfflineSale) -> list[ChargedPayment]:
    return [each for each in sale.payments if each.method == Payment.Method.CASH]


def _compute_cash_due(sale: OfflineSale, total: Decimal) -> Decimal:
    elsewhere = (each.amount for each in sale.payments if each.method != Payment.Method.CASH)
    return total - sum(elsewhere, ZERO)


def _is_payable_in_coins(sale: OfflineSale, total: Decimal) -> bool:
    """Return whether coins can pay the cash part; unrounded amounts use smaller coins."""
    rule, cash = build_cash_rule(current_tenant()), _list_cash_payments(sale)
    cash_due = max(_compute_cash_due(sale, total), min(total, ZERO))
    amounts = [abs(each.amount) for each in cash]
    if cash_due < 0:
        return amounts == [abs(rule.payable(cash_due))]
    if not rule.is_in_coins(rule.payable(cash_due, total)):
        return sum(amounts, ZERO) == cash_due
    tendered = [each.tendered for each in cash if each.tendered is not None]
    return all(rule.is_in_coins(amount) for amount in (*amounts, *tendered))


def _find_flags(
    sale: OfflineSale,
    products: Sequence[Product | None],
    list_prices: Sequence[Decimal],
    priced: PricedOrder,
    total: Decimal,
) -> Iterable[Flag]:
    taxes = _list_catalog_taxes(sale.lines, products)
    lines = zip(sale.lines, products, list_prices, taxes, strict=True)
    for line, product, list_price, rates in lines:
        yield from _find_line_flags(line, product, list_price, rates)
    if _list_charged_deposits(sale, products) != _list_catalog_deposits(sale, products):
        yield Flag.DEPOSIT_DIFFERS
    if {total, sale.total} - {priced.total, None}:
        yield Flag.TOTAL_DIFFERS
    if not _is_payable_in_coins(sale, total):
        yield Flag.NOT_PAYABLE_IN_CASH


def _list_charged_deposits(
    sale: OfflineSale, products: Sequence[Product | None]
) -> list[tuple[object, ...]]:
    """Return line, product and quantity of each deposit of a line with a known product."""
    lines = list(zip(sale.lines, products, strict=True))
    known = {line.id for line, product in lines if line.id and product}
    return sorted(
        (
            (line.deposit_for, product.pk if product else None, line.quantity)
            for line, product in lines
            if line.deposit_for in known
        ),
        key=str,
    )


def _list_catalog_deposits(
    sale: OfflineSale, products: Sequence[Product | None]
) -> list[tuple[object, ...]]:
    """Return the deposits that the catalog has for the lines."""
    return sorted(
        (
            (line.id, product.deposit_id, line.quantity)
            for line, product in zip(sale.lines, products, strict=True)
            if product and product.deposit_id and not line.deposit_for
        ),
        key=str,
    )


def _find_card_flags(sale: OfflineSale) -> Iterable[Flag]:
    """Flag card payments that are confirmed neither by the gateway nor by a reader's slip."""
    if any(each.is_card and not each.has_reader_slip for each in sale.payments):
        yield Flag.CARD_UNVERIFIED


def _find_line_flags(
    line: ChargedLine,
    product: Product | None,
    list_price: Decimal,
    taxes: tuple[TaxRate, ...] | None,
) -> Iterable[Flag]:
    if product is None:
        yield Flag.UNKNOWN_PRODUCT
        return
    if not product.is_on_sale and not line.deposit_for:
        yield Flag.NOT_ON_SALE
    if not product.open_price and line.unit_price != list_price:
        yield Flag.PRICE_DIFFERS
    if line.taxes is not None and line.taxes != taxes:
        yield Flag.TAX_DIFFERS

"""Any catalog and any order, before Django and by the view: the same answer and the same rows.

FUZZ_EXAMPLES sets the number of shops.
"""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Approval, Role
from orders.models import Product
from tenants.api.fast_entry import hits
from tenants.models import Tenant
from tests.factories.orders import (
    ProductFactory,
    StockLevelFactory,
    StoreCreditFactory,
    TaxClassFactory,
)
from tests.support.both_ways import Answer
from tests.support.changed_json import CHANGES, write_changed
from tests.support.fast_sales import (
    approved,
    build_shop,
    cash,
    credit,
    ids,
    order,
)
from tests.support.fuzz_settings import build_fuzz_settings
from tests.support.till import amount, line, percent
from tests.support.twin_shops import Shop, TwinShops, normalize_answer

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FUZZ_SETTINGS = build_fuzz_settings(6)
SALES = 8
# Currencies with 0, 2 and 3 decimal places; MRU has only coins of a fifth.
CURRENCIES = {"JPY": 0, "EUR": 2, "MRU": 2, "CHF": 2, "KWD": 3}
CASH_STEPS = [None, None, 1, 2, 5, 10, 20, 50, 100]
# Letters of all scripts and directions, combining marks, and characters beyond 16 bits.
NAMES = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")),
        st.sampled_from('a \u0301\u200f\u202e\u2028\u2029\u05d0\u0627\U0001f34e\U00020000"\\<&'),
    ),
    min_size=1,
    max_size=30,
).filter(str.strip)
PERCENTS = st.decimals("0", "50", places=3).map(str)
RATES = st.lists(
    st.fixed_dictionaries(
        {"percent": PERCENTS, "included": st.booleans(), "compound": st.booleans()}
    ),
    max_size=3,
).map(lambda rates: [{"name": f"Tax {n}", **rate} for n, rate in enumerate(rates)])
DISCOUNTS = st.one_of(
    st.integers(0, 100).map(lambda value: percent(str(value))),
    st.just(amount("1")),
)

RULES = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(sorted(CURRENCIES)),
        "tax_rounding_level": st.sampled_from(Tenant.TaxRoundingLevel.values),
        "tax_rounding_mode": st.sampled_from(Tenant.TaxRoundingMode.values),
        "stock_policy": st.sampled_from(Tenant.StockPolicy.values),
        "cash_rounding_mode": st.sampled_from(Tenant.CashRoundingMode.values),
        "country": st.sampled_from(["", "BE", "DE"]),
    }
)
# A cashier with a PIN at a paired terminal, or a user of any role with a password.
USERS = st.one_of(
    st.just({"role": Role.CASHIER, "paired": True}),
    st.fixed_dictionaries(
        {"role": st.sampled_from([Role.CASHIER, Role.MANAGER, Role.ADMIN]), "paired": st.booleans()}
    ),
).flatmap(
    lambda user: st.sampled_from([{}, {"with_shift": True, "shifts_required": True}]).map(
        lambda shift: user | shift
    )
)
PRODUCTS = st.lists(
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "price": st.integers(0, 99_999),
            "open_price": st.booleans(),
            "sold_by": st.sampled_from(["unit", "weight"]),
            "track_stock": st.booleans(),
            "rates": RATES,
        }
    ),
    min_size=1,
    max_size=3,
)


def add_products(shop: Shop, catalog: list[dict[str, Any]], step: Decimal) -> list[Product]:
    found = []
    for place, values in enumerate(catalog):
        given_values = {**values}
        rates, price = given_values.pop("rates"), given_values.pop("price") * step
        tax_class = TaxClassFactory(tenant=shop.tenant, name=f"Any {place}", rates=rates)
        product = ProductFactory(
            tenant=shop.tenant,
            sku=f"ANY-{place}",
            category=None,
            tax_class=tax_class,
            price=price,
            **given_values,
        )
        if product.track_stock:
            StockLevelFactory(product=product, store=shop.store, quantity=Decimal(1000))
        found.append(product)
    return found


LINES = st.lists(
    st.fixed_dictionaries(
        {"place": st.integers(0, 2), "pieces": st.integers(1, 20), "price": st.integers(0, 9_999)},
        optional={"discounts": st.lists(DISCOUNTS, max_size=2), "note": NAMES},
    ),
    min_size=1,
    max_size=4,
)
ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "discounts": st.lists(DISCOUNTS, max_size=2),
        "note": NAMES,
        "customer": st.fixed_dictionaries({"name": NAMES}),
    },
)
PAYMENTS = st.sampled_from(
    ["none", "cash", "tendered", "several", "without ids", "card", "store credit", "unknown code"]
)
# How the approval of an order differs from one that fits; the first has nothing to differ in.
APPROVALS: dict[str, Any] = {
    "fits": {},
    "less": {"amount": Decimal(1)},
    "no amount": {"amount": None},
    "another order": {"object": {"order": next(ids)}},
    "another action": {"action": Approval.Action.PRICE_OVERRIDE},
    "denied": {"status": Approval.Status.DENIED},
    "expired": {"expires_at": timezone.now() - timedelta(days=1)},
}
APPROVED = st.none() | st.none() | st.sampled_from(["unknown", *APPROVALS])
BODIES = st.tuples(LINES, ORDERS, PAYMENTS, APPROVED)
KEYS = st.sampled_from([None, None, None, None, "key-1", "key-2", "key 3", "\xfc"])
CONTENT_TYPES = st.sampled_from(
    [
        *["application/json"] * 20,
        *("application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF8"),
        *("application/json; charset=latin-1", "text/plain", "", "multipart/form-data"),
    ]
)


def build_line(shop: Shop, drawn: dict[str, Any], step: Decimal) -> dict[str, Any]:
    more = {**drawn}
    product = shop.any[more.pop("place") % len(shop.any)]
    pieces, price = more.pop("pieces"), more.pop("price")
    if product.open_price:
        more["unit_price"] = str(price * step)
    quantity = pieces / Decimal(8) if product.sold_by == "weight" else pieces
    return line(product, str(quantity), **more)


def build_payments(kind: str, step: Decimal) -> dict[str, Any]:
    voucher = {"id": next(ids), "method": "voucher", "amount": str(step)}
    external = {"method": "card", "entry": "external", "amount": str(step), "reference": "slip"}
    payments = {
        "none": [],
        "cash": [cash()],
        "tendered": [cash(tendered="9999999")],
        "several": [voucher, cash()],
        "without ids": [external, {"method": "cash"}],
        "card": [{"id": next(ids), "method": "card", "amount": str(step)}, cash()],
        "store credit": [credit(str(step), "GIFT-A"), credit(str(step), " gift-b"), cash()],
        "unknown code": [credit(str(step), "GIFT-C"), cash()],
    }
    return {"payments": payments[kind]} if payments[kind] else {}


def build_body(shop: Shop, drawn: Any, step: Decimal) -> dict[str, Any]:
    lines, more, payments, approval = drawn
    body = order(shop, *(build_line(shop, each, step) for each in lines), **more)
    body |= build_payments(payments, step)
    if approval == "unknown":
        return {**body, "approval": next(ids)}
    return body if approval is None else approved(shop, body, **APPROVALS[approval])


@given(rules=RULES, user=USERS, cash_step=st.sampled_from(CASH_STEPS), data=st.data())
@FUZZ_SETTINGS
def compare_sales(rules: Any, user: Any, cash_step: int | None, data: Any) -> None:
    cache.clear()
    step = Decimal(1).scaleb(-CURRENCIES[rules["currency"]])
    increment = None if cash_step is None else cash_step * step
    both = TwinShops(lambda: build_shop(cash_rounding_increment=increment, **user, **rules))
    catalog = data.draw(PRODUCTS)
    for shop in (both.fast, both.plain):
        shop.parts["any"] = add_products(shop, catalog, step)
        shop.parts["sent"] = []
        for code in ("GIFT-A", "GIFT-B"):
            StoreCreditFactory(tenant=shop.tenant, code=code, balance=3 * step)
    for _ in range(SALES):
        compare_next_sale(both, data, step)
    both.ensure_same_rows()


def compare_next_sale(both: TwinShops, data: Any, step: Decimal) -> None:
    """Send a new order, one of those before, or one that is changed somewhere."""
    is_repeated = both.fast.sent and data.draw(st.integers(0, 4)) == 0
    place = data.draw(st.integers(0, 9)) if is_repeated else None
    drawn = data.draw(BODIES)
    change = data.draw(CHANGES) if data.draw(st.booleans()) else None
    headers = {"content_type": data.draw(CONTENT_TYPES)}
    key = data.draw(KEYS)
    if key is not None:
        headers["idempotency_key"] = key

    def send(shop: Shop) -> Answer:
        if place is None:
            shop.sent.append(build_body(shop, drawn, step))
        body = shop.sent[-1 if place is None else place % len(shop.sent)]
        return shop.post(write_changed(body, change), **headers)

    answer = send(both.fast)
    with override_settings(FAST_PATHS=False):
        expected = send(both.plain)
    assert normalize_answer(answer) == normalize_answer(expected)
    assert answer.status[0] != "5", answer
    created.update([answer.status])


created: Counter[str] = Counter()


@pytest.mark.timeout(0)
def test_any_sale_is_the_same_before_django_and_by_the_view():
    created.clear()
    before = hits.total()

    compare_sales()

    answered = hits.total() - before
    # Few examples may be refused by chance; `make endure` runs many.
    assert created["201 Created"] >= FUZZ_SETTINGS.max_examples / 6, created
    assert answered >= 0.5 * created["201 Created"], (answered, created)

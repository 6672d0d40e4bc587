"""Any catalog and any order, before Django and by the view: the same answer and the same rows.

FUZZ_EXAMPLES sets the number of shops.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role
from orders.models import Product
from tenants.api.fast_entry import hits
from tenants.models import Tenant
from tests.factories.orders import ProductFactory, StockLevelFactory, TaxClassFactory
from tests.support.fast_sales import build_shop, cash, ids, order
from tests.support.fuzz_settings import build_fuzz_settings
from tests.support.till import amount, line, percent
from tests.support.twin_shops import Shop, TwinShops, normalize_answer

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FUZZ_SETTINGS = build_fuzz_settings(6)
SALES = 5
CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3}
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
WRONG = st.sampled_from([None, True, -1, 0.5, "", "x", "1e3", [], {}, "\u0000", "9" * 30])
DISCOUNTS = st.one_of(
    st.integers(0, 100).map(lambda value: percent(str(value))),
    st.just(amount("1")),
)
FIELDS = ("id", "lines", "payments", "discounts", "customer", "note", "device_sequence", "more")


RULES = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(sorted(CURRENCIES)),
        "tax_rounding_level": st.sampled_from(Tenant.TaxRoundingLevel.values),
        "tax_rounding_mode": st.sampled_from(Tenant.TaxRoundingMode.values),
        "stock_policy": st.sampled_from(Tenant.StockPolicy.values),
    }
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
PAYMENTS = st.sampled_from(["none", "cash", "tendered", "several"])
MALFORMED = st.none() | st.none() | st.none() | st.tuples(st.sampled_from(FIELDS), WRONG)
BODIES = st.tuples(LINES, ORDERS, PAYMENTS, MALFORMED)


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
    payments = {
        "none": [],
        "cash": [cash()],
        "tendered": [cash(tendered="9999999")],
        "several": [voucher, cash()],
    }
    return {"payments": payments[kind]} if payments[kind] else {}


def build_body(shop: Shop, drawn: Any, step: Decimal) -> dict[str, Any]:
    lines, more, payments, malformed = drawn
    body = order(shop, *(build_line(shop, each, step) for each in lines), **more)
    return body | build_payments(payments, step) | dict([malformed] if malformed else [])


@given(rules=RULES, catalog=PRODUCTS, data=st.data())
@FUZZ_SETTINGS
def compare_sales(rules: Any, catalog: Any, data: Any) -> None:
    cache.clear()
    step = Decimal(1).scaleb(-CURRENCIES[rules["currency"]])
    both = TwinShops(lambda: build_shop(role=Role.ADMIN, **rules))
    for shop in (both.fast, both.plain):
        shop.parts["any"] = add_products(shop, catalog, step)
    for number in range(SALES):
        drawn = data.draw(BODIES)
        headers = {"idempotency_key": f"key-{number}"} if data.draw(st.booleans()) else {}
        answer = both.fast.post(build_body(both.fast, drawn, step), **headers)
        with override_settings(FAST_PATHS=False):
            expected = both.plain.post(build_body(both.plain, drawn, step), **headers)
        assert normalize_answer(answer) == normalize_answer(expected)
        assert answer.status[0] != "5", answer
        created.update([answer.status])
    both.ensure_same_rows()


created: Counter[str] = Counter()


@pytest.mark.timeout(0)
def test_any_sale_is_the_same_before_django_and_by_the_view():
    created.clear()
    before = hits.total()

    compare_sales()

    answered = hits.total() - before
    assert created["201 Created"] >= FUZZ_SETTINGS.max_examples, created
    assert answered >= 0.9 * created["201 Created"], (answered, created)

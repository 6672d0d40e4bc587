"""Any catalog and orders, read with any query and headers, before Django and by the view.

FUZZ_EXAMPLES sets the number of shops.
"""

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Posting, Role
from config.fast_entry import ROUTES
from orders.models import Product, StockLevel
from tenants.api.fast_entry import hits
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory
from tests.orders.fast_entries.test_any_sale_both_ways import (
    CURRENCIES,
    LINES,
    NAMES,
    ORDERS,
    PRODUCTS,
    add_products,
    build_line,
    build_payments,
)
from tests.support.both_ways import Answer, call
from tests.support.fast_sales import build_shop, order
from tests.support.fuzz_settings import build_fuzz_settings
from tests.support.twin_shops import Shop

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FUZZ_SETTINGS = build_fuzz_settings(6)
READS = 60
API = "/api/v1/"
RANDOM_ID = re.compile(r"[0-9a-f]{32}")
LISTS = ["products", "products", "orders", "orders", "stock", "changes", "auth/me"]
ROWS = ["products", "orders", "stock"]
UNKNOWN = "018f0000-0000-7000-8000-000000000001"
SOLD = st.lists(
    st.tuples(LINES, ORDERS, st.sampled_from(["none", "cash", "several"])), min_size=1, max_size=4
)
CODES = st.lists(NAMES | st.from_regex(r"[0-9A-Za-z._-]{1,20}", fullmatch=True), max_size=3)
# Values that no filter expects, and texts that URLs can be read in several ways.
ODD = st.sampled_from(
    [
        *("", " ", "+", "%20", "x", "0", "-1", "1e3", "1.0", "null", "None", "True", "TRUE", "1"),
        *("%00", "%ff", "%C3%A9", "%c3", "%", "%zz", "%25", "%2C", "%26", "%3D", "a%2Bb", "\xe9"),
        *("2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00%2B00:00", "9" * 30, "é"),
        *("2026-01-01T00:00:00.123456789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
        *("2026-06-30T23:59:60Z", "-infinity", "NaN", UNKNOWN, UNKNOWN.upper(), f"{{{UNKNOWN}}}"),
        *(UNKNOWN.replace("-", ""), f"{UNKNOWN},", f"{UNKNOWN},{UNKNOWN}", "a" * 8_000, ";", "#"),
    ]
)
NAMES_OF_PARAMETERS = st.sampled_from(
    [
        *("barcode", "sku", "id", "category", "is_active", "updated_since", "cursor", "page_size"),
        *("store", "register", "shift", "cashier", "status", "product", "search", "ordering"),
        *(
            "after",
            "types",
            "search",
            "search",
            "limit",
            "tax_class",
            "format",
            "page",
            "Barcode",
            "id__in",
            "tenant",
            "bar%63ode",
            "",
        ),
    ]
)
SIZES = st.sampled_from(["1", "2", "3", "50", "200", "201", "0", "%31"])
FLAGS = st.sampled_from(["true", "false"])
STATUSES = st.sampled_from(
    ["open", "completed", "held", "voided", "refunded", "partially_refunded", "Open"]
)


class World:
    """A shop, what is in it, and what its answers contained."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.tags = ['"1"', '"2"']
        self.links = [""]
        with tenant_scope(shop.tenant):
            self.products = list(Product.objects.prefetch_related("barcodes"))
            self.levels = [str(each.pk) for each in StockLevel.objects.all()]
        self.orders: list[str] = []

    @property
    def ids(self) -> list[str]:
        shop, products = self.shop, self.products
        found = [each.pk for each in products] + [each.category_id for each in products]
        owned = (shop.store.pk, shop.register.pk, shop.user.pk, shop.tenant.pk, None)
        return [*map(str, [*found, *owned]), *self.orders, *self.levels]

    @property
    def codes(self) -> list[str]:
        return [each.sku for each in self.products] + [
            code.code for each in self.products for code in each.barcodes.all()
        ]

    def keep(self, body: bytes, headers: dict[str, str]) -> None:
        """Keep the links and the tag of an answer for the requests that follow."""
        if "ETag" in headers:
            self.tags.append(headers["ETag"])
        if headers.get("Content-Type", "") != "application/json" or not body.startswith(b"{"):
            return
        answer = json.loads(body)
        for name in ("next", "previous"):
            if answer.get(name):
                self.links.append(urlsplit(answer[name]).query)


def draw_value(data: Any, world: World, name: str) -> str:
    """Return a value that fits the parameter, or any other."""
    fitting = {
        "barcode": st.sampled_from(world.codes),
        "sku": st.sampled_from(world.codes),
        "page_size": SIZES,
        "after": st.sampled_from(["0", "1", "3", "9", "99", "9" * 18]),
        "types": st.sampled_from(["product", "order", "product,order", "order,order", "user", ","]),
        "search": st.sampled_from([*world.codes, *(each.name for each in world.products)]),
        "is_active": FLAGS,
        "status": STATUSES,
        "id": st.lists(st.sampled_from(world.ids), min_size=1, max_size=4).map(",".join),
        "updated_since": st.sampled_from(
            [each.updated_at.isoformat() for each in world.products[:3]]
        ),
    }.get(name, st.sampled_from(world.ids))
    is_odd = data.draw(st.integers(0, 4)) == 0
    if is_odd:
        return str(data.draw(ODD))
    return quote(data.draw(fitting), safe=data.draw(st.sampled_from([",:", ""])))


def draw_query(data: Any, world: World) -> str:
    if data.draw(st.booleans()):
        return str(data.draw(st.sampled_from(world.links)))
    names = data.draw(st.lists(NAMES_OF_PARAMETERS, max_size=3))
    return "&".join(f"{name}={draw_value(data, world, name)}" for name in names)


def draw_target(data: Any, world: World) -> str:
    """Return a path with its query: a list, a row of it, or a row that is not there."""
    name = data.draw(st.sampled_from(LISTS))
    rows = {
        "products": [str(each.pk) for each in world.products],
        "orders": world.orders or [UNKNOWN],
    }
    pks = st.sampled_from(rows.get(name, world.ids)) | st.sampled_from(world.ids)
    has_row = name in ROWS and data.draw(st.booleans())
    pk = data.draw(pks) if has_row else None
    path = f"{API}{name}/" if pk is None else f"{API}{name}/{pk}/"
    has_query = pk is None or data.draw(st.integers(0, 4)) == 0
    query = draw_query(data, world) if has_query else ""
    return f"{path}?{query}" if query else path


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "accept": st.sampled_from(
            ["*/*", "application/json", "application/*", "text/html", "application/json;q=0.1", ""]
        ),
        "accept_encoding": st.sampled_from(
            ["gzip", "br, gzip;q=0.5", "identity", "gzip;q=0", "*", "GZIP", "gzip;q=2", ""]
        ),
        "if_none_match": st.just(""),
        "accept_language": st.sampled_from(["de", "x", "*"]),
        "x_request_id": st.sampled_from(["abc", "a b", "\xfc", ""]),
    },
)


def draw_headers(data: Any, world: World) -> dict[str, str]:
    headers: dict[str, str] = data.draw(HEADERS)
    if "if_none_match" in headers:
        tag = data.draw(st.sampled_from(world.tags))
        forms = [tag, f"W/{tag}", tag.removeprefix("W/"), f'"x", {tag}', "*", f"{tag},*", "x", ""]
        headers["if_none_match"] = data.draw(st.sampled_from(forms))
    return headers


def add_codes(shop: Shop, codes: list[list[str]]) -> None:
    """Set the category of the products, and these barcodes."""
    category = CategoryFactory(tenant=shop.tenant)
    with tenant_scope(shop.tenant):
        Product.objects.filter(pk__in=[each.pk for each in shop.any]).update(category=category)
    for product, own in zip(shop.any, codes, strict=False):
        for position, code in enumerate(own):
            BarcodeFactory(product=product, code=f"{product.sku}-{position}{code}"[:64])


@given(
    currency=st.sampled_from(sorted(CURRENCIES)),
    catalog=PRODUCTS,
    codes=st.lists(CODES, max_size=3),
    sold=SOLD,
    is_restricted=st.booleans(),
    data=st.data(),
)
@FUZZ_SETTINGS
def compare_reads(
    currency: str, catalog: Any, codes: Any, sold: Any, is_restricted: bool, data: Any
) -> None:
    step = Decimal(1).scaleb(-CURRENCIES[currency])
    role, paired = data.draw(st.sampled_from([(Role.CASHIER, True), (Role.ADMIN, False)]))
    shop = build_shop(role=role, paired=paired, currency=currency)
    shop.parts["any"] = add_products(shop, catalog, step)
    add_codes(shop, codes)
    if is_restricted:
        with tenant_scope(shop.tenant):
            Posting.objects.create(user=shop.user, store=shop.store)
    world = World(shop)
    for lines, more, payments in sold:
        body = order(shop, *(build_line(shop, each, step) for each in lines), **more)
        if shop.post(body | build_payments(payments, step)).status.startswith("201"):
            world.orders.append(body["id"])
    for _ in range(READS):
        compare_next_read(world, data)


def without_random_id(answer: Answer) -> Answer:
    """Return the answer without the id that replaces an invalid `X-Request-ID`."""
    sent = dict(answer.headers)["X-Request-ID"]
    if RANDOM_ID.fullmatch(sent) is None:
        return answer
    headers = [(name, value.replace(sent, "id")) for name, value in answer.headers]
    return Answer(answer.status, headers, answer.body.replace(sent.encode(), b"id"))


def compare_next_read(world: World, data: Any) -> None:
    target = draw_target(data, world)
    headers = draw_headers(data, world) | {"authorization": f"Bearer {world.shop.access}"}

    answer = call("GET", target, **headers)
    with override_settings(FAST_PATHS=False):
        expected = call("GET", target, **headers)
    both = f"{target}\nbefore Django: {answer}\nby the view: {expected}"
    assert without_random_id(answer) == without_random_id(expected), both
    assert answer.status[0] != "5", answer
    world.keep(answer.body, dict(answer.headers))
    statuses.update([answer.status])


statuses: Counter[str] = Counter()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_any_read_is_the_same_before_django_and_by_the_view():
    statuses.clear()
    before = hits.copy()

    compare_reads()

    examples = FUZZ_SETTINGS.max_examples
    reads = [route.name for route in ROUTES.values() if route.name.startswith("GET ")]
    answered = hits - before
    assert all(answered[name] >= examples / 6 for name in reads), answered
    assert sum(answered[name] for name in reads) >= 4 * examples, answered
    assert statuses["304 Not Modified"], statuses
    assert statuses["400 Bad Request"], statuses
    assert statuses["404 Not Found"], statuses

"""Invalid pagination, ordering, filters and searches of lists."""

import pytest

from tests.factories.orders import CategoryFactory, ProductFactory
from tests.support.api import Person
from tests.support.attack_outcome import assert_harmless, assert_refused
from tests.support.discovery import routes

LISTS = sorted(
    route.path.removeprefix("api/v1/")
    for route in routes()
    if route.name.endswith("-list") and "get" in route.methods
)
SIZES = [
    "0",
    "-1",
    "100000",
    "1e9",
    "9223372036854775808",
    "abc",
    "",
    "\u0665",
    " 5",
    "5.0",
    "0x10",
]


@pytest.mark.parametrize("path", LISTS)
def test_attack_092_093_096_invalid_pages_orders_and_filters_are_rejected(path, admin_client):
    queries = [
        *({"page_size": size} for size in SIZES),
        *({name: "1000000000"} for name in ("page", "limit", "offset", "count")),
        *({"ordering": name} for name in ORDERS),
        {"id__in": ",".join(["0190b4e0-0000-7000-8000-000000000000"] * 10_000)},
        {"tenant": "leakmark-b-slug"},
        {"cursor": "x" * 3_000},
        {"page_size": ["5", "6"]},
    ]

    for query in queries:
        assert_refused(admin_client.get(path, query))


ORDERS = [
    "password",
    "-user__password",
    "tenant",
    "tenant__slug",
    "pin_hash",
    ";drop table orders_order",
    "--name",
    "name,price",
    "?",
    "name\0",
]


def test_attack_092_cursor_is_valid_only_for_its_list_and_order(admin_client, shop, foreign):
    for number in range(3):
        CategoryFactory(tenant=shop, name=f"Shelf {number}")
    CategoryFactory(tenant=foreign.tenant, name="LEAKMARK_B_SECOND")
    link = admin_client.get("categories/", {"page_size": "1"}).json()["next"]
    cursor = link.partition("cursor=")[2].partition("&")[0].replace("%3A", ":")
    theirs = Person(foreign.admin).get("categories/", {"page_size": "1"}).json()["next"]
    stolen = theirs.partition("cursor=")[2].partition("&")[0].replace("%3A", ":")

    for path, order in [("categories/", "updated_at"), ("categories/", "-name"), ("stores/", "")]:
        query = {"cursor": cursor} | ({"ordering": order} if order else {})
        assert assert_refused(admin_client.get(path, query)) == "invalid_cursor"
    for forged in (cursor[:-1], cursor + "A", cursor.swapcase(), "e30:" + cursor):
        assert (
            assert_refused(admin_client.get("categories/", {"cursor": forged})) == "invalid_cursor"
        )
    # A cursor is only a position in an order, so rows of this shop are returned.
    assert_harmless(admin_client.get("categories/", {"cursor": stolen}))


def test_attack_093_ordering_by_hidden_fields_is_rejected(admin_client, shop):
    for number in range(4):
        ProductFactory(tenant=shop, sku=f"SKU-{number}", name="Same")
    before = [row["id"] for row in admin_client.get("products/").json()["results"]]

    assert_refused(admin_client.get("products/", {"ordering": "search_text"}))

    assert [row["id"] for row in admin_client.get("products/").json()["results"]] == before


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'", '"', "$$", ":*", "& |", "!", "(", "<->"])
def test_attack_095_special_characters_are_searched_literally(sign, admin_client, shop):
    ProductFactory(tenant=shop, sku="PLAIN", name="Plain thing")

    found = assert_harmless(admin_client.get("products/", {"search": f"Pl{sign}in"}))

    assert found.status_code == 200
    assert not [row for row in found.json()["results"] if row["sku"] == "PLAIN" and sign in "%_"]


@pytest.mark.timeout(20)  # backtracking would take minutes
def test_attack_095_long_searches_are_rejected_and_patterns_not_interpreted(admin_client, product):
    assert assert_refused(admin_client.get("products/", {"search": "a\0"})) == "invalid"
    assert assert_refused(admin_client.get("products/", {"search": "x" * 10_000})) == "invalid"
    for search in ("(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 255, "a " * 127, "\u0301" * 255):
        assert_harmless(admin_client.get("products/", {"search": search}))


def test_attack_098_filter_by_a_row_of_another_shop_acts_like_an_unknown_id(
    admin_client, foreign, product
):
    unknown_id = "0190b4e0-0000-7000-8000-00000000dead"
    filters = [
        ("products/", "category", foreign.category),
        ("stock/", "product", foreign.product),
        ("stock/movements/", "store", foreign.store),
        ("orders/", "register", foreign.register),
        ("orders/", "cashier", foreign.cashier),
        ("refunds/", "order", foreign.order),
        ("shifts/", "store", foreign.store),
        ("registers/", "store", foreign.store),
        ("audit/", "actor", foreign.admin),
        ("approvals/", "requested_by", foreign.cashier),
        ("reports/sales/", "store", foreign.store),
        ("shifts/current/", "register", foreign.register),
    ]

    for path, name, row in filters:
        theirs = assert_harmless(admin_client.get(path, {name: str(row.pk)}))
        none = admin_client.get(path, {name: unknown_id})
        assert theirs.status_code == none.status_code
        assert without_id(theirs) == without_id(none)


def without_id(response):
    return response.content.replace(response["X-Request-ID"].encode(), b"")


def test_attack_099_reports_and_exports_contain_nothing_of_another_shop(
    admin_client, product, foreign
):
    ProductFactory(tenant=product.tenant, sku="=1+1", name="@SUM(A1)")
    paths = ["products/export/", "auth/metrics/", "reports/sales/", "stock/", "tenant/"]
    groups = ["hour", "hour_of_day", "day", "week", "month"]
    groups += ["product", "category", "cashier", "register", "store"]
    groups += ["method", "tax"]
    tables = [{"group_by": group, "format": form} for group in groups for form in ("json", "csv")]

    answers = [admin_client.get(path) for path in paths]
    answers += [admin_client.get("reports/sales/", query) for query in tables]

    for answer in answers:
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200
        assert b"leakmark" not in content.lower()
        assert b"6.66" not in content
    exported = b"".join(admin_client.get("products/export/").streaming_content).decode()
    assert "'=1+1" in exported
    assert "'@SUM(A1)" in exported

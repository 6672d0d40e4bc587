from decimal import Decimal
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import Product
from tenants.models import Register, Store
from tests.factories.orders import ProductFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.pagination import fetch_page, list_rows, names, parse_query, walk


@pytest.fixture
def stores(in_shop):
    """Create seven stores in this order."""
    return [StoreFactory(tenant=in_shop, name=name) for name in "gfedcba"]


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("name", "abcdefg"),
        ("-name", "gfedcba"),
        ("created_at", "gfedcba"),
        ("-created_at", "abcdefg"),
        (None, "abcdefg"),
    ],
)
def test_pages_follow_in_the_requested_order(stores, ordering, expected):
    query = "?page_size=3" + (f"&ordering={ordering}" if ordering else "")

    pages, _ = walk(Store.objects.all(), query)

    assert names(pages) == [list(expected[:3]), list(expected[3:6]), list(expected[6:])]


@pytest.mark.parametrize("ordering", ["name", "-name", "created_at", "-created_at"])
def test_previous_links_show_the_same_pages(stores, ordering):
    forth, last = walk(Store.objects.all(), f"?page_size=3&ordering={ordering}")
    back, _ = walk(Store.objects.all(), last, by="previous")

    assert list_rows(back[::-1]) == list_rows(forth)
    assert fetch_page(Store.objects.all(), last)[1]["next"] is None


def test_first_page_has_no_previous_and_last_no_next(stores):
    _, only = fetch_page(Store.objects.all())
    _, first = fetch_page(Store.objects.all(), "?page_size=4")
    _, last = fetch_page(Store.objects.all(), parse_query(first["next"]))

    assert only == {"next": None, "cursor": None, "previous": None, "results": ["results"]}
    assert (first["previous"], last["next"]) == (None, None)


def test_cursor_is_the_parameter_of_the_next_page(stores):
    pages, _ = walk(Store.objects.all(), "?page_size=3")
    page, first = fetch_page(Store.objects.all(), "?page_size=3")
    seen = [page]
    while first["cursor"]:
        assert parse_qs(urlsplit(first["next"]).query)["cursor"] == [first["cursor"]]
        query = urlencode({"page_size": 3, "cursor": first["cursor"]})
        page, first = fetch_page(Store.objects.all(), f"?{query}")
        seen.append(page)

    assert list_rows(seen) == list_rows(pages)


def test_page_with_exactly_all_rows_has_no_next(stores):
    assert fetch_page(Store.objects.all(), "?page_size=7")[1]["next"] is None


def test_empty_list_is_one_empty_page(in_shop):
    assert fetch_page(Store.objects.all()) == (
        [],
        {"next": None, "cursor": None, "previous": None, "results": ["results"]},
    )


def test_links_keep_other_parameters(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name&search=a%26b")

    kept = parse_qs(urlsplit(answer["next"]).query)
    cursor = kept.pop("cursor")
    assert kept == {"page_size": ["2"], "ordering": ["name"], "search": ["a&b"]}
    assert answer["next"].startswith("http://testserver/list/?")
    assert len(cursor) == 1


@pytest.mark.parametrize("descending", [False, True])
def test_rows_with_equal_values_are_shown_once(in_shop, descending):
    stores = [StoreFactory(tenant=in_shop, name=name) for name in "ba"]
    for store in stores:
        for name in ("till", "till 2"):
            RegisterFactory(tenant=in_shop, store=store, name=name)
    sign = "-" if descending else ""

    class ByName:
        ordering_fields = ("name",)

    pages, last = walk(Register.objects.all(), f"?page_size=1&ordering={sign}name", view=ByName)
    back, _ = walk(Register.objects.all(), last, by="previous", view=ByName)

    shown = [page[0] for page in pages]
    assert shown == sorted(
        Register.objects.all(), key=lambda row: (row.name, row.pk), reverse=descending
    )
    assert [page[0] for page in back] == shown[::-1]


def test_ordering_can_follow_a_foreign_key(in_shop):
    for place in "ba":
        store = StoreFactory(tenant=in_shop, name=place)
        for name in "21":
            RegisterFactory(tenant=in_shop, store=store, name=name)

    registers = Register.objects.select_related("store")
    pages, _ = walk(registers, "?page_size=1&ordering=place")

    assert [f"{row.store.name}{row.name}" for (row,) in pages] == ["a1", "a2", "b1", "b2"]


def test_amounts_are_ordered_as_numbers(in_shop):
    class ByPrice:
        ordering_fields = ("price",)
        ordering = "price"

    for price in ("9.00", "10.00", "10.00", "100.00", "0.50"):
        ProductFactory(tenant=in_shop, price=Decimal(price))

    pages, _ = walk(Product.objects.all(), "?page_size=1", view=ByPrice)

    assert [row.price for (row,) in pages] == [
        Decimal(price) for price in ("0.50", "9", "10", "10", "100")
    ]


def test_values_queryset_is_paginated(stores):
    rows = Store.objects.values("id", "name", "created_at")

    pages, _ = walk(rows, "?page_size=3&ordering=name")

    assert [row["name"] for page in pages for row in page] == list("abcdefg")


def test_row_added_between_pages_moves_no_other(stores, in_shop):
    first, answer = fetch_page(Store.objects.all(), "?page_size=3&ordering=name")
    StoreFactory(tenant=in_shop, name="aa")
    second, _ = fetch_page(Store.objects.all(), parse_query(answer["next"]))

    assert names([first, second]) == [["a", "b", "c"], ["d", "e", "f"]]


def test_row_deleted_between_pages_does_not_end_the_list(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=3&ordering=name")
    Store.objects.filter(name__in=["c", "d"]).delete()

    second, _ = fetch_page(Store.objects.all(), parse_query(answer["next"]))

    assert names([second]) == [["e", "f", "g"]]


def test_page_takes_one_query_without_count_and_offset(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name")

    with CaptureQueriesContext(connection) as queries:
        fetch_page(Store.objects.all(), parse_query(answer["next"]))

    (query,) = queries
    assert "COUNT" not in query["sql"].upper()
    assert "OFFSET" not in query["sql"].upper()
    assert "LIMIT 3" in query["sql"]
    assert '("tenants_store"."name", "tenants_store"."id") > (' in query["sql"]


@pytest.mark.slow
@pytest.mark.view_only("deletes registers")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    registers=st.lists(
        st.tuples(st.sampled_from("aAb\xe9 -"), st.integers(0, 2)), unique=True, max_size=9
    ),
    size=st.integers(1, 9),
    sign=st.sampled_from(["", "-"]),
)
def test_pages_forth_and_back_show_every_row_once(in_shop, registers, size, sign):
    Register.objects.all().delete()
    stores = list(Store.objects.all()) or [StoreFactory(tenant=in_shop) for _ in range(3)]
    for number, (name, place) in enumerate(registers):
        RegisterFactory(tenant=in_shop, store=stores[place], name=name, number=number)

    pages, last = walk(Register.objects.all(), f"?page_size={size}&ordering={sign}name")
    back, _ = walk(Register.objects.all(), last, by="previous")

    assert list_rows(pages) == list(Register.objects.order_by(f"{sign}name", f"{sign}id"))
    assert list_rows(back[::-1]) == list_rows(pages)

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import Signer
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from orders.models import OrderLine
from tenants.api.pagination import CursorPagination, InvalidCursor
from tenants.exceptions import Invalid
from tenants.models import Register, Store, Tenant
from tests.factories.tenants import StoreFactory
from tests.support.pagination import List, fetch_page, parse_query


@pytest.fixture
def stores(in_shop):
    """Seven of them, opened in order."""
    return [StoreFactory(tenant=in_shop, name=name) for name in "gfedcba"]


# --- refusals ---------------------------------------------------------------------------------


def refused(query, rows=None, view=List):
    with pytest.raises(Invalid) as refusal:
        fetch_page(Store.objects.all() if rows is None else rows, query, view)
    return refusal.value.code, [(error.field, error.code) for error in refusal.value.errors]


@pytest.mark.parametrize(
    "size", ["0", "-1", "201", "100000", "1e2", "abc", "", "1.0", "+5", " 5", "%D9%A5", "9" * 5_000]
)
def test_a_page_size_is_a_number_up_to_200(in_shop, size):
    assert refused(f"?page_size={size}") == ("invalid", [("page_size", "invalid")])  # attack 92


@pytest.mark.parametrize(("query", "size"), [("", 50), ("?page_size=200", 200)])
def test_a_page_holds_fifty_rows_unless_told(in_shop, query, size):
    with CaptureQueriesContext(connection) as queries:
        fetch_page(Store.objects.all(), query)

    # One more than it shows, to see whether there are more.
    assert queries[0]["sql"].endswith(f"LIMIT {size + 1}")


@pytest.mark.parametrize(
    "ordering",
    [
        *("password", "-user__password", "tenant", "pin_hash", ";drop", "", "-", "--name", "?"),
        *("name,created_at", "name%00", "store__tenant__slug", "pk", "id", "NAME"),
    ],
    ids=lambda ordering: f"attack-93-{ordering}",
)
def test_a_list_is_ordered_by_what_it_allows_and_nothing_else(in_shop, ordering):
    assert refused(f"?ordering={ordering}") == ("invalid", [("ordering", "invalid")])


def cursors_that_nobody_gave(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name")
    (cursor,) = parse_qs(urlsplit(answer["next"]).query)["cursor"]
    body, signature = cursor.rsplit(":", 1)
    forged = Signer(salt="guessed").sign_object([False, "a", str(stores[0].pk)])
    return [
        *("", "abc", "bzoxMA==", "::", "a" * 2_000, "\0", "é", "null", cursor[:-1], cursor[1:]),
        *(forged, f"{body}x:{signature}", f"{body}:{signature[::-1]}", cursor.upper()),
    ]


def test_a_cursor_that_nobody_gave_is_refused(stores):
    for cursor in cursors_that_nobody_gave(stores):
        request = Request(APIRequestFactory().get("/", {"cursor": cursor, "ordering": "name"}))
        with pytest.raises(InvalidCursor) as refusal:
            CursorPagination().paginate_queryset(Store.objects.all(), request, List)
        assert refusal.value.code == "invalid_cursor"


def test_a_cursor_belongs_to_its_list_and_its_order(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name")
    query = parse_query(answer["next"])

    for other in ("created_at", "-name"):
        elsewhere = query.replace("ordering=name", f"ordering={other}")
        assert refused(elsewhere) == ("invalid_cursor", [])
    assert refused(query, rows=Register.objects.all()) == ("invalid_cursor", [])


@pytest.mark.parametrize("path", ["cash_rounding_increment", "order__completed_at"])
def test_what_may_be_empty_orders_nothing(in_shop, path):
    class Nullable:
        ordering_fields = {"x": (path,)}
        ordering = "x"

    rows = OrderLine.objects.all() if "__" in path else Tenant.objects.all()

    with pytest.raises(ImproperlyConfigured):
        fetch_page(rows, "", Nullable)


# --- the schema -------------------------------------------------------------------------------


def test_the_schema_says_how_to_page():
    paginator = CursorPagination()

    parameters = {p["name"]: p["schema"] for p in paginator.get_schema_operation_parameters(List)}
    answer = paginator.get_paginated_response_schema({"type": "array"})

    assert parameters["page_size"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 50,
    }
    assert parameters["ordering"]["enum"] == [
        *("name", "-name", "created_at", "-created_at", "place", "-place")
    ]
    assert parameters["ordering"]["default"] == "-created_at"
    assert answer["required"] == ["next", "previous", "results"]

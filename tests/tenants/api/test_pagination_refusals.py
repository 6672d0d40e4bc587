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
    """Create seven stores in this order."""
    return [StoreFactory(tenant=in_shop, name=name) for name in "gfedcba"]


# --- refusals ---------------------------------------------------------------------------------


def get_refusal(query, rows=None, view=List):
    with pytest.raises(Invalid) as refusal:
        fetch_page(Store.objects.all() if rows is None else rows, query, view)
    return refusal.value.code, [(error.field, error.code) for error in refusal.value.errors]


@pytest.mark.parametrize(
    "size", ["0", "-1", "201", "100000", "1e2", "abc", "", "1.0", "+5", " 5", "%D9%A5", "9" * 5_000]
)
def test_invalid_page_size_is_rejected(in_shop, size):
    assert get_refusal(f"?page_size={size}") == ("invalid", [("page_size", "invalid")])  # attack 92


@pytest.mark.parametrize(("query", "size"), [("", 50), ("?page_size=200", 200)])
def test_page_has_fifty_rows_by_default(in_shop, query, size):
    with CaptureQueriesContext(connection) as queries:
        fetch_page(Store.objects.all(), query)

    # One more row, to know whether there is a next page.
    assert queries[0]["sql"].endswith(f"LIMIT {size + 1}")


@pytest.mark.parametrize(
    "ordering",
    [
        *("password", "-user__password", "tenant", "pin_hash", ";drop", "", "-", "--name", "?"),
        *("name,created_at", "name%00", "store__tenant__slug", "pk", "id", "NAME"),
    ],
    ids=lambda ordering: f"attack-93-{ordering}",
)
def test_ordering_by_other_fields_is_rejected(in_shop, ordering):
    assert get_refusal(f"?ordering={ordering}") == ("invalid", [("ordering", "invalid")])


def build_forged_cursors(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name")
    (cursor,) = parse_qs(urlsplit(answer["next"]).query)["cursor"]
    body, signature = cursor.rsplit(":", 1)
    forged = Signer(salt="guessed").sign_object([False, "a", str(stores[0].pk)])
    return [
        *("", "abc", "bzoxMA==", "::", "a" * 2_000, "\0", "é", "null", cursor[:-1], cursor[1:]),
        *(forged, f"{body}x:{signature}", f"{body}:{signature[::-1]}", cursor.upper()),
    ]


def test_forged_cursor_is_rejected(stores):
    for cursor in build_forged_cursors(stores):
        request = Request(APIRequestFactory().get("/", {"cursor": cursor, "ordering": "name"}))
        with pytest.raises(InvalidCursor) as refusal:
            CursorPagination().paginate_queryset(Store.objects.all(), request, List)
        assert refusal.value.code == "invalid_cursor"


def test_cursor_of_another_list_or_order_is_rejected(stores):
    _, answer = fetch_page(Store.objects.all(), "?page_size=2&ordering=name")
    query = parse_query(answer["next"])

    for other in ("created_at", "-name"):
        elsewhere = query.replace("ordering=name", f"ordering={other}")
        assert get_refusal(elsewhere) == ("invalid_cursor", [])
    assert get_refusal(query, rows=Register.objects.all()) == ("invalid_cursor", [])


@pytest.mark.parametrize("path", ["cash_rounding_increment", "order__completed_at"])
def test_ordering_by_a_nullable_field_is_a_configuration_error(in_shop, path):
    class Nullable:
        ordering_fields = {"x": (path,)}
        ordering = "x"

    rows = OrderLine.objects.all() if "__" in path else Tenant.objects.all()

    with pytest.raises(ImproperlyConfigured):
        fetch_page(rows, "", Nullable)


# --- OpenAPI schema -------------------------------------------------------------------------------


def test_schema_describes_pagination():
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
    assert answer["required"] == ["next", "cursor", "previous", "results"]

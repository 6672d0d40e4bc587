"""Change feed for clients that keep a copy of the data."""

import re
from collections.abc import Collection
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from accounts.serializers.changes import ChangesSerializer, render_changes
from accounts.services.change_feed import list_changes
from tenants.api.filters import check_parameters
from tenants.api.pagination import CursorPagination
from tenants.api.views import TenantScopedViewSet
from tenants.events.topics import RESOURCE_TYPES
from tenants.exceptions import Invalid
from tenants.models import OutboxEvent

POSITION = re.compile(r"[0-9]{1,18}")
PARAMETERS = [
    OpenApiParameter(
        "after",
        int,
        description="`after` of the previous response; `0` starts with the oldest change.",
    ),
    OpenApiParameter(
        "types", str, description=f"Some of {', '.join(RESOURCE_TYPES)}, separated by commas."
    ),
    OpenApiParameter(
        "page_size",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": CursorPagination.max_page_size,
            "default": CursorPagination.default_page_size,
        },
        description="Changes per page.",
    ),
]


class ChangesViewSet(TenantScopedViewSet):
    """Changes of catalog, stock, orders, payments, shifts, stores and users."""

    model = OutboxEvent
    serializer_class = ChangesSerializer
    permission_classes = (IsStaff,)

    @extend_schema(
        parameters=PARAMETERS,
        responses=ChangesSerializer,
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """List changes in commit order: none is ever inserted before `after`.

        To keep a copy, request once without `after`, store the `after` of the response, load the
        lists, and then request changes with the last `after`, immediately while `has_more` is
        true. If `after` is older than the retention of changes, the response is 410
        `changes_gone`: start again. Stock changes of sales and refunds are covered by
        `order.completed` and `refund.completed`. Cashiers see the catalog, stores, registers and
        their own store's data; managers also see users.
        """
        params = request.query_params
        check_parameters(params, frozenset({"after", "types", "page_size"}))
        page = list_changes(
            request.user,
            parse_position(params.get("after")),
            kinds=parse_kinds(params.get("types")),
            limit=self.page_size(request),
        )
        return Response(render_changes(page))

    def page_size(self, request: Request) -> int:
        pages: Any = CursorPagination()
        pages.request = request
        size: int = pages.size()
        return size


def parse_position(text: str | None) -> int | None:
    if text is None:
        return None
    if not POSITION.fullmatch(text):
        raise Invalid.field("after", "Must be the `after` of a response.")
    return int(text)


def parse_kinds(text: str | None) -> Collection[str]:
    if text is None:
        return ()
    kinds = frozenset(text.split(","))
    if not kinds <= frozenset(RESOURCE_TYPES):
        raise Invalid.field(
            "types", f"Must be some of {', '.join(RESOURCE_TYPES)}, separated by commas."
        )
    return kinds

"""What changed in the shop, for whoever keeps a copy of it."""

import re
from collections.abc import Collection
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from accounts.serializers.changes import ChangesSerializer
from accounts.services.change_feed import list_changes
from tenants.api.filters import check_parameters
from tenants.api.pagination import CursorPagination
from tenants.api.views import TenantScopedViewSet
from tenants.events.topics import RESOURCE_TYPES
from tenants.exceptions import Invalid
from tenants.models import OutboxEvent

POSITION = re.compile(r"[0-9]{1,18}")
PARAMETERS = [
    OpenApiParameter("after", int, description="The `after` of the answer before; `0` is all."),
    OpenApiParameter(
        "types", str, description=f"Some of {', '.join(RESOURCE_TYPES)}, with commas."
    ),
    OpenApiParameter(
        "page_size",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": CursorPagination.max_page_size,
            "default": CursorPagination.default_page_size,
        },
        description="Changes a page.",
    ),
]


class ChangesViewSet(TenantScopedViewSet):
    """Every change of the shop's catalog, stock, orders, money, drawers, places and people."""

    model = OutboxEvent
    serializer_class = ChangesSerializer
    permission_classes = (IsStaff,)

    @extend_schema(
        operation_id="changes_list",
        summary="What has changed since",
        parameters=PARAMETERS,
        responses=ChangesSerializer,
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """Changes in the order in which they became true: none ever appears before `after`.

        To keep a copy, ask once without `after`, remember the one in the answer, load the lists,
        and from then on ask with the `after` of the answer before, right away as long as it says
        `has_more`. Who stayed away for longer than changes are kept is told 410 `changes_gone`
        and begins again so. What a sale or a refund moves on the shelves is told by its own
        `order.completed` and `refund.completed`. Cashiers read the catalog, the places, and what
        is of their own store; managers also the people.
        """
        params = request.query_params
        check_parameters(params, frozenset({"after", "types", "page_size"}))
        page = list_changes(
            request.user,
            parse_position(params.get("after")),
            kinds=parse_kinds(params.get("types")),
            most=self.page_size(request),
        )
        return Response(ChangesSerializer(page).data)

    def page_size(self, request: Request) -> int:
        pages: Any = CursorPagination()
        pages.request = request
        size: int = pages.size()
        return size


def parse_position(text: str | None) -> int | None:
    if text is None:
        return None
    if not POSITION.fullmatch(text):
        raise Invalid.field("after", "The `after` of an answer.")
    return int(text)


def parse_kinds(text: str | None) -> Collection[str]:
    if text is None:
        return ()
    kinds = frozenset(text.split(","))
    if not kinds <= frozenset(RESOURCE_TYPES):
        raise Invalid.field("types", f"Some of {', '.join(RESOURCE_TYPES)}, with commas.")
    return kinds

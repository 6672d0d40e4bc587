"""The snapshot of the catalog for terminals."""

import re
from typing import Any

from django.http import HttpResponseNotModified, StreamingHttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from accounts.permissions import IsStaff
from accounts.views.changes import parse_position
from orders.models import Product
from orders.serializers.snapshot import build_shape, generate_lines, list_types
from tenants.api.filters import check_parameters
from tenants.api.ndjson import NDJSON, NDJSONRenderer, stream_ndjson, write_compressed
from tenants.api.views import TenantScopedViewSet
from tenants.database.read_snapshot import read_snapshot
from tenants.events.change_feed import assign_all_positions, has_changed, read_position

AFTER = "after"
ETAG = re.compile(r'(?:W/)?"([0-9a-f]{8})-([0-9]{1,18})"')
DESCRIPTION = """\
Lines of JSON, gzipped for clients that accept it:

- First a header: `format` is 1; `position` is the position in the change feed for which all lines
  are true; `counts` is the number of lines of each type.
- Then the rows: `type` as in the change feed, and in `data` what the endpoint of the type answers.
  The types are tenant, store, register, tax_class, category, barcode_rule, customer_group,
  modifier_list, product, price_list and price.
- Last an end marker with the number of `rows` in between. An answer without it is incomplete.

Without `after`, all rows. With the `position` of an earlier answer, or an `after` of the change
feed, only the rows that have changed since, and the deleted ones as
`{"type": "product", "id": "...", "deleted": true}`: one request keeps a copy current, however much
has changed. Changes that are committed meanwhile have a position after that of the header, so the
next request returns them. If the changes after a position are no longer available, the response is
410 `changes_gone`: load all rows.

The whole snapshot has an `ETag`: with `If-None-Match` the response is 304 if no row has changed."""
EXAMPLE = OpenApiExample(
    "Snapshot",
    value=(
        '{"type":"header","format":1,"position":17,"after":16,"counts":{"product":1}}\n'
        '{"type":"product","id":"01980000-0000-7000-8000-000000000009","deleted":true}\n'
        '{"type":"end","rows":1}\n'
    ),
    media_type=NDJSON,
)


class SnapshotViewSet(TenantScopedViewSet):
    """All rows that a terminal keeps a copy of."""

    model = Product
    permission_classes = (IsStaff,)
    renderer_classes = (NDJSONRenderer, JSONRenderer)
    pagination_class = None
    filterset_class = None
    has_conditional_get = True
    # Positions are assigned in a transaction before that of the snapshot.
    multi_transaction_actions = ("load",)

    @extend_schema(
        description=DESCRIPTION,
        parameters=[
            OpenApiParameter(
                AFTER,
                int,
                description="Only what has changed since this position.",
            )
        ],
        responses={
            (200, NDJSON): OpenApiResponse(OpenApiTypes.STR, "Lines of JSON.", examples=[EXAMPLE])
        },
    )
    def load(self, request: Request) -> Any:
        check_parameters(request.query_params, frozenset({AFTER}))
        after = parse_position(request.query_params.get(AFTER))
        assign_all_positions()
        if after is None and (etag := find_current_etag(request)):
            return HttpResponseNotModified(headers={"ETag": etag, "Vary": "Accept-Encoding"})
        return answer_snapshot(request, after)


def find_current_etag(request: Request) -> str | None:
    """Return the tag of If-None-Match whose snapshot has all rows as they are now."""
    for tag in parse_etags(request.headers.get("If-None-Match", "")):
        known = ETAG.fullmatch(tag)
        if tag == "*":
            return build_etag(read_position())
        if known and known[1] == build_shape() and not has_changed(list_types(), int(known[2])):
            return tag
    return None


def build_etag(position: int) -> str:
    return f'W/"{build_shape()}-{position}"'


def answer_snapshot(request: Request, after: int | None) -> StreamingHttpResponse:
    with read_snapshot():
        position = read_position(after)
        file = write_compressed(generate_lines(position, after))
    headers = {"ETag": build_etag(position)} if after is None else {}
    return stream_ndjson(file, request.headers.get("Accept-Encoding", ""), **headers)

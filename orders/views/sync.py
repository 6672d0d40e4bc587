"""Tills that come back: what they sold without us, and what of it is missing."""

import re
from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import WRITE_METHODS, IsManager, IsStaff
from orders.models import Order
from orders.serializers.sync import (
    DeviceSequenceInput,
    DeviceSequenceSerializer,
    GapsSerializer,
    SyncInput,
    SyncInputWithRegister,
    SyncSerializer,
    build_upload,
    ensure_batch_fits,
)
from orders.services.device_sequence import set_device_sequence
from orders.services.offline.batch import upload_sales
from orders.services.offline.gaps import find_gaps
from tenants.api.filters import check_parameters
from tenants.api.parsers import MalformedBody, StrictJSONParser, read_body, read_json
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import Invalid
from tenants.models import Register

MAX_BATCH_BYTES = 8 * 1024 * 1024
# Objects, lists and what is in them: each takes some 100 bytes however short it is written.
MAX_BATCH_VALUES = 600_000
MAX_SEQUENCE = 2**31 - 1
WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")


class BatchParser(StrictJSONParser):
    """A large body, but not one of millions of nothings that would fill the memory."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = read_body(stream, media_type, parser_context or {})
        if sum(map(body.count, (b",", b"[", b"{"))) > MAX_BATCH_VALUES:
            raise MalformedBody(
                "too_many_values", f"At most {MAX_BATCH_VALUES} values in one batch."
            )
        return read_json(body)


class SyncViewSet(TenantScopedViewSet):
    """What was sold while there was no connection."""

    model = Order
    serializer_class = SyncSerializer
    permission_classes = (IsStaff,)
    pagination_class = None
    filterset_class = None
    parser_classes = (BatchParser,)
    max_body_bytes = MAX_BATCH_BYTES
    # Each sale is one of its own, so that none of them stands or falls with another.
    multi_transaction_actions = ("orders",)

    @extend_schema(operation_id="sync_orders", request=SyncInput, responses={200: SyncSerializer})
    def orders(self, request: Request) -> Response:
        """Upload sales that a till made offline: each is booked in a transaction of its own, and
        has a result of its own, in the order of the batch.

        A sale is recognized by its `id` for ever: sent again, it is `duplicate`, with the order as
        it is by now. What was really sold is never refused. What we would have done otherwise is
        booked as it was charged, and named in the order's `flags`. Rejected is only what is no sale
        at all, or another one under a known id (`id_reused`). A batch has at most 2,000 lines in
        all; more are 413 `batch_too_large` with `max_lines`, and nothing of it is booked.

        It is booked in the shift that is open when it comes, with a receipt and a chain entry of
        ours; where it was sold in another, that is its `original_shift`, and the Z lists it among
        its `late_sales`. Where no shift is open, it waits for the next one of the register.

        The `total` is what was paid. Where that is not what the prices charged come to, the
        difference is the order's `adjustment`, shared out over the lines.
        """
        ensure_batch_fits(request.data)
        session = request.auth
        given = self.validated(SyncInput if session.register_id else SyncInputWithRegister)
        results = upload_sales(build_upload(given, session), by=request.user)
        return Response(SyncSerializer({"results": results}).data)


class GapViewSet(TenantScopedViewSet):
    """What of a till's own series never came."""

    model = Register
    serializer_class = GapsSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = ("after",)

    @extend_schema(
        operation_id="registers_gaps",
        parameters=[OpenApiParameter("after", int, description="Only what lies above it.")],
        responses=GapsSerializer,
    )
    def gaps(self, request: Request, pk: Any) -> Response:
        """How many sales the till has numbered, how many of them came, and which are missing:
        the first hundred ranges, the further ones `after` the `next` of the answer."""
        check_parameters(request.query_params, frozenset(self.query_params))
        gaps = find_gaps(self.get_object(), after=parse_after(request))
        return Response(GapsSerializer(gaps).data)


class DeviceSequenceViewSet(TenantScopedViewSet):
    """Where a till's own series stands."""

    model = Register
    serializer_class = DeviceSequenceSerializer
    permission_classes = (IsManager,)
    password_only = WRITE_METHODS
    pagination_class = None
    filterset_class = None

    @extend_schema(
        operation_id="registers_device_sequence",
        request=DeviceSequenceInput,
        responses=DeviceSequenceSerializer,
    )
    def set(self, request: Request, pk: Any) -> Response:
        """Set the last number that the till has given to a sale, up or down: where a wrong clock
        or a lost device has left a wrong one. The next sale is expected to have the next number.

        Needs a log-in by password. Sent again it changes nothing.
        """
        register = self.get_object()
        given = self.validated(DeviceSequenceInput)
        number = set_device_sequence(register, **given, by=request.user)
        shown = {"register": pk, "last_device_sequence": number}
        return Response(DeviceSequenceSerializer(shown).data)


def parse_after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if WHOLE_NUMBER.fullmatch(text) is None or int(text) > MAX_SEQUENCE:
        raise Invalid.field("after", "A number of the till's series.")
    return int(text)

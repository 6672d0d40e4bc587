"""Views for offline sales: upload, gaps and the device sequence."""

import re
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_info import get_client_location
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
from orders.views.customer import ErasedCustomersMixin
from tenants.api.filters import check_parameters
from tenants.api.parsers import MalformedBody, StrictJSONParser
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import Invalid
from tenants.models import Register

MAX_BATCH_BYTES = 8 * 1024 * 1024
# Objects, lists and their items: each takes about 100 bytes of memory, however short.
MAX_BATCH_VALUES = 600_000
MAX_SEQUENCE = 2**31 - 1
WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")


class BatchParser(StrictJSONParser):
    """Parses a large body, but limits the number of values to protect memory."""

    def read(self, body: bytes) -> Any:
        if sum(map(body.count, (b",", b"[", b"{"))) > MAX_BATCH_VALUES:
            raise MalformedBody(
                "too_many_values", f"A batch has at most {MAX_BATCH_VALUES} values."
            )
        return super().read(body)


class SyncViewSet(ErasedCustomersMixin, TenantScopedViewSet):
    """Upload of offline sales."""

    model = Order
    serializer_class = SyncSerializer
    permission_classes = (IsStaff,)
    pagination_class = None
    filterset_class = None
    parser_classes = (BatchParser,)
    max_body_bytes = MAX_BATCH_BYTES
    # Each sale has a transaction of its own, so that one failure does not affect the others.
    multi_transaction_actions = ("orders",)

    @extend_schema(request=SyncInput, responses={200: SyncSerializer})
    def orders(self, request: Request) -> Response:
        """Upload offline sales. Each is booked in a transaction of its own and has a result of its
        own, in the order of the batch.

        A repeated `id` is a `duplicate` and returns the current order. A sale that took place is
        never refused: it is booked as it was charged, and deviations from catalog, limits or stock
        are named in the `flags` of the order. Only malformed sales, and other content under a known
        id (`id_reused`), are rejected. A batch has at most 2,000 lines; a larger one is answered
        with 413 `batch_too_large` and `max_lines`, and nothing is booked.

        A sale is booked in the shift that is open at the time of the upload, with a receipt and a
        hash chain entry. If it was made in another shift, that is its `original_shift`, and the Z
        report lists it in `late_sales`. If no shift is open, it waits for the next one.

        `total` is the amount that was charged. If it differs from the sum of the prices, the
        difference is the `adjustment` of the order, distributed over its lines.
        """
        ensure_batch_fits(request.data)
        session = request.auth
        given = self.validated(SyncInput if session.register_id else SyncInputWithRegister)
        place = get_client_location(request)
        upload = replace(build_upload(given, session), place=place)
        results = upload_sales(upload, by=request.user)
        return Response(SyncSerializer({"results": results}).data)


class GapViewSet(TenantScopedViewSet):
    """Gaps in the device sequence of a register."""

    model = Register
    serializer_class = GapsSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = ("after",)

    @extend_schema(
        parameters=[OpenApiParameter("after", int, description="Only numbers above this one.")],
        responses=GapsSerializer,
    )
    def gaps(self, request: Request, pk: Any) -> Response:
        """Return how many sales the device has numbered, how many were received, and the missing
        ranges: at most 100. Pass `next` as `after` for the following ones."""
        check_parameters(request.query_params, frozenset(self.query_params))
        gaps = find_gaps(self.get_object(), after=parse_after(request))
        return Response(GapsSerializer(gaps).data)


class DeviceSequenceViewSet(TenantScopedViewSet):
    """The device sequence of a register."""

    model = Register
    serializer_class = DeviceSequenceSerializer
    permission_classes = (IsManager,)
    password_only = WRITE_METHODS
    pagination_class = None
    filterset_class = None

    @extend_schema(
        request=DeviceSequenceInput,
        responses=DeviceSequenceSerializer,
    )
    def set(self, request: Request, pk: Any) -> Response:
        """Set the last number that the device has given to a sale, up or down, for example after
        a device was lost. The next sale is expected to have the next number.

        Requires a log-in by password. Repeating the request changes nothing.
        """
        register = self.get_object()
        given = self.validated(DeviceSequenceInput)
        number = set_device_sequence(register, **given, by=request.user)
        shown = {"register": pk, "last_device_sequence": number}
        return Response(DeviceSequenceSerializer(shown).data)


def parse_after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if WHOLE_NUMBER.fullmatch(text) is None or int(text) > MAX_SEQUENCE:
        raise Invalid.field("after", "Must be a whole number of at most 2147483647.")
    return int(text)

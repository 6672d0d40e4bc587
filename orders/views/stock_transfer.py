"""Stock transfers and their lines."""

from collections.abc import Callable
from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from orders.models import StockTransfer, StockTransferLine
from orders.serializers.stock_transfer import (
    ArrivedLinesInput,
    StockTransferChangeInput,
    StockTransferInput,
    StockTransferLineSerializer,
    StockTransferReceiveInput,
    StockTransferSerializer,
    TransferLinesInput,
    TransferLinesSerializer,
)
from orders.services.stock.transfers import (
    cancel_transfer,
    change_transfer,
    check_arrival,
    create_transfer,
    receive_transfer,
    send_transfer,
    set_sent_quantities,
)
from tenants.api.filters import (
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import IdempotencyKeyRequired


class StockTransferFilter(StrictFilterSet):
    from_store = IdFilter()
    to_store = IdFilter()
    status = ChoiceFilter(choices=StockTransfer.Status.choices)
    updated_since = UpdatedSinceFilter()


class StockTransferViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Goods that one store sends to another, newest first. `status=sent` are in transit."""

    model = StockTransfer
    serializer_class = StockTransferSerializer
    permission_classes = (IsManager,)
    filterset_class = StockTransferFilter
    has_conditional_get = True
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    actions_checking_version = ("lines", "send", "check", "receive", "cancel")

    @extend_schema(request=StockTransferInput, responses={201: StockTransferSerializer})
    def create(self, request: Request) -> Response:
        """Start a transfer as a draft, which changes no stock."""
        transfer = create_transfer(self.validated(StockTransferInput), by=request.user)
        return self.answer(transfer, status=status.HTTP_201_CREATED)

    @extend_schema(request=StockTransferChangeInput, responses=StockTransferSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change the note of a draft or of a transfer in transit."""
        transfer = change_transfer(
            self.get_object_id(),
            self.validated(StockTransferChangeInput, partial=True),
            expected_version=self.if_match(required=True),
            by=request.user,
        )
        return self.answer(transfer)

    @extend_schema(request=TransferLinesInput, responses={201: TransferLinesSerializer})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def lines(self, request: Request, pk: Any) -> Response:
        """Set how much of up to 500 products a draft sends, all of them or none.

        A product that is in the draft is replaced, with a quantity of zero removed, or with `add`
        added to it, which needs an `Idempotency-Key`. Errors name the index: `lines[3].quantity`.
        """
        return self.save_lines(TransferLinesInput, set_sent_quantities)

    @extend_schema(request=None, responses=StockTransferSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def send(self, request: Request, pk: Any) -> Response:
        """Send a draft: its products leave the stock of the sending store by `transfer_out`.

        With `stock_policy` `block`, products that are not in stock are 409 `insufficient_stock`.
        """
        expected = self.if_match(required=False)
        id = self.get_object_id()
        return self.answer(send_transfer(id, expected_version=expected, by=request.user))

    @extend_schema(request=ArrivedLinesInput, responses={201: TransferLinesSerializer})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def check(self, request: Request, pk: Any) -> Response:
        """Save what has arrived of up to 500 products of a transfer in transit, all or none.

        It changes no stock yet. A product that was not sent is added. A product that was checked
        before is replaced, or with `add` added to it, which needs an `Idempotency-Key`.
        """
        return self.save_lines(ArrivedLinesInput, check_arrival)

    def save_lines(self, reader: Any, service: Callable[..., Any]) -> Response:
        transfer = self.get_object()
        items = self.validated(reader)["lines"]
        if self.idempotency_key is None and any(item.is_added for item in items):
            raise IdempotencyKeyRequired
        expected = self.if_match(required=False)
        saved, lines = service(transfer.pk, items, expected_version=expected, by=self.request.user)
        content = {"stock_transfer": saved, "lines": lines}
        answer = TransferLinesSerializer(content).data
        return Response(answer, status=status.HTTP_201_CREATED)

    @extend_schema(request=StockTransferReceiveInput, responses=StockTransferSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def receive(self, request: Request, pk: Any) -> Response:
        """Receive a transfer: its products enter the stock of the receiving store.

        What was sent enters by `transfer_in`. What is missing of it leaves by `waste` with its
        reason, and what arrived beyond it enters by `adjust`.
        """
        transfer = receive_transfer(
            self.get_object_id(),
            StockTransfer.Unchecked(self.validated(StockTransferReceiveInput)["unchecked"]),
            expected_version=self.if_match(required=False),
            by=request.user,
        )
        return self.answer(transfer)

    @extend_schema(request=None, responses=StockTransferSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: Any) -> Response:
        """Cancel a transfer. If it was sent, its goods return to the stock of the sending store."""
        expected = self.if_match(required=False)
        id = self.get_object_id()
        return self.answer(cancel_transfer(id, expected_version=expected, by=request.user))


class StockTransferLineFilter(StrictFilterSet):
    transfer = IdFilter()
    product = IdFilter()
    in_transit = StrictBooleanFilter(
        method="filter_in_transit", help_text="Lines of transfers in transit, or of all others."
    )
    different = StrictBooleanFilter(
        method="filter_different",
        help_text="Checked lines with a difference, or all others.",
    )

    def filter_in_transit(self, lines: Any, name: str, value: bool) -> Any:
        found = lines.in_transit()
        return found if value else lines.exclude(pk__in=found.values("pk"))

    def filter_different(self, lines: Any, name: str, value: bool) -> Any:
        found = lines.different()
        return found if value else lines.exclude(pk__in=found.values("pk"))


class StockTransferLineViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Products of stock transfers, in the order in which they were added."""

    model = StockTransferLine
    serializer_class = StockTransferLineSerializer
    permission_classes = (IsManager,)
    filterset_class = StockTransferLineFilter
    ordering_fields = {"id": ("id",)}
    ordering = "id"

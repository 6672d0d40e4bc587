"""The till: trying out, selling, looking up, handing over the receipt."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django_filters import CharFilter, ChoiceFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from orders import services
from orders.exceptions import IdempotencyKeyRequired
from orders.models import Order
from orders.serializers.order import (
    BasketInput,
    CalculationSerializer,
    OrderInput,
    OrderSerializer,
    PaymentInput,
    new_order,
    wanted_discounts,
    wanted_lines,
)
from orders.serializers.receipt import ReceiptSerializer
from orders.views.editing import Edits
from tenants.exceptions import Invalid
from tenants.filters import IdFilter, MomentFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.scope import current_tenant
from tenants.views import ListsAndShows, TenantScopedViewSet

RECEIPT_FORMATS = ("json", "text", "html")


class OrderFilter(StrictFilterSet):
    status = ChoiceFilter(choices=Order.Status.choices)
    register = IdFilter()
    store = IdFilter()
    cashier = IdFilter()
    number = CharFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    updated_since = UpdatedSinceFilter()

    class Meta:
        model = Order
        fields = ()


class OrderViewSet(Edits, ListsAndShows, TenantScopedViewSet):
    """What customers take to the tills, newest first."""

    model = Order
    serializer_class = OrderSerializer
    permission_classes = (IsStaff,)
    filterset_class = OrderFilter
    ordering_fields = {
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    }
    ordering = "-created_at"
    # A card is charged between two transactions.
    several_transactions = ("create", "payments")

    def rows(self) -> Any:
        return Order.objects.with_details()

    @extend_schema(request=OrderInput, responses={200: OrderSerializer, 201: OrderSerializer})
    def create(self, request: Request) -> Response:
        """Sell. With payments that cover the total the order is completed at once.

        The same `id` with the same content is the same sale (200), however often it is sent.
        """
        given = self.validated(OrderInput)
        if "id" not in given:
            raise IdempotencyKeyRequired
        order, is_new = services.sell(new_order(given, request.data), by=request.user)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return self.answer(order, status=code)

    @extend_schema(request=BasketInput, responses=CalculationSerializer)
    @action(detail=False, methods=["post"])
    def calculate(self, request: Request) -> Response:
        """What an order would cost, and how each line comes to that. Writes nothing."""
        given = self.validated(BasketInput)
        basket = services.price_basket(
            current_tenant(), wanted_lines(given), wanted_discounts(given)
        )
        return Response(CalculationSerializer(basket).data)

    @extend_schema(request=PaymentInput, responses={200: OrderSerializer, 201: OrderSerializer})
    @action(detail=True, methods=["post"])
    def payments(self, request: Request, pk: Any) -> Response:
        """Take one more payment of an open order."""
        new = self.validated(PaymentInput)["new"]
        if new.id is None:
            raise IdempotencyKeyRequired
        order, is_new = services.take_payment(
            self.get_object(),
            new,
            expected_version=self.if_match(required=False),
            by=request.user,
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return self.answer(order, status=code)

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=RECEIPT_FORMATS, default="json")],
        responses={
            (200, "application/json"): ReceiptSerializer,
            (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR),
            (200, "text/html"): OpenApiResponse(OpenApiTypes.STR),
        },
    )
    @action(detail=True, methods=["get"], query_params=("format",))
    def receipt(self, request: Request, pk: Any) -> HttpResponse:
        """The receipt of a completed order."""
        form = request.query_params.get("format", "json")
        if form not in RECEIPT_FORMATS:
            raise Invalid.field("format", f"One of {', '.join(RECEIPT_FORMATS)}.")
        receipt = services.receipt_of(self.get_object())
        if form == "text":
            return HttpResponse(
                services.receipt_text(receipt), content_type="text/plain; charset=utf-8"
            )
        if form == "html":
            return render(request, "receipts/receipt.html", _face(receipt))
        return Response(ReceiptSerializer(receipt).data)


def _face(receipt: services.ReceiptContent) -> dict[str, Any]:
    return {
        "receipt": receipt,
        "sold_at": receipt.sold_at.strftime("%Y-%m-%d %H:%M"),
        "parts": [receipt.lines, receipt.totals, receipt.payments, receipt.taxes],
    }

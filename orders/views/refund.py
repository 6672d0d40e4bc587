"""Refunds after the fact, and store credit."""

from typing import Any

from django.http import HttpResponse
from django_filters import CharFilter, ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff, ReadOnly
from orders import services
from orders.models import Refund, StoreCredit
from orders.models.catalog import folded
from orders.serializers.receipt import RefundReceiptSerializer
from orders.serializers.refund import (
    RefundSerializer,
    ResolveInput,
    StoreCreditEntrySerializer,
    StoreCreditInput,
    StoreCreditSerializer,
)
from orders.views.paper import HOW, AsNamed, format_of, paper_schema, print_of
from tenants.filters import IdFilter, MomentFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.views import ListsAndShows, TenantScopedViewSet


class RefundFilter(StrictFilterSet):
    order = IdFilter()
    register = IdFilter()
    shift = IdFilter()
    status = ChoiceFilter(choices=Refund.Status.choices)
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Refund
        fields = ()


class RefundViewSet(ListsAndShows, TenantScopedViewSet):
    """What was taken back, newest first. It is asked for at the order."""

    model = Refund
    serializer_class = RefundSerializer
    permission_classes = (IsStaff,)
    filterset_class = RefundFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
    several_transactions = ("resolve", "receipt")

    def rows(self) -> Any:
        if self.action == "receipt":
            return Refund.objects.with_receipt()
        return Refund.objects.with_details()

    @paper_schema(RefundReceiptSerializer, HOW)
    @action(
        detail=True,
        methods=["get"],
        query_params=("format",),
        filterset_class=None,
        content_negotiation_class=AsNamed,
    )
    def receipt(self, request: Request, pk: Any) -> HttpResponse:
        form = format_of(request)
        receipt = services.refund_receipt_of(self.get_object())
        if form == "json":
            return Response(RefundReceiptSerializer(receipt).data)
        return print_of(receipt, form, request)

    @extend_schema(request=ResolveInput, responses=RefundSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def resolve(self, request: Request, pk: Any) -> Response:
        """Look up at the gateway what became of a refund that is pending, and hand over the rest.

        Where one of several cards declined its part, `method` says how that goes back instead.
        """
        given = self.validated(ResolveInput) if request.data else {}
        way = services.OtherWay(**given, by=request.user, terminal=request.auth.terminal_id)
        return self.answer(services.resolve_refund(self.get_object(), way))


class StoreCreditFilter(StrictFilterSet):
    code = CharFilter(method="coded")
    updated_since = UpdatedSinceFilter()

    class Meta:
        model = StoreCredit
        fields = ()

    def coded(self, credits: Any, name: str, value: str) -> Any:
        return credits.filter(code=folded(value))


class StoreCreditViewSet(ListsAndShows, TenantScopedViewSet):
    """What the shop owes to whoever holds a code."""

    model = StoreCredit
    serializer_class = StoreCreditSerializer
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = StoreCreditFilter
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    needs_key = ("create",)

    @extend_schema(
        request=StoreCreditInput,
        responses={200: StoreCreditSerializer, 201: StoreCreditSerializer},
    )
    def create(self, request: Request) -> Response:
        """Issue credit: a gift card, or goodwill."""
        given = self.validated(StoreCreditInput)
        given["id"] = self.natural_id(given.get("id"))
        credit, is_new = services.issue_credit(**given, by=request.user)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return self.answer(credit, status=code)

    @extend_schema(responses=StoreCreditEntrySerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        serializer_class=StoreCreditEntrySerializer,
        filterset_class=None,
        ordering_fields={"created_at": ("created_at",)},
        ordering="-created_at",
    )
    def entries(self, request: Request, pk: Any) -> Response:
        """Why the balance is what it is."""
        page = self.paginate_queryset(self.get_object().entries.all())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

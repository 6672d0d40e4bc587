"""Payments: list, wait for an outcome, resolve and cancel."""

import re
from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff
from orders.models import Order, Payment
from orders.models.payment import IN_PROGRESS
from orders.serializers.editing import OptionalApprovalInput
from orders.serializers.order import OrderSerializer
from orders.serializers.payment import PaymentDetailSerializer
from orders.services.approvals import RequestContext
from orders.services.payments.cancel import cancel_payment
from orders.services.payments.capture import resolve_payment
from orders.services.payments.waiting import MAX_WAIT, wait_for_outcome
from orders.views.customer import ErasedCustomersMixin
from tenants.api.filters import IdFilter, StrictFilterSet
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import Invalid

# The client asks again after so many seconds if the server has no thread to wait with.
RETRY_AFTER = 2
WHOLE_SECONDS = re.compile(r"[0-9]{1,2}")


class PaymentFilter(StrictFilterSet):
    order = IdFilter()
    register = IdFilter(field_name="order__register")
    status = ChoiceFilter(choices=Payment.Status.choices)
    method = ChoiceFilter(choices=Payment.Method.choices)

    class Meta:
        model = Payment
        fields = ()


class PaymentViewSet(ErasedCustomersMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Payments. Add them with `orders/` or `orders/{id}/payments/`."""

    model = Payment
    serializer_class = PaymentDetailSerializer
    permission_classes = (IsStaff,)
    filterset_class = PaymentFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
    # A payment is awaited outside of a transaction.
    multi_transaction_actions = ("retrieve", "cancel", "resolve")
    actions_checking_version = ("cancel",)

    @property
    def query_params(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("wait",) if self.action == "retrieve" else ()

    def rows(self) -> Any:
        payments = Payment.objects.select_related("order")
        if self.action == "list" and not self.request.query_params.keys() & {"order", "status"}:
            return payments.filter(status__in=IN_PROGRESS)
        return payments

    def get_versioned_row(self) -> Order:
        """Return the order: payments have no version of their own."""
        order: Order = self.get_object().order
        return order

    def list(self, request: Request) -> Response:
        """List payments. Without `order` and `status`, those with a pending or unknown outcome."""
        return super().list(request)

    @extend_schema(
        parameters=[
            OpenApiParameter("wait", int, description="Seconds to wait for an outcome, 0 to 20.")
        ],
        responses=PaymentDetailSerializer,
    )
    def retrieve(self, request: Request, pk: Any) -> Response:
        """Retrieve a payment, with `wait` once its outcome is known or the time is over.

        If many requests wait already, the answer comes at once, with `Retry-After`.
        """
        seconds = parse_wait(request)
        payment = self.get_object()
        headers = {}
        if seconds and payment.is_in_progress:
            if wait_for_outcome(payment.pk, seconds):
                payment = self.get_object()
            else:
                headers = {"Retry-After": str(RETRY_AFTER)}
        return Response(PaymentDetailSerializer(payment).data, headers=headers)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(
        detail=True,
        methods=["post"],
        permission_classes=[IsManager],
        serializer_class=OrderSerializer,
        filterset_class=None,
    )
    def resolve(self, request: Request, pk: Any) -> Response:
        """Look up the outcome of a payment at the gateway. Returns the order."""
        order = resolve_payment(self.get_object_id(), by=request.user)
        return self.answer(order)

    @extend_schema(request=OptionalApprovalInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"], serializer_class=OrderSerializer, filterset_class=None)
    def cancel(self, request: Request, pk: Any) -> Response:
        """Cancel a payment of an order that is not completed. Returns the order."""
        approval = self.validated(OptionalApprovalInput).get("approval") if request.data else None
        context = RequestContext(
            request.user, approval, request.auth.terminal_id, self.if_match(required=False)
        )
        return self.answer(cancel_payment(self.get_object_id(), context))


def parse_wait(request: Request) -> int:
    """Return the seconds that the client wants to wait."""
    text = request.query_params.get("wait", "0")
    if WHOLE_SECONDS.fullmatch(text) is None or int(text) > MAX_WAIT:
        raise Invalid.field("wait", f"Must be a whole number from 0 to {MAX_WAIT}.")
    return int(text)

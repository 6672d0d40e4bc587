"""Payments: list, wait for an outcome, resolve and cancel."""

from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
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
from orders.views.customer import ErasedCustomersMixin
from orders.views.waiting import WaitMixin
from tenants.api.filters import IdFilter, StrictFilterSet
from tenants.api.views import TenantScopedViewSet


class PaymentFilter(StrictFilterSet):
    order = IdFilter()
    register = IdFilter(field_name="order__register")
    status = ChoiceFilter(choices=Payment.Status.choices)
    method = ChoiceFilter(choices=Payment.Method.choices)

    class Meta:
        model = Payment
        fields = ()


class PaymentViewSet(ErasedCustomersMixin, WaitMixin, TenantScopedViewSet):
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

    @property
    def in_progress(self) -> Any:
        return Payment.objects.filter(status__in=IN_PROGRESS)

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

"""Actions that resolve and cancel payments."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff
from orders.models import Order, Payment
from orders.serializers.editing import OptionalApprovalInput
from orders.serializers.order import OrderSerializer
from orders.services.approvals import RequestContext
from orders.services.payments.cancel import cancel_payment
from orders.services.payments.capture import resolve_payment
from tenants.api.views import TenantScopedViewSet


class PaymentViewSet(TenantScopedViewSet):
    """Payments of orders that are not completed yet."""

    model = Payment
    serializer_class = OrderSerializer
    permission_classes = (IsStaff,)
    multi_transaction_actions = ("cancel", "resolve")
    actions_checking_version = ("cancel",)

    def rows(self) -> Any:
        return Payment.objects.select_related("order")

    def get_versioned_row(self) -> Order:
        """Return the order: payments have no version of their own."""
        order: Order = self.get_object().order
        return order

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def resolve(self, request: Request, pk: Any) -> Response:
        """Look up the outcome of a payment at the gateway. Returns the order."""
        order = resolve_payment(self.get_object(), by=request.user)
        return self.answer(order)

    @extend_schema(request=OptionalApprovalInput, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Cancel a payment of an order that is not completed. Returns the order."""
        approval = self.validated(OptionalApprovalInput).get("approval") if request.data else None
        context = RequestContext(
            request.user, approval, request.auth.terminal_id, self.if_match(required=False)
        )
        return self.answer(cancel_payment(self.get_object(), context))

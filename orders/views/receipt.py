"""Look-up of a sale by what its receipt shows."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from orders.models import Order
from orders.serializers.order import OrderSerializer
from orders.services.sales.lookup import find_sale
from tenants.api.filters import check_parameters
from tenants.api.formats import FormatError, parse_uuid
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import Invalid


class ReceiptViewSet(TenantScopedViewSet):
    """Sales, found by their receipts."""

    model = Order
    serializer_class = OrderSerializer
    permission_classes = (IsStaff,)
    query_params = ("register",)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "code",
                str,
                OpenApiParameter.PATH,
                description="The QR code of the receipt, or a number on it.",
            ),
            OpenApiParameter(
                "register",
                {"type": "string", "format": "uuid"},
                description="Only sales of this register.",
            ),
        ],
        responses=OrderSerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        """Find the sale of a receipt, for example before a refund.

        `code` is what the scanner reads from the QR code of a receipt or refund receipt, the order
        number (`1-000017`), or the number that the till gave the sale (`1-T17`). A receipt number
        (`17`) is unique only within a register and needs `register`.
        """
        check_parameters(request.query_params, frozenset(self.query_params))
        given = request.query_params.get("register")
        try:
            register = parse_uuid(given) if given is not None else None
        except FormatError as error:
            raise Invalid.field("register", "Must be a UUID.") from error
        return self.answer(find_sale(code, register=register, by=request.user))

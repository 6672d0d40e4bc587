"""Events that payment providers send."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.views.auth import UnauthenticatedView
from orders.services.payment_events import receive_event

# Only its id and type are documented, because it has the version of the provider's account.
STRIPE_EVENT = {
    "type": "object",
    "description": "An event of Stripe.",
    "properties": {
        "id": {"type": "string", "examples": ["evt_1PqZ8v2eZvKYlo2C"]},
        "type": {"type": "string", "examples": ["terminal.reader.action_succeeded"]},
    },
    "additionalProperties": True,
}


class PaymentEventView(UnauthenticatedView):
    """Events of one payment provider, signed by it."""

    @extend_schema(
        request={"application/json": STRIPE_EVENT},
        parameters=[OpenApiParameter("Stripe-Signature", str, OpenApiParameter.HEADER)],
        responses={204: None},
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Receive an event of the provider. The outcome itself is looked up at the provider."""
        signature = request.headers.get("Stripe-Signature", "")
        receive_event(pk, request.body, signature, timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

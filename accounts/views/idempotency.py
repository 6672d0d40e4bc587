"""Look-up of requests by Idempotency-Key."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsStaff
from accounts.serializers.idempotency import IdempotencyKeySerializer
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import NotFound
from tenants.models import IdempotencyKey

KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="The Idempotency-Key.")


@extend_schema_view(list=extend_schema(parameters=[KEY]))
class IdempotencyKeyViewSet(TenantScopedViewSet):
    """The user's own requests with a key: completed or in progress; 404 if unknown.

    Keys are kept for 72 hours.
    """

    model = IdempotencyKey
    serializer_class = IdempotencyKeySerializer
    permission_classes = (IsStaff,)
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "created_at"

    def list(self, request: Request, key: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset().filter(key=key)))
        if not page:
            raise NotFound
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

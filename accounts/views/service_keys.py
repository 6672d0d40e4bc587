"""Service keys, managed by admins."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ServiceKey
from accounts.permissions import ALL_METHODS, IsAdmin
from accounts.serializers.service_keys import (
    NewServiceKeySerializer,
    ServiceKeyInput,
    ServiceKeySerializer,
)
from accounts.services.service_keys import create_service_key, revoke_service_key
from tenants.api.filters import StrictBooleanFilter, StrictFilterSet
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class ServiceKeyFilter(StrictFilterSet):
    is_revoked = StrictBooleanFilter(field_name="revoked_at", lookup_expr="isnull", exclude=True)


class ServiceKeyViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Keys with which other programs use the API, such as a web shop, newest first."""

    model = ServiceKey
    serializer_class = ServiceKeySerializer
    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS
    filterset_class = ServiceKeyFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"

    def rows(self) -> Any:
        return ServiceKey.objects.select_related("user").prefetch_related("user__postings")

    @extend_schema(request=ServiceKeyInput, responses={201: NewServiceKeySerializer})
    def create(self, request: Request) -> Response:
        """Create a service key. Requires a recent authentication by password.

        The `secret` is returned only in this response.
        """
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        key, secret = create_service_key(**self.validated(ServiceKeyInput), by=request.user)
        data = {**ServiceKeySerializer(key).data, "secret": secret}
        headers = {"Cache-Control": "no-store", "ETag": f'"{key.version}"'}
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: Any) -> Response:
        """Revoke a service key. Its next request is refused; the row stays."""
        revoke_service_key(self.get_object_id(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

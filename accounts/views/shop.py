"""The shop itself: everybody reads its rules and places, admins write them."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsAdmin, IsStaff, ReadOnly
from accounts.serializers.shop import (
    RegisterChange,
    RegisterInput,
    RegisterSerializer,
    StoreInput,
    StoreSerializer,
    TenantInput,
    TenantSerializer,
    tenant_changes,
)
from tenants import services
from tenants.filters import IdFilter, StrictBooleanFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_scope
from tenants.views import ListsAndShows, TenantScopedViewSet, Writes, version_named_by

READ_ALL_WRITE_ADMIN: Any = IsAdmin | (IsStaff & ReadOnly)


class TenantView(APIView):
    """The rules of the shop one works in."""

    permission_classes: tuple[type[BasePermission], ...] = (READ_ALL_WRITE_ADMIN,)

    @extend_schema(operation_id="tenant_retrieve", responses=TenantSerializer)
    def get(self, request: Request) -> Response:
        return self.answer(request.user.tenant)

    @extend_schema(operation_id="tenant_update", request=TenantInput, responses=TenantSerializer)
    def patch(self, request: Request) -> Response:
        expected = version_named_by(request, required=True)
        with tenant_scope(request.user.tenant):
            serializer = TenantInput(data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            changes = tenant_changes(serializer.validated_data)
            return self.answer(services.change_settings(changes, expected_version=expected))

    def answer(self, tenant: Tenant) -> Response:
        with tenant_scope(tenant):
            data = TenantSerializer(tenant).data
        return Response(data, headers={"ETag": f'"{tenant.version}"'})


class PlaceFilter(StrictFilterSet):
    is_active = StrictBooleanFilter()
    updated_since = UpdatedSinceFilter()

    class Meta:
        model = Store
        fields = ()


@extend_schema_view(
    create=extend_schema(request=StoreInput, responses={201: StoreSerializer}),
    partial_update=extend_schema(request=StoreInput, responses=StoreSerializer),
)
class StoreViewSet(Writes, ListsAndShows, TenantScopedViewSet):
    """The places where the shop sells."""

    model = Store
    serializer_class = StoreSerializer
    input_class = StoreInput
    permission_classes = (READ_ALL_WRITE_ADMIN,)
    filterset_class = PlaceFilter
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"


class RegisterFilter(PlaceFilter):
    store = IdFilter()

    class Meta:
        model = Register
        fields = ()


@extend_schema_view(
    partial_update=extend_schema(request=RegisterChange, responses=RegisterSerializer),
)
class RegisterViewSet(Writes, ListsAndShows, TenantScopedViewSet):
    """The tills. A till stays in its store: its receipts are numbered there."""

    model = Register
    serializer_class = RegisterSerializer
    input_class = RegisterChange
    permission_classes = (READ_ALL_WRITE_ADMIN,)
    filterset_class = RegisterFilter
    ordering_fields = {"number": ("number",), "updated_at": ("updated_at",)}
    ordering = "number"

    @extend_schema(request=RegisterInput, responses={201: RegisterSerializer})
    def create(self, request: Request) -> Response:
        register = services.add_register(**self.validated(RegisterInput))
        return self.answer(register, status=status.HTTP_201_CREATED)

"""Tenant settings, stores and registers: all staff read, admins write."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models.pairing_code import format_pairing_code
from accounts.permissions import WRITE_METHODS, IsAdmin, IsManager, IsStaff, ReadOnly
from accounts.serializers.pairing import (
    DeviceInput,
    PairingCodeSerializer,
    TerminalTokenSerializer,
)
from accounts.serializers.shop import (
    RegisterChange,
    RegisterInput,
    RegisterSerializer,
    StoreInput,
    StoreSerializer,
    TenantInput,
    TenantSerializer,
    build_tenant_changes,
)
from accounts.services.pairing_codes import make_pairing_code
from accounts.services.terminals import (
    Device,
    end_sessions_at_inactive,
    pair_terminal,
    unpair_terminal,
)
from accounts.views.pairing import answer_paired
from tenants import services
from tenants.api.conditional import answer_if_changed, build_version_etag
from tenants.api.filters import (
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
)
from tenants.api.views import (
    CreateUpdateMixin,
    ListRetrieveMixin,
    TenantScopedViewSet,
    parse_if_match,
    read_input,
)
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_scope

# Checked before `password_only`, so that users without permission get 403 permission_denied.
READ_ALL_WRITE_ADMIN: Any = IsAdmin | (ReadOnly & IsStaff)


class TenantView(APIView):
    """Settings of the tenant."""

    permission_classes: tuple[type[BasePermission], ...] = (READ_ALL_WRITE_ADMIN,)
    password_only = WRITE_METHODS
    has_conditional_get = True

    @extend_schema(responses=TenantSerializer)
    def get(self, request: Request) -> Response:
        return answer_if_changed(request, self.answer(request.user.tenant))

    @extend_schema(request=TenantInput, responses=TenantSerializer)
    def patch(self, request: Request) -> Response:
        expected = parse_if_match(request, required=True)
        with tenant_scope(request.user.tenant):
            given = read_input(TenantInput, request.data, partial=True)
            changes = build_tenant_changes(given)
            tenant = services.change_settings(changes, expected_version=expected, by=request.user)
            return self.answer(tenant)

    def answer(self, tenant: Tenant) -> Response:
        with tenant_scope(tenant):
            data = TenantSerializer(tenant).data
        return Response(data, headers={"ETag": build_version_etag(tenant.version)})


class PlaceFilter(StrictFilterSet):
    is_active = StrictBooleanFilter()
    updated_since = UpdatedSinceFilter()


class EndSessionsOnDeactivationMixin:
    """End the sessions at a store or register that is deactivated."""

    def write(self: Any, row: Any, values: dict[str, Any]) -> Any:
        row = super().write(row, values)
        end_sessions_at_inactive(row)
        return row


class StoreFilter(PlaceFilter):
    external_id = TextFilter()


class StoreViewSet(
    EndSessionsOnDeactivationMixin, CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet
):
    """Stores of the tenant."""

    model = Store
    serializer_class = StoreSerializer
    input_class = StoreInput
    audit_name = "store"
    permission_classes = (READ_ALL_WRITE_ADMIN,)
    password_only = WRITE_METHODS
    filterset_class = StoreFilter
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"


class RegisterFilter(PlaceFilter):
    store = IdFilter()


class RegisterViewSet(
    EndSessionsOnDeactivationMixin, CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet
):
    """Registers of the tenant. A register never changes its store."""

    model = Register
    serializer_class = RegisterSerializer
    input_class = RegisterChange
    audit_name = "register"
    permission_classes = (READ_ALL_WRITE_ADMIN,)
    password_only = WRITE_METHODS
    filterset_class = RegisterFilter
    has_conditional_get = True
    ordering_fields = {"number": ("number",), "updated_at": ("updated_at",)}
    ordering = "number"

    @extend_schema(request=RegisterInput, responses={201: RegisterSerializer})
    def create(self, request: Request) -> Response:
        register = services.create_register(**self.validated(RegisterInput), by=request.user)
        return self.answer(register, status=status.HTTP_201_CREATED)

    @extend_schema(request=DeviceInput, responses={201: TerminalTokenSerializer})
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def pair(self, request: Request, pk: Any) -> Response:
        """Pair a device with this register. Requires a recent authentication by password.

        The former terminal is unpaired and its sessions end. The new one continues numbering its
        sales after `last_device_sequence`.
        """
        terminal, token = pair_terminal(
            register_id=self.get_object_id(),
            session=request.auth,
            device=Device(**self.validated(DeviceInput)),
        )
        return answer_paired(TerminalTokenSerializer, terminal, token)

    @extend_schema(request=None, responses={201: PairingCodeSerializer})
    @action(detail=True, methods=["post"], permission_classes=[IsManager], url_path="pairing-codes")
    def pairing_codes(self, request: Request, pk: Any) -> Response:
        """Make a code that pairs a device with this register by `auth/pair/`, without a log-in.

        It is valid once, for ten minutes, and replaces the former one. Requires a recent
        authentication by password.
        """
        request.auth.ensure_fresh(timezone.now(), by_password=True)
        code, expires_at = make_pairing_code(register_id=self.get_object_id(), by=request.user)
        shown = {"pairing_code": format_pairing_code(code), "expires_at": expires_at}
        data = PairingCodeSerializer(shown).data
        headers = {"Cache-Control": "no-store"}
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def unpair(self, request: Request, pk: Any) -> Response:
        """Unpair the register's terminal and end its sessions."""
        unpair_terminal(register_id=self.get_object_id(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

"""User management endpoints."""

from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AuthSession, Role, User, build_username_key
from accounts.permissions import ALL_METHODS, WRITE_METHODS, IsAdmin, IsManager, IsStaff
from accounts.serializers.people import (
    EmployeeInput,
    EmployeeSerializer,
    HireInput,
    NewUserSerializer,
    RoleInput,
    SessionSerializer,
    TemporaryPasswordSerializer,
)
from accounts.serializers.pins import PinInput
from accounts.services.pins import remove_pin, set_pin
from accounts.services.users import (
    change_role,
    create_user,
    edit_user,
    end_sessions_of_user,
    reset_password,
    set_activation,
)
from accounts.views.sessions import SessionViewSet
from tenants.api.filters import (
    LIST_PARAMETERS,
    StrictBooleanFilter,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import NotPermitted


class UserFilter(StrictFilterSet):
    role = ChoiceFilter(choices=Role.choices)
    is_active = StrictBooleanFilter()
    username = TextFilter(method="named")
    updated_since = UpdatedSinceFilter()

    def named(self, people: Any, name: str, value: str) -> Any:
        return people.filter(username_key=build_username_key(value))


class UserViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Users of the tenant. Managers manage cashiers, admins manage all others."""

    model = User
    serializer_class = EmployeeSerializer
    permission_classes = (IsManager,)
    password_only = WRITE_METHODS
    filterset_class = UserFilter
    ordering_fields = {"username": ("username_key",), "created_at": ("created_at",)}
    ordering = "username"

    def rows(self) -> Any:
        people = User.objects.get_queryset().people().select_related("tenant")
        shown = self.action in {"list", "retrieve"}
        return people.select_related("pin").prefetch_related("postings") if shown else people

    @extend_schema(request=HireInput, responses={201: NewUserSerializer})
    def create(self, request: Request) -> Response:
        given = self.validated(HireInput)
        given["role"] = Role(given["role"])
        user, password = create_user(by=request.user, **given)
        user.temporary_password = password
        data = NewUserSerializer(user, context=self.get_serializer_context()).data
        headers = {"ETag": f'"{user.version}"'}
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=EmployeeInput, responses=EmployeeSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        user = edit_user(
            user_id=self.get_object_id(),
            expected_version=self.if_match(required=True),
            changes=self.validated(EmployeeInput, partial=True),
            by=request.user,
        )
        return self.answer(user)

    @extend_schema(request=RoleInput, responses=EmployeeSerializer)
    @action(detail=True, methods=["put"], permission_classes=[IsAdmin])
    def role(self, request: Request, pk: Any) -> Response:
        self.require_if_match()
        role = Role(self.validated(RoleInput)["role"])
        return self.answer(change_role(user_id=self.get_object_id(), role=role, by=request.user))

    @extend_schema(request=None, responses=EmployeeSerializer)
    @action(detail=True, methods=["put"])
    def activation(self, request: Request, pk: Any) -> Response:
        """Activate the user."""
        self.require_if_match()
        return self.answer(
            set_activation(user_id=self.get_object_id(), active=True, by=request.user)
        )

    def require_if_match(self) -> None:
        """Refuse a PUT without If-Match. With one, `checking_version` has compared the version."""
        self.if_match(required=True)

    @extend_schema(request=None, responses={200: EmployeeSerializer})
    @activation.mapping.delete
    def deactivate(self, request: Request, pk: Any) -> Response:
        """Deactivate the user and end all their sessions.

        If-Match is optional here; a version that is sent is compared.
        """
        return self.answer(
            set_activation(user_id=self.get_object_id(), active=False, by=request.user)
        )

    @extend_schema(request=None, responses=TemporaryPasswordSerializer)
    @action(detail=True, methods=["post"], url_path="reset-password")
    def reset_password(self, request: Request, pk: Any) -> Response:
        """Create a temporary password, shown only once, which the user must change."""
        password = reset_password(user_id=self.get_object_id(), by=request.user)
        return Response({"temporary_password": password})

    @extend_schema(request=PinInput, responses={204: None})
    @action(detail=True, methods=["put"], permission_classes=[IsStaff])
    def pin(self, request: Request, pk: Any) -> Response:
        """Set the user's PIN for paired terminals in their stores."""
        self.require_if_match()
        set_pin(user_id=self.get_object_id(), pin=self.validated(PinInput)["pin"], by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    @pin.mapping.delete
    def remove_pin(self, request: Request, pk: Any) -> Response:
        """Remove the user's PIN.

        If-Match is optional here; a version that is sent is compared.
        """
        remove_pin(user_id=self.get_object_id(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=SessionSerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        serializer_class=SessionSerializer,
        filterset_class=None,
        query_params=tuple(LIST_PARAMETERS),
        password_only=ALL_METHODS,
        ordering_fields=SessionViewSet.ordering_fields,
        ordering=SessionViewSet.ordering,
    )
    def sessions(self, request: Request, pk: Any) -> Response:
        user = self.get_object()
        if not request.user.may_log_out(user):
            raise NotPermitted
        page = self.paginate_queryset(AuthSession.objects.live().filter(user=user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=None, responses={204: None})
    @sessions.mapping.delete
    def end_sessions(self, request: Request, pk: Any) -> Response:
        """End all sessions of the user."""
        end_sessions_of_user(user_id=self.get_object_id(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

"""PIN log-in at paired terminals."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import authenticate_terminal
from accounts.client_info import get_client_info
from accounts.models import User
from accounts.security.tokens import get_access_token_seconds, issue_access
from accounts.serializers.pins import PinLogInAnswer, PinLogInInput, PinUserSerializer
from accounts.services.pins import list_pin_users, log_in_by_pin
from accounts.views.auth import UnauthenticatedView
from tenants.api.views import read_input
from tenants.scope import tenant_scope


class PinUsersView(UnauthenticatedView, GenericAPIView):
    """List the users with a PIN who work in the terminal's store."""

    serializer_class = PinUserSerializer
    ordering_fields = {"username": ("username_key",)}
    ordering = "username"

    def get_queryset(self) -> Any:
        return User.objects.none()  # for the schema only; the terminal decides

    @extend_schema(
        responses=PinUserSerializer(many=True),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        terminal = authenticate_terminal(request)
        with tenant_scope(terminal.tenant):
            people = self.filter_queryset(list_pin_users(terminal))
            page = self.paginate_queryset(people)
            return self.get_paginated_response(self.get_serializer(page, many=True).data)


class PinLogInView(UnauthenticatedView):
    """Log in with a PIN. A former PIN session at the terminal ends."""

    @extend_schema(
        request=PinLogInInput,
        responses=PinLogInAnswer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        terminal = authenticate_terminal(request)
        given = read_input(PinLogInInput, request.data)
        session = log_in_by_pin(
            terminal=terminal,
            user_id=given["user"],
            pin=given["pin"],
            origin=get_client_info(request),
        )
        answer = {
            "access": issue_access(session),
            "expires_in": get_access_token_seconds(session),
            "idle_expires_in": int(session.idle_lifetime.total_seconds()),
            "user": session.user,
            "session": session,
        }
        return Response(PinLogInAnswer(answer, context={"session": session}).data)

"""The PIN pad of a paired terminal: who may come in, and coming in."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import TERMINAL_TOKEN, terminal_named_by
from accounts.models import User
from accounts.security.tokens import issue_access, seconds_of_access
from accounts.serializers.pins import PinLogInAnswer, PinLogInInput, PinUserSerializer
from accounts.services.pins import log_in_by_pin, people_offered_at
from accounts.views.auth import TERMINAL_HEADER, OpenView, origin_of
from tenants.scope import tenant_scope

NEEDED = OpenApiParameter(
    TERMINAL_TOKEN,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description=TERMINAL_HEADER.description,
)


class PinUsersView(OpenView, GenericAPIView):
    """Those who work in the terminal's store and have a PIN, for the buttons of its pad."""

    serializer_class = PinUserSerializer
    ordering_fields = {"username": ("username_key",)}
    ordering = "username"

    def get_queryset(self) -> Any:
        return User.objects.none()  # for the schema: whose people it is, says the terminal

    @extend_schema(
        operation_id="auth_pin_users",
        parameters=[NEEDED],
        responses=PinUserSerializer(many=True),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        terminal = terminal_named_by(request)
        with tenant_scope(terminal.tenant):
            people = self.filter_queryset(people_offered_at(terminal))
            page = self.paginate_queryset(people)
            return self.get_paginated_response(self.get_serializer(page, many=True).data)


class PinLogInView(OpenView):
    """Take over the till with a PIN. The session ends when nobody uses it for a while."""

    @extend_schema(
        operation_id="auth_pin",
        parameters=[NEEDED],
        request=PinLogInInput,
        responses=PinLogInAnswer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        terminal = terminal_named_by(request)
        serializer = PinLogInInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        session = log_in_by_pin(
            terminal=terminal,
            user_id=serializer.validated_data["user"],
            pin=serializer.validated_data["pin"],
            origin=origin_of(request),
        )
        answer = {
            "access": issue_access(session),
            "expires_in": seconds_of_access(session),
            "user": session.user,
            "session": session,
        }
        return Response(PinLogInAnswer(answer, context={"session": session}).data)

"""The user's own sessions, and reauthentication."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_info import get_client_info
from accounts.models import AuthSession
from accounts.permissions import IsStaff
from accounts.security.tokens import get_access_token_seconds
from accounts.serializers.people import ReauthAnswer, ReauthInput, SessionSerializer
from accounts.services.login import reauthenticate, reauthenticate_by_pin
from accounts.services.sessions import end_own_session
from tenants.api.idempotent_views import IdempotentView
from tenants.api.views import TenantScopedViewSet, read_input


class SessionViewSet(TenantScopedViewSet):
    """The user's own active sessions on all devices."""

    model = AuthSession
    serializer_class = SessionSerializer
    permission_classes = (IsStaff,)
    ordering_fields = {"created_at": ("created_at",), "last_used_at": ("last_used_at",)}
    ordering = "-created_at"
    # Sessions have no version.
    actions_checking_version = ("destroy",)

    def rows(self) -> Any:
        return AuthSession.objects.live()

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: Any) -> Response:
        """End a session. Its tokens are rejected from the next request on."""
        end_own_session(session_id=pk, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReauthView(IdempotentView):
    """Authenticate again with one's password or, at a paired terminal, one's PIN.

    Sets `auth_time` of the new access token to now. The method of the session becomes the one
    used: password-only requests are allowed after a password and denied after a PIN.
    """

    permission_classes = (IsStaff,)

    @extend_schema(request=ReauthInput, responses=ReauthAnswer)
    def post(self, request: Request) -> Response:
        given = read_input(ReauthInput, request.data)
        access = (
            reauthenticate_by_pin(request.auth, pin=given["pin"])
            if "pin" in given
            else reauthenticate(
                request.auth, password=given["password"], ip=get_client_info(request).ip
            )
        )
        answer = {"access": access, "expires_in": get_access_token_seconds(request.auth)}
        return Response(ReauthAnswer(answer).data)

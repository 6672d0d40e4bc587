"""The user's own profile and password."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import WRITE_METHODS, IsStaff, ensure_password_session
from accounts.serializers.people import (
    OwnPasswordInput,
    ProfileInput,
    TokenPairSerializer,
    UserSerializer,
)
from accounts.services.users import change_own_password, edit_user
from tenants.api.views import parse_if_match, read_input
from tenants.scope import tenant_context, tenant_scope


class MeView(APIView):
    """The user's own profile. The e-mail address is hidden and read-only in PIN sessions."""

    permission_classes = (IsStaff,)

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request) -> Response:
        return self.answer(request)

    @extend_schema(request=ProfileInput, responses=UserSerializer)
    def patch(self, request: Request) -> Response:
        expected = parse_if_match(request, required=True)
        given = read_input(ProfileInput, request.data, partial=True)
        if "email" in given:
            ensure_password_session(request)
        with tenant_scope(request.user.tenant):
            request.user = edit_user(
                user_id=request.user.pk,
                changes=given,
                expected_version=expected,
                by=request.user,
            )
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        data = UserSerializer(request.user, context={"request": request}).data
        return Response(data, headers={"ETag": f'"{request.user.version}"'})


class OwnPasswordView(APIView):
    """Change one's password. All other sessions end; this session gets new tokens."""

    permission_classes = (IsStaff,)
    password_only = WRITE_METHODS
    open_before_password_change = True

    @extend_schema(request=OwnPasswordInput, responses=TokenPairSerializer)
    def put(self, request: Request) -> Response:
        given = read_input(OwnPasswordInput, request.data)
        with tenant_context(request.user.tenant):
            pair = change_own_password(
                session=request.auth,
                current=given["current_password"],
                new=given["new_password"],
            )
        return Response(TokenPairSerializer(pair).data)

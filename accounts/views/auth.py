"""Log-in, token, log-out and sign-up endpoints."""

import re
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.authentication import TERMINAL_TOKEN_HEADER, authenticate_terminal, get_bearer_token
from accounts.client_info import get_client_info, get_tenant_slug_from_host
from accounts.exceptions import (
    AlreadyAuthenticated,
    SignupDisabled,
    TenantMismatch,
    TenantRequired,
)
from accounts.permissions import IsStaff
from accounts.security.tokens import TokenPair, read_access
from accounts.serializers.people import (
    LogInAnswer,
    LogInInput,
    OAuthLogInInput,
    OAuthTokenSerializer,
    RefreshInput,
    RevokeInput,
    TokenPairSerializer,
    VerifiedSerializer,
    VerifyInput,
)
from accounts.serializers.signup import SignupAnswer, SignupInput
from accounts.services.login import log_in
from accounts.services.login_attempts import count_sign_up_attempt
from accounts.services.sessions import (
    authenticate_token,
    log_out,
    log_out_everywhere,
    refresh,
    revoke,
)
from accounts.services.signup import sign_up
from tenants import idempotency
from tenants.api.idempotent_views import IdempotentView
from tenants.api.parsers import StrictFormParser, StrictJSONParser
from tenants.api.views import read_input
from tenants.exceptions import Invalid
from tenants.ids import derive_id
from tenants.models import Tenant

TENANT_NAME = re.compile(r"[a-z0-9-]{2,63}\Z")
# Owner of the idempotency keys of unauthenticated requests.
ANONYMOUS_OWNER = UUID(int=0)
TENANT_ID_PARAMETER = OpenApiParameter(
    "X-Tenant-ID", str, OpenApiParameter.HEADER, description="Slug or id of the tenant."
)

TERMINAL_TOKEN_PARAMETER = OpenApiParameter(
    TERMINAL_TOKEN_HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Token of a paired terminal. It does not authenticate a user.",
)


class UnauthenticatedView(APIView):
    """Base of endpoints without authentication.

    Except for sign-up they ignore an Idempotency-Key, as their responses are never stored.
    """

    authentication_classes = ()
    permission_classes = ()


def resolve_tenant_name(request: Request, in_body: str | None) -> str:
    """Return the tenant name of body, header or host. Raises TenantMismatch if they differ."""
    given = (in_body, request.headers.get("X-Tenant-ID"), get_tenant_slug_from_host(request))
    names = {name.lower() for name in given if name is not None}
    if len(names) > 1:
        raise TenantMismatch
    name = "".join(names)
    if not name:
        raise TenantRequired
    if TENANT_NAME.match(name) is None:
        raise Invalid.field("tenant", "Must be a tenant slug or id.")
    return name


def split_username(given: dict[str, Any]) -> None:
    """Move the tenant out of a username such as `corner/manager`; no username contains a slash.

    Raises TenantMismatch if the field `tenant` names another one.
    """
    tenant, separator, username = given["username"].rpartition("/")
    if not separator:
        return
    if given.get("tenant", tenant).lower() != tenant.lower():
        raise TenantMismatch
    given |= {"tenant": tenant, "username": username}


def build_token_answer(pair: TokenPair, **more: Any) -> dict[str, Any]:
    return {
        # Empty in a repeated response.
        "access": pair.access or None,
        "refresh": pair.refresh or None,
        "expires_in": pair.expires_in,
        **more,
    }


def render(output_class: type[Serializer[Any]], answer: Any) -> Any:
    """Return the data of an answer that depends on nothing else of its request."""
    return _get_output_serializer(output_class).to_representation(answer)


@cache
def _get_output_serializer(output_class: type[Serializer[Any]]) -> Serializer[Any]:
    """Return the serializer, whose fields take longer to make than to use."""
    return output_class()


class LogInView(UnauthenticatedView):
    """Log in with tenant, username and password, as JSON or as an OAuth 2.0 password form.

    With a terminal token the session is bound to the terminal's register and store. A form gets
    the names of RFC 6749 in its response; its username may contain the tenant, as in
    `corner/manager`, because clients of OAuth have no field for it.
    """

    parser_classes = (StrictJSONParser, StrictFormParser)

    @extend_schema(
        parameters=[TENANT_ID_PARAMETER, TERMINAL_TOKEN_PARAMETER],
        request={
            "application/json": LogInInput,
            "application/x-www-form-urlencoded": OAuthLogInInput,
        },
        responses=PolymorphicProxySerializer(
            "TokenAnswer", [LogInAnswer, OAuthTokenSerializer], resource_type_field_name=None
        ),
        auth=[],
    )
    def post(self, request: Request) -> Response:
        is_form = request.content_type.startswith("application/x-www-form-urlencoded")
        given = read_input(OAuthLogInInput if is_form else LogInInput, request.data)
        if is_form:
            split_username(given)
        session, pair = log_in(
            tenant=resolve_tenant_name(request, given.get("tenant")),
            username=given["username"],
            password=given["password"],
            origin=get_client_info(request),
            terminal=authenticate_terminal(request)
            if TERMINAL_TOKEN_HEADER in request.headers
            else None,
        )
        if is_form:
            return Response(render(OAuthTokenSerializer, pair))
        answer = build_token_answer(pair, user=session.user, session=session)
        return Response(render(LogInAnswer, answer))


class RefreshView(UnauthenticatedView):
    """Exchange a refresh token for a new token pair. A refresh token can be used once."""

    @extend_schema(
        request=RefreshInput,
        responses=TokenPairSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        given = read_input(RefreshInput, request.data)
        pair = refresh(given["refresh"], tenant=request.headers.get("X-Tenant-ID"))
        return Response(render(TokenPairSerializer, pair))


class RevokeView(UnauthenticatedView):
    """Revoke a token and end its session (RFC 7009). Invalid tokens get the same response.

    The form of RFC 7009 is accepted too. Only JSON is documented, because generators of clients do
    not understand several types of a body.
    """

    parser_classes = (StrictJSONParser, StrictFormParser)

    @extend_schema(
        request={"application/json": RevokeInput},
        responses={200: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        revoke(read_input(RevokeInput, request.data)["token"])
        return Response(status=status.HTTP_200_OK)


class VerifyView(UnauthenticatedView):
    """Verify an access token and return its user and tenant."""

    @extend_schema(request=VerifyInput, responses=VerifiedSerializer, auth=[])
    def post(self, request: Request) -> Response:
        token = read_input(VerifyInput, request.data)["token"]
        session = authenticate_token(token)
        answer = {
            "active": True,
            "user": session.user,
            "tenant": session.user.tenant,
            "expires_at": read_access(token).expires_at,
        }
        return Response(VerifiedSerializer(answer, context={"session": session}).data)


class SignupView(UnauthenticatedView, IdempotentView):
    """Create a tenant with its first admin, if sign-up is enabled.

    The tenant's id is derived from the Idempotency-Key, so a repeated request creates no second
    tenant.
    """

    def get_key_owner(self, request: Request, key: str) -> tuple[Tenant, UUID]:
        return Tenant(pk=derive_id("signup", key)), ANONYMOUS_OWNER

    @extend_schema(request=SignupInput, responses={201: SignupAnswer}, auth=[])
    def post(self, request: Request) -> Response:
        if not settings.SIGNUP_ENABLED:
            raise SignupDisabled
        if get_bearer_token(request) is not None:
            raise AlreadyAuthenticated
        given = read_input(SignupInput, request.data)
        if not idempotency.is_resumed():
            count_sign_up_attempt(get_client_info(request).ip)
        session, pair = sign_up(
            **given,
            id=self.idempotency_key.tenant_id if self.idempotency_key else None,
            origin=get_client_info(request),
        )
        answer = build_token_answer(
            pair, user=session.user, session=session, tenant=session.user.tenant
        )
        return Response(SignupAnswer(answer).data, status=status.HTTP_201_CREATED)


class PerSessionKeyedView(IdempotentView):
    """Base of log-out views: idempotency keys are separate for each session."""

    def request_content(self, request: Request) -> bytes:
        return super().request_content(request) + request.auth.pk.bytes


class LogOutView(PerSessionKeyedView):
    """End this session. Its tokens are rejected from the next request on."""

    permission_classes = (IsStaff,)
    open_before_password_change = True

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        log_out(request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogOutEverywhereView(PerSessionKeyedView):
    """End all sessions of the user on all devices."""

    permission_classes = (IsStaff,)
    open_before_password_change = True

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        log_out_everywhere(request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)

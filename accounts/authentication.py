"""Bearer-token authentication of users, and token authentication of paired terminals."""

from typing import Any

import structlog
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.exceptions import NotForServiceKeys, ScopeMissing, TokenNotValid
from accounts.models import AuthSession, ServiceKey, Terminal, User
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.rate_limits.policies import bucket_for_service_key
from accounts.service_scopes import find_scope
from accounts.services.denied_access_log import record_denied_access
from accounts.services.service_keys import authenticate_service_key, is_service_key
from accounts.services.sessions import authenticate_token
from accounts.services.terminals import authenticate_terminal_token

TERMINAL_TOKEN_HEADER = "X-Terminal-Token"  # noqa: S105  (the name of a header)


class SessionTokenAuthentication(BaseAuthentication):
    """Authenticate by access token, with one query for session, user and tenant.

    Sets `request.user` to the user with `tenant` loaded and `at_store` set, and `request.auth`
    to the AuthSession.
    """

    def authenticate(self, request: Request) -> tuple[User, AuthSession] | None:
        token = get_bearer_token(request)
        if token is None:
            return None
        session = authenticate_token(token, tenant=request.headers.get("X-Tenant-ID"))
        structlog.contextvars.bind_contextvars(session=str(session.pk))
        session.user.at_store = session.store_id
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="till"'


class ServiceKeyAuthentication(BaseAuthentication):
    """Authenticate by service key, and refuse all requests for which the key has no scope.

    Sets `request.user` to the user of the key, and `request.auth` to a session that is not stored.
    It is refused here, and not by permissions, so that no view can leave it out.
    """

    def authenticate(self, request: Request) -> tuple[User, AuthSession] | None:
        secret = get_bearer_token(request)
        if secret is None or not is_service_key(secret):
            return None
        key = authenticate_service_key(secret, tenant=request.headers.get("X-Tenant-ID"))
        session = key.build_session()
        structlog.contextvars.bind_contextvars(session=str(session.pk))
        count_attempt([bucket_for_service_key(key.pk)])
        ensure_scope(request, key, session)
        key.user.scopes = key.scopes
        return key.user, session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="till"'


def ensure_scope(request: Request, key: ServiceKey, session: AuthSession) -> None:
    """Raise NotForServiceKeys or ScopeMissing, after it was recorded."""
    match = request._request.resolver_match
    scope = find_scope(str(request.method), match.url_name if match else None)
    if scope is not None and scope in key.scopes:
        return
    path = request.path[:200]
    record_denied_access("permission_denied", session, method=request.method, path=path)
    raise NotForServiceKeys if scope is None else ScopeMissing(scope=scope)


def get_bearer_token(request: Request) -> str | None:
    """Return the token of the Authorization header; the scheme is case-insensitive (RFC 9110)."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.isascii() or not token.strip():
        raise TokenNotValid
    return token.strip()


def authenticate_terminal(request: Request) -> Terminal:
    """Return the paired terminal of this request. Its token grants no rights of a user."""
    token = request.headers.get(TERMINAL_TOKEN_HEADER, "")
    return authenticate_terminal_token(token, tenant=request.headers.get("X-Tenant-ID"))


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionTokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class ServiceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes service keys; the document names them only where they have a scope."""

    target_class = ServiceKeyAuthentication
    name = "service_key"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}

    def get_security_requirement(self, auto_schema: object) -> Any:
        """Return nothing: the requirement depends on the route."""
        return None

"""Bearer-token authentication of users, and token authentication of paired terminals."""

import structlog
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession, Terminal, User
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

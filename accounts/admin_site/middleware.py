"""Who sends this request, by the cookie of a browser."""

import uuid
from typing import Any

import structlog
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from accounts.models import AuthSession, User
from accounts.services.browser_sessions import find_browser_session

# What a browser's session remembers of somebody of a shop; Django's own keys are the platform's.
SESSION_KEY = "shop_log_in"


class AdminSessionMiddleware(AuthenticationMiddleware):
    """`request.user` is somebody of a shop with a log-in that is alive, or of the platform."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: get_request_user(request))  # type: ignore[assignment]


def get_request_user(request: Any) -> Any:
    """Found out once a request, and only when somebody asks."""
    if not hasattr(request, "_cached_user"):
        request._cached_user = get_shop_user(request) or get_user(request)
    return request._cached_user


def get_shop_user(request: Any) -> User | None:
    remembered = request.session.get(SESSION_KEY)
    if remembered is None:
        return None
    session = find_browser_session(
        uuid.UUID(remembered["session"]), token_version=remembered["token_version"]
    )
    if session is None:
        request.session.flush()
        return None
    request.log_in = session
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    return session.user


def start_session(request: Any, session: AuthSession) -> None:
    """From now on this browser is theirs. Whoever was in before, or planted the cookie, is out."""
    request.session.flush()
    store_session_id(request, session)
    rotate_token(request)


def store_session_id(request: Any, session: AuthSession) -> None:
    """Under a new key, also after a new password, from which the version has moved on."""
    request.session.cycle_key()
    request.session[SESSION_KEY] = {
        "session": str(session.pk),
        "token_version": session.user.token_version,
    }
    request.log_in, request._cached_user = session, session.user

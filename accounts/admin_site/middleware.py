"""Session middleware of the admin sites: the user of a browser's cookie."""

import uuid
from typing import Any

import structlog
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from accounts.models import AuthSession, User
from accounts.services.browser_sessions import find_browser_session

# Key in the Django session of a tenant user; platform users use Django's own keys.
SESSION_KEY = "shop_log_in"


class AdminSessionMiddleware(AuthenticationMiddleware):
    """Set `request.user` to the tenant user of an active session, or to the platform user."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: get_request_user(request))  # type: ignore[assignment]


def get_request_user(request: Any) -> Any:
    """Return the user of the request, loaded lazily and cached."""
    if not hasattr(request, "_cached_user"):
        request._cached_user = get_shop_user(request) or get_user(request)
    return request._cached_user


def get_shop_user(request: Any) -> User | None:
    stored = request.session.get(SESSION_KEY)
    if stored is None:
        return None
    session = find_browser_session(
        uuid.UUID(stored["session"]), token_version=stored["token_version"]
    )
    if session is None:
        request.session.flush()
        return None
    request.log_in = session
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    return session.user


def start_session(request: Any, session: AuthSession) -> None:
    """Start a browser session in a new Django session, against session fixation."""
    request.session.flush()
    store_session_id(request, session)
    rotate_token(request)


def store_session_id(request: Any, session: AuthSession) -> None:
    """Store session id and token version under a new session key."""
    request.session.cycle_key()
    request.session[SESSION_KEY] = {
        "session": str(session.pk),
        "token_version": session.user.token_version,
    }
    request.log_in, request._cached_user = session, session.user

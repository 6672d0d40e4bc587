"""Who sends this request, by the cookie of a browser."""

import uuid
from typing import Any

import structlog
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from accounts.models import AuthSession, User
from accounts.services.browser_sessions import browser_session

# What a browser's session remembers of somebody of a shop; Django's own keys are the platform's.
LOG_IN = "shop_log_in"


class VisitorMiddleware(AuthenticationMiddleware):
    """`request.user` is somebody of a shop with a log-in that is alive, or of the platform."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: visitor_of(request))  # type: ignore[assignment]


def visitor_of(request: Any) -> Any:
    """Found out once a request, and only when somebody asks."""
    if not hasattr(request, "_cached_user"):
        request._cached_user = person_of_shop(request) or get_user(request)
    return request._cached_user


def person_of_shop(request: Any) -> User | None:
    remembered = request.session.get(LOG_IN)
    if remembered is None:
        return None
    session = browser_session(
        uuid.UUID(remembered["session"]), token_version=remembered["token_version"]
    )
    if session is None:
        request.session.flush()
        return None
    request.log_in = session
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    return session.user


def let_in(request: Any, session: AuthSession) -> None:
    """From now on this browser is theirs. Whoever was in before, or planted the cookie, is out."""
    request.session.flush()
    remember(request, session)
    rotate_token(request)


def remember(request: Any, session: AuthSession) -> None:
    """Under a new key, also after a new password, from which the version has moved on."""
    request.session.cycle_key()
    request.session[LOG_IN] = {
        "session": str(session.pk),
        "token_version": session.user.token_version,
    }
    request.log_in, request._cached_user = session, session.user

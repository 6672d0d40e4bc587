"""Refresh tokens and check the result."""

from datetime import UTC, datetime

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.support.api import Api

REFRESH = "auth/token/refresh/"
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def reload_session(session: AuthSession) -> AuthSession:
    with across_tenants():
        return AuthSession.objects.get(pk=session.pk)


def refresh_token(api: Api, token: str) -> dict[str, str]:
    response = api.post(REFRESH, {"refresh": token})
    assert response.status_code == 200, response.content
    answer: dict[str, str] = response.json()
    return answer


def assert_refresh_refused(api: Api, token: str) -> bool:
    response = api.post(REFRESH, {"refresh": token})
    return bool(
        response.status_code == 401
        and response.json()["code"] == "token_not_valid"
        and response["WWW-Authenticate"] == "Bearer"
    )


def is_accepted(token: str) -> bool:
    return bool(Api(token).get("auth/me/").status_code == 200)

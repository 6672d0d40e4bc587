"""An API client like a terminal: JSON requests with a bearer token."""

import json
from typing import Any

from django.test import Client

from accounts.models import AuthSession, User
from accounts.security.tokens import TokenPair, issue_pair
from tests.factories.accounts import AuthSessionFactory
from tests.support.secret_leaks import leaks

PREFIX = "/api/v1/"
JSON = "application/json"


class Api:
    """API client; paths are below /api/v1/, and `If_Match="*"` sends the header If-Match."""

    def __init__(self, access: str | None = None, **defaults: str) -> None:
        self.client = Client()
        self.defaults = {format_header_name(name): value for name, value in defaults.items()}
        if access is not None:
            self.defaults["Authorization"] = f"Bearer {access}"

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.get(PREFIX + path, query, headers=self.with_defaults(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("DELETE", path, body, **headers)

    def send(
        self, method: str, path: str, body: Any = None, content_type: str = JSON, **headers: str
    ) -> Any:
        """Send any method; text and bytes are sent unchanged, None sends no body."""
        leaks.remember_sent(body)
        leaks.remember_sent(headers)
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        return self.client.generic(
            method,
            PREFIX + path,
            body or "",
            content_type if body is not None else "",
            headers=self.with_defaults(headers),
        )

    def with_defaults(self, headers: dict[str, str]) -> dict[str, str]:
        return self.defaults | {format_header_name(name): value for name, value in headers.items()}


class Person(Api):
    """API client of a logged-in user with `user`, `session` and `tokens`."""

    def __init__(self, user: User, session: AuthSession | None = None, **defaults: str) -> None:
        self.user = user
        self.session = session or AuthSessionFactory(user=user)
        self.tokens: TokenPair = issue_pair(self.session)
        super().__init__(self.tokens.access, **defaults)

    def renew_tokens(self) -> None:
        """Issue new tokens, because an access token is valid for a few minutes only."""
        self.tokens = issue_pair(self.session)
        self.defaults["Authorization"] = f"Bearer {self.tokens.access}"


def format_header_name(header: str) -> str:
    return header.replace("_", "-")

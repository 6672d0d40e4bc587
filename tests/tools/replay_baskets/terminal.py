"""An HTTP client of a terminal: one connection, one log-in and retries."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from django.core.management import CommandError

API = "/api/v1/"
SECONDS = 30
ATTEMPTS = 9
FIRST_WAIT, MAX_WAIT = 0.1, 5.0
RETRY_STATUSES = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class LogIn:
    tenant: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with the duration of the last attempt and the number of retries."""

    status: int
    body: Mapping[str, Any]
    seconds: float = 0.0
    retries: int = 0
    retry_after: float = 0.0

    @property
    def should_retry(self) -> bool:
        """Return whether the server is unavailable, busy or asks for a retry."""
        return self.status in RETRY_STATUSES or self.retry_after > 0

    @property
    def is_good(self) -> bool:
        return self.status in {HTTPStatus.OK, HTTPStatus.CREATED}

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))

    @property
    def summary(self) -> str:
        """Return status, code and fields of a refusal."""
        fields = [str(error.get("field")) for error in self.body.get("errors", ())]
        where = f" ({', '.join(fields)})" if fields else ""
        return f"{self.status} {self.code or 'without a code'}{where}"


def build_connection(url: str) -> tuple[HTTPConnection, str]:
    """Return a connection, opened at first use, and the prefix of all paths."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CommandError(f"{url} is not an address like http://127.0.0.1:8000.")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname, parts.port, timeout=SECONDS), parts.path.rstrip("/")


def ensure_server_answers(url: str) -> None:
    """Raise CommandError if no Till answers, before anything is prepared."""
    connection, path = build_connection(url)
    try:
        connection.request("GET", f"{path}/health/live/")
        if connection.getresponse().status != HTTPStatus.OK:
            raise CommandError(f"The server at {url} is not a Till.")
    except (OSError, HTTPException) as error:
        raise CommandError(f"No server answers at {url}: {error}.") from error
    finally:
        connection.close()


class Terminal:
    """Send requests until they are answered; all requests can safely be repeated."""

    def __init__(
        self, url: str, log_in: LogIn, *, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self.connection, self.path = build_connection(url)
        self.url = url
        self.credentials = log_in
        self.pause = pause
        self.access = self.refresh = ""

    def close(self) -> None:
        self.connection.close()

    def log_in(self) -> None:
        login = self.credentials
        self._take_tokens(
            self._ask(
                "auth/token/",
                {"tenant": login.tenant, "username": login.username, "password": login.password},
            )
        )

    def _take_tokens(self, answer: Answer) -> None:
        if not answer.is_good:
            raise CommandError(f"Cannot log in at {self.url}: {answer.status} {answer.code}.")
        self.access, self.refresh = answer.body["access"], answer.body["refresh"]

    def get(self, path: str) -> Answer:
        return self.post(path, None)

    def post(self, path: str, body: Mapping[str, Any] | None) -> Answer:
        """Send a request as the logged-in user, renewing expired tokens."""
        if not self.access:
            self.log_in()
        answer = self._ask(path, body)
        if answer.code != "token_not_valid":
            return answer
        self._renew()
        return self._ask(path, body)

    def _renew(self) -> None:
        refresh, self.access = self.refresh, ""
        answer = self._ask("auth/token/refresh/", {"refresh": refresh})
        if answer.is_good:
            self._take_tokens(answer)
        else:
            self.log_in()

    def _ask(self, path: str, body: Mapping[str, Any] | None) -> Answer:
        """Retry until there is a final answer."""
        data = None if body is None else json.dumps(body).encode()
        for retries in range(ATTEMPTS):
            answer = self._attempt(path, data, retries)
            if answer is not None and not answer.should_retry:
                return answer
            wait = min(FIRST_WAIT * 2**retries, MAX_WAIT)
            self.pause(max(wait, answer.retry_after if answer else 0))
        if answer is None:
            raise CommandError(f"{self.url} no longer answers.")
        return answer

    def _attempt(self, path: str, data: bytes | None, retries: int) -> Answer | None:
        """Send the request once; return None if the connection broke."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.access:
            headers["Authorization"] = f"Bearer {self.access}"
        start = time.perf_counter()
        try:
            method = "GET" if data is None else "POST"
            self.connection.request(method, f"{self.path}{API}{path}", data, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            self.connection.close()
            return None
        return Answer(
            status=response.status,
            body=_json(content),
            seconds=time.perf_counter() - start,
            retries=retries,
            retry_after=_seconds(response.getheader("Retry-After")),
        )


def _json(content: bytes) -> Mapping[str, Any]:
    """Return the object in the body, or an empty one for other content such as HTML of a proxy."""
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isdigit() else 0.0

"""HTTP clients that tolerate failures of the server."""

import json
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from threading import local
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.support.api import Api
from tests.support.live import FAST_HEADER
from tests.support.live.server import Server

TIMEOUT = 120.0
# Tests retry faster than terminals, which respect Retry-After.
PAUSE = 0.02
WAITS = frozenset({"unavailable", "request_in_progress"})
A = TypeVar("A", bound=Api)


class Answer:
    """A response with the interface of Django's test client."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes, tries: int) -> None:
        self.status_code = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.content = content
        self.tries = tries

    def json(self) -> Any:
        return json.loads(self.content)

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.headers

    def __repr__(self) -> str:
        return f"<{self.status_code} {self.content[:300]!r}>"

    @property
    def should_retry(self) -> bool:
        """Return whether the request should be sent again."""
        return self.status_code in {409, 503} and self.json()["code"] in WAITS


class HttpClient:
    """Replacement of Django's test client with one connection per thread."""

    def __init__(self, server: Server, *, patient: bool, seconds: float = 30.0) -> None:
        self.server = server
        self.patient = patient
        self.seconds = seconds
        self.mine = local()

    def get(self, path: str, query: Any, headers: dict[str, str]) -> Answer:
        return self.generic("GET", f"{path}?{urlencode(query or {})}", "", "", headers)

    def generic(
        self, method: str, path: str, body: str, content_type: str, headers: dict[str, str]
    ) -> Answer:
        if content_type:
            headers = {**headers, "Content-Type": content_type}
        ask = partial(self.ask, method, path, body, headers)
        return self.retry_until_answered(ask) if self.patient else ask()

    def retry_until_answered(self, ask: Callable[[], Answer]) -> Answer:
        """Repeat the request until it is answered."""
        deadline, tries = time.monotonic() + TIMEOUT, 0
        while True:
            tries += 1
            try:
                answer = ask()
            except (OSError, HTTPException):
                answer = None
            if answer is not None and not answer.should_retry:
                answer.tries = tries
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(PAUSE)

    def ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> Answer:
        connection = getattr(self.mine, "connection", None)
        if connection is None:
            connection = HTTPConnection("127.0.0.1", self.server.port, timeout=self.seconds)
            self.mine.connection = connection
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            self.mine.connection = None  # the next request may go to another server
            raise
        answer = Answer(response.status, dict(response.getheaders()), content, 1)
        if FAST_HEADER in answer:
            with self.server.counting:
                self.server.fast_answers[answer[FAST_HEADER]] += 1
        return answer


def connect_to_server(server: Server, api: A, *, patient: bool = False, seconds: float = 30.0) -> A:
    """Connect the client to this server; a patient one retries until it is answered."""
    api.client = HttpClient(server, patient=patient, seconds=seconds)
    return api

"""Terminals that speak HTTP to a real server, and bear what happens to it."""

import json
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from threading import local
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.support.api import Api
from tests.support.live.server import Server

PATIENCE = 120.0
# A terminal waits as long as it is told; tests have no time for that.
PAUSE = 0.02
WAITS = frozenset({"unavailable", "request_in_progress"})
A = TypeVar("A", bound=Api)


class Answer:
    """As Django's test client gives it."""

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
    def is_passing(self) -> bool:
        """A refusal that says: wait and send it again."""
        return self.status_code in {409, 503} and self.json()["code"] in WAITS


class HttpClient:
    """Stands in for Django's test client; a connection for each thread, kept while it holds."""

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
        return self.again_and_again(ask) if self.patient else ask()

    def again_and_again(self, ask: Callable[[], Answer]) -> Answer:
        """The same request until somebody answers it."""
        deadline, tries = time.monotonic() + PATIENCE, 0
        while True:
            tries += 1
            try:
                answer = ask()
            except (OSError, HTTPException):
                answer = None
            if answer is not None and not answer.is_passing:
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
            self.mine.connection = None  # the next one may be to another server
            raise
        return Answer(response.status, dict(response.getheaders()), content, 1)


def connect_to_server(server: Server, api: A, *, patient: bool = False, seconds: float = 30.0) -> A:
    """The same person or terminal, at this server; a patient one asks until it is answered."""
    api.client = HttpClient(server, patient=patient, seconds=seconds)
    return api

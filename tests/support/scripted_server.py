"""A scripted HTTP server for tests of clients."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# A line of a script: status, body and headers of an answer, or a broken connection.
Line = tuple[int, Any, dict[str, str]] | None
BROKEN: Line = None
TOKENS: Line = (200, {"access": "first", "refresh": "renewal"}, {})


class ScriptedServer(ThreadingHTTPServer):
    """Answer each request with the next line of the script, and record the requests."""

    daemon_threads = True

    def __init__(self, script: list[Line]) -> None:
        super().__init__(("127.0.0.1", 0), Player)
        self.script = iter(script)
        self.received: list[tuple[str, dict[str, Any], str | None]] = []
        self.connections: set[Any] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Player(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_GET(self) -> None:
        self.follow(next(self.server.script))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = (self.path.removeprefix("/api/v1/"), body, self.headers["Authorization"])
        self.server.received.append(request)
        self.server.connections.add(self.client_address)
        self.follow(next(self.server.script))

    def follow(self, line: Line) -> None:
        if line is BROKEN:
            self.close_connection = True
        else:
            self.answer(*line)

    def answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log; tests read `asked`."""


@contextmanager
def run_scripted_server(*script: Line) -> Iterator[ScriptedServer]:
    with ScriptedServer(list(script)) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()

"""A local webhook receiver."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tenants.events.outbox import publish
from tenants.models import Tenant, Webhook
from tenants.scope import across_tenants, tenant_scope
from tests.support.secret_leaks import leaks

Answer = int | Callable[[Any], None]


@dataclass
class WebhookReceiver:
    """Received requests; `answers` are status codes or functions, used in order."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    wrap: Callable[[ssl.SSLContext], None] = lambda context: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.received]


@contextmanager
def run_webhook_receiver() -> Iterator[WebhookReceiver]:
    webhook_receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook_receiver.received.append(
                ({k.lower(): v for k, v in self.headers.items()}, body)
            )
            answer = webhook_receiver.answers.pop(0) if webhook_receiver.answers else 204
            if isinstance(answer, int):
                self.send_response(answer)
                self.end_headers()
            else:
                answer(self)

        def log_message(self, *_: Any) -> None:
            """Do not log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    webhook_receiver.port = server.server_address[1]

    def wrap(context: ssl.SSLContext) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)

    webhook_receiver.wrap = wrap
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield webhook_receiver
    finally:
        server.shutdown()
        server.server_close()


def redirect_to(url: str) -> Answer:
    def answer(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


def drip(handler: Any) -> None:
    """Send the answer byte by byte, slowly."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 200:
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return
        time.sleep(0.05)


def endless_body(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(50):
            handler.wfile.write(b"x" * 1_000_000)
    except OSError:
        return


def answer_nonsense(handler: Any) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")


def hang_up(handler: Any) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Verify a signature as the Standard Webhooks specification describes."""
    key = base64.b64decode(secret.split("_")[1])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in headers["webhook-signature"].split(" ")


def create_webhook(shop: Tenant, url: str, *events: str) -> Any:
    """Create a webhook and return it with its secret."""
    with tenant_scope(shop):
        webhook: Any = Webhook(url=url, events=list(events or ["*"]))
        webhook.secret = webhook.make_secret()
        leaks.remember(webhook.secret)
        webhook.save()
    return webhook


def announce_event(shop: Tenant, about: Any, *topics: str) -> None:
    with tenant_scope(shop):
        for topic in topics or ["store.updated"]:
            publish(topic, about=about)


def reload_webhook(webhook: Any) -> Webhook:
    with across_tenants():
        return Webhook.objects.get(pk=webhook.pk)

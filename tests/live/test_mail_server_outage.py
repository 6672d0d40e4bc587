"""Mail server outages: selling continues, receipts wait, and undeliverable mail is listed."""

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone

from tenants.events.delivery.backoff import MAX_ATTEMPTS
from tenants.models import OutboxDelivery
from tenants.scope import tenant_scope
from tests.support.live.http_client import connect_to_server
from tests.support.order_relay import relay_all
from tests.support.postgres import free_port
from tests.support.till import cash, line

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

ADDRESS = "ann@customer.example"


class SmtpHandler(StreamRequestHandler):
    """The part of SMTP that a client needs to send a mail."""

    def handle(self) -> None:
        self.say("220 here")
        while command := self.rfile.readline().decode().strip():
            self.server.commands.append(command)
            if command.startswith("ehlo"):
                for extension in ("here", *self.server.extensions):
                    self.say(f"250-{extension}")
            if command.upper() == "DATA":
                self.say("354 go on")
                message = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.letters.append(message.decode())
            self.say("221 bye" if command.upper() == "QUIT" else "250 well")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server(port: int, *extensions: str) -> Iterator[list[str]]:
    with smtp_server(port, *extensions) as server:
        yield server.letters


@contextmanager
def smtp_server(port: int, *extensions: str) -> Iterator[Any]:
    ThreadingTCPServer.allow_reuse_address = True
    with ThreadingTCPServer(("127.0.0.1", port), SmtpHandler) as server:
        server.letters, server.commands, server.extensions = [], [], extensions
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def delivery_after_retry(port, shop, settings):
    """`delivery_after_retry()`: return the receipt's delivery after another relay run."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port

    def run(**changes):
        with tenant_scope(shop):
            mails = OutboxDelivery.objects.filter(subscriber="receipt_mail")
            mails.update(next_attempt_at=timezone.now(), **changes)
        relay_all()
        with tenant_scope(shop):
            return mails.get()

    return run


def test_receipt_mail_waits_for_the_mail_server_and_finally_is_dead(
    till, product, server, port, delivery_after_retry
):
    connect_to_server(server, till)
    order = till.sold(line(product), payments=[cash("2.50")])
    requested = till.post(f"orders/{order['id']}/receipt/email/", {"email": ADDRESS})
    waiting = delivery_after_retry()
    dead = delivery_after_retry(attempts=MAX_ATTEMPTS - 1)
    sold = till.sell(line(product), payments=[cash("2.50")])

    with mail_server(port) as letters:
        sent = delivery_after_retry(status="waiting", attempts=1)

    assert requested.status_code == 202
    assert (waiting.status, waiting.attempts) == ("waiting", 1)
    assert waiting.last_error == "ConnectionRefusedError: Connection refused"
    assert (dead.status, dead.last_error) == ("dead", waiting.last_error)
    assert sold.status_code == 201
    assert sent.status == "delivered"
    (message,) = letters
    assert f"To: {ADDRESS}" in message


def test_address_with_non_ascii_local_part_needs_smtputf8(
    till, product, server, port, delivery_after_retry, settings
):
    """Without SMTPUTF8, Django would send the address as an encoded word, which is invalid."""
    settings.EMAIL_SMTPUTF8 = True
    settings.EMAIL_BACKEND = "config.mail.EmailBackend"
    order = till.sold(line(product), payments=[cash("2.50")])
    address = "jürgen@Bücher.example"
    requested = till.post(f"orders/{order['id']}/receipt/email/", {"email": address})

    with smtp_server(port) as plain:
        refused = delivery_after_retry()
    with smtp_server(port, "SMTPUTF8", "8BITMIME") as modern:
        sent = delivery_after_retry(status="waiting", attempts=1)

    assert requested.status_code == 202
    assert (refused.status, plain.letters) == ("waiting", [])
    assert refused.last_error.startswith("SMTPNotSupportedError")
    assert sent.status == "delivered"
    assert "rcpt TO:<jürgen@xn--bcher-kva.example>" in modern.commands
    (mail,) = [each for each in modern.commands if each.startswith("mail ")]
    assert "SMTPUTF8" in mail.upper()
    (message,) = modern.letters
    assert "To: jürgen@xn--bcher-kva.example" in message
    assert order["number"] in message

"""The mail server is down: selling goes on, receipts wait, and what never leaves can be seen."""

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


class Postman(StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a mail."""

    def handle(self) -> None:
        self.say("220 here")
        while command := self.rfile.readline().decode().strip():
            self.server.commands.append(command)
            if command.startswith("ehlo"):
                for extension in ("here", *self.server.extensions):
                    self.say(f"250-{extension}")
            if command.upper() == "DATA":
                self.say("354 go on")
                letter = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.letters.append(letter.decode())
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
    with ThreadingTCPServer(("127.0.0.1", port), Postman) as server:
        server.letters, server.commands, server.extensions = [], [], extensions
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def told(port, shop, settings):
    """`told()`: what became of the receipt once the relay has tried again."""
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


def test_a_receipt_leaves_once_the_mail_server_is_back_or_is_seen_to_be_left_behind(
    till, product, server, port, told
):
    connect_to_server(server, till)
    order = till.sold(line(product), payments=[cash("2.50")])
    asked = till.post(f"orders/{order['id']}/receipt/email/", {"email": ADDRESS})
    waiting = told()
    dead = told(attempts=MAX_ATTEMPTS - 1)
    sold = till.sell(line(product), payments=[cash("2.50")])

    with mail_server(port) as letters:
        sent = told(status="waiting", attempts=1)

    assert asked.status_code == 202
    assert (waiting.status, waiting.attempts) == ("waiting", 1)
    assert waiting.last_error == "ConnectionRefusedError: Connection refused"
    assert (dead.status, dead.last_error) == ("dead", waiting.last_error)
    assert sold.status_code == 201
    assert sent.status == "delivered"
    (letter,) = letters
    assert f"To: {ADDRESS}" in letter


def test_a_receipt_goes_to_an_address_beyond_ascii_where_the_mail_server_takes_it(
    till, product, server, port, told, settings
):
    """As Django sends it, the address would be an encoded word, which is none."""
    settings.EMAIL_SMTPUTF8 = True
    settings.EMAIL_BACKEND = "config.mail.EmailBackend"
    order = till.sold(line(product), payments=[cash("2.50")])
    address = "jürgen@Bücher.example"
    asked = till.post(f"orders/{order['id']}/receipt/email/", {"email": address})

    with smtp_server(port) as plain:
        refused = told()
    with smtp_server(port, "SMTPUTF8", "8BITMIME") as modern:
        sent = told(status="waiting", attempts=1)

    assert asked.status_code == 202
    assert (refused.status, plain.letters) == ("waiting", [])
    assert refused.last_error.startswith("SMTPNotSupportedError")
    assert sent.status == "delivered"
    assert "rcpt TO:<jürgen@xn--bcher-kva.example>" in modern.commands
    (mail,) = [each for each in modern.commands if each.startswith("mail ")]
    assert "SMTPUTF8" in mail.upper()
    (letter,) = modern.letters
    assert "To: jürgen@xn--bcher-kva.example" in letter
    assert order["number"] in letter

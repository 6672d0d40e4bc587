"""The mail server is down: selling goes on, receipts wait, and what never leaves can be seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from django.utils import timezone

from tenants.models import OutboxDelivery
from tenants.relay.pacing import MOST_ATTEMPTS
from tenants.scope import tenant_scope
from tests.live.terminal import over
from tests.orders.relaying import relay_all
from tests.orders.till import cash, line
from tests.postgres import free_port

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
        while command := self.rfile.readline().decode().strip().upper():
            if command == "DATA":
                self.say("354 go on")
                letter = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.letters.append(letter.decode())
            self.say("221 bye" if command == "QUIT" else "250 well")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server(port: int) -> Iterator[list[str]]:
    ThreadingTCPServer.allow_reuse_address = True
    with ThreadingTCPServer(("127.0.0.1", port), Postman) as server:
        server.letters = []
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.letters
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
    over(server, till)
    order = till.sold(line(product), payments=[cash("2.50")])
    asked = till.post(f"orders/{order['id']}/receipt/email/", {"email": ADDRESS})
    waiting = told()
    dead = told(attempts=MOST_ATTEMPTS - 1)
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

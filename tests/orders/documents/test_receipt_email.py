"""The receipt by mail: for whoever asks for it, and however often the mail server fails."""

import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from accounts.security.rate_limits.limiter import Window
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.support.order_relay import list_deliveries, list_events, relay_all
from tests.support.till import Till, cash, line, new_id

pytestmark = pytest.mark.once

ADDRESS = "ada@customer.example"


@pytest.fixture
def order(till, product):
    return till.sold(line(product, "2"), payments=[cash("5.00", tendered="10.00")])


def ask(client, order, email=ADDRESS, **headers):
    return client.post(f"orders/{order['id']}/receipt/email/", {"email": email}, **headers)


def receipt(till, order, form):
    return till.get(f"orders/{order['id']}/receipt/", {"format": form}).content.decode()


def test_a_customer_who_asks_gets_the_receipt_by_mail(till, order, settings):
    settings.DEFAULT_FROM_EMAIL = "till@shops.example"

    response = ask(till, order)
    before = list(mail.outbox)
    relay_all()
    relay_all()

    assert response.status_code == 202
    assert response.json() == {"order": order["id"], "email": ADDRESS}
    assert before == [], "it leaves after the commit, and nobody at the till waits for it"
    (letter,) = mail.outbox
    assert (letter.to, letter.cc, letter.bcc, letter.reply_to) == ([ADDRESS], [], [], [])
    assert (letter.from_email, letter.subject) == (
        "till@shops.example",
        "Your receipt from Green Grocery",
    )
    assert letter.body == receipt(till, order, "text")
    ((html, kind),) = letter.alternatives
    assert kind == "text/html"
    for text in ("Green Grocery", "Receipt 1", "Apple", "TOTAL EUR", "5.00", "Change"):
        assert text in html
    (delivery,) = list_deliveries("receipt_mail")
    assert letter.message()["Message-ID"] == f"<{delivery.pk}@shops.example>"


def test_an_address_on_the_order_is_no_wish_for_mail(till, product):
    till.sold(line(product), payments=[cash("2.50")], customer={"email": ADDRESS})

    relay_all()

    assert mail.outbox == list_events("receipt.email") == []


def test_an_order_without_a_receipt_sends_none(till, product, problem):
    order = till.sold(line(product))

    problem(ask(till, order), 409, "no_receipt")

    assert list_events("receipt.email") == []


@pytest.mark.parametrize(
    "email",
    [
        *("", "ada", "ada@", "@customer.example", "a@b@c.example", None, 7, ["a@b.example"]),
        *("ada@customer.example\n", "ada@customer.example\r\nBcc: x@evil.example"),
        *("Ada <ada@customer.example>", "ada@customer.example,bob@customer.example"),
        "a" * 250 + "@b.example",
    ],
)
def test_what_is_not_one_address_is_refused(till, order, email):
    refused = ask(till, order, email)

    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {"email"}
    assert list_events("receipt.email") == []


def test_what_a_shop_calls_its_things_is_text_wherever_it_stands(till, make_product, shop):
    with tenant_scope(shop):
        shop.name = "Fish\r\nBcc: x@evil.example <script>&"
        shop.save_changes("name")
    order = till.sold(line(make_product(name="<b>Cod</b>")), payments=[cash("2.50")])
    ask(till, order)

    relay_all()

    (letter,) = mail.outbox
    assert letter.subject == "Your receipt from Fish Bcc: x@evil.example <script>&"
    assert "Bcc" not in letter.message()
    ((html, _),) = letter.alternatives
    assert "<b>Cod" not in html
    assert "<script>" not in html
    assert "<b>Cod</b>" in letter.body


def test_another_shops_order_is_nobodys(till, foreign, problem):
    problem(ask(till, {"id": str(foreign.order.pk)}), 404, "not_found")

    assert list_events("receipt.email") == []


def test_the_same_request_again_under_its_key_sends_one_mail(till, order):
    key = new_id()
    answers = [ask(till, order, Idempotency_Key=key) for _ in range(3)]

    relay_all()

    assert [answer.status_code for answer in answers] == [202] * 3
    assert [answer.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert answers[2].json() == answers[0].json()
    assert len(mail.outbox) == 1


def test_asking_again_without_a_key_sends_it_again(till, order):
    ask(till, order)
    ask(till, order, "bob@customer.example")

    relay_all()

    assert sorted(letter.to for letter in mail.outbox) == [[ADDRESS], ["bob@customer.example"]]


# --- not without end -----------------------------------------------------------------------------


def test_a_till_sends_twenty_a_minute_and_no_more(till, order, product, problem):
    still_open = till.sold(line(product))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        problem(ask(till, still_open), 409, "no_receipt")
        sent = {ask(till, order).status_code for _ in range(20)}
        refused = ask(till, order)
        colleague = ask(Till(till.user, till.register), order)
        clock.shift(timedelta(minutes=1))
        later = ask(till, order)

    assert sent == {202}
    problem(refused, 429, "too_many_attempts")
    assert refused["Retry-After"] == "60"
    assert (colleague.status_code, later.status_code) == (202, 202)
    assert len(list_events("receipt.email")) == 22


def test_a_shop_has_a_limit_too(till, order, problem, monkeypatch):
    two = Window("receipt_mail_tenant", limit=2, seconds=3600)
    monkeypatch.setattr("accounts.security.rate_limits.policies.RECEIPT_MAIL_OF_TENANT", two)
    tills = [Till(till.user, till.register) for _ in range(3)]

    answers = [ask(each, order) for each in tills]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    problem(answers[2], 429, "too_many_attempts")


# --- when mail fails -----------------------------------------------------------------------------


class Server:
    """The mail server: each mail meets the next of its moods, and then it works."""

    def __init__(self, monkeypatch):
        self.moods = []
        send = mail.EmailMultiAlternatives.send

        def moody(letter, *args, **kwargs):
            if self.moods and (mood := self.moods.pop(0)):
                raise mood
            return send(letter, *args, **kwargs)

        monkeypatch.setattr(mail.EmailMultiAlternatives, "send", moody)


@pytest.fixture
def server(monkeypatch):
    return Server(monkeypatch)


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        (ConnectionRefusedError(111, "refused"), "ConnectionRefusedError: refused"),
        (TimeoutError("timed out"), "TimeoutError"),
        (smtplib.SMTPServerDisconnected("gone"), "SMTPServerDisconnected"),
        (smtplib.SMTPResponseException(421, b"busy"), "SMTPResponseException 421"),
        (smtplib.SMTPRecipientsRefused({ADDRESS: (450, b"greylisted")}), "SMTPRecipientsRefused"),
    ],
)
def test_a_mail_that_fails_is_sent_later_with_the_same_id(till, order, server, mood, error):
    server.moods = [mood]
    ask(till, order)

    relay_all()
    (failed,) = list_deliveries("receipt_mail")
    before = list(mail.outbox)
    with time_machine.travel(failed.next_attempt_at):
        relay_all()

    assert (before, failed.status, failed.last_error) == ([], "waiting", error)
    (letter,) = mail.outbox
    assert letter.message()["Message-ID"].startswith(f"<{failed.pk}@")
    assert [each.status for each in list_deliveries("receipt_mail")] == ["delivered"]


def test_an_address_that_is_refused_for_good_is_given_up(till, order, server):
    server.moods = [smtplib.SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})]
    ask(till, order)
    ask(till, order, "right@customer.example")

    relay_all()

    (refused, right) = list_deliveries("receipt_mail")
    assert (refused.status, refused.last_error) == ("dead", "The mail server refuses the address.")
    assert right.status == "delivered"
    assert [letter.to for letter in mail.outbox] == [["right@customer.example"]]


def test_a_mail_that_hangs_holds_up_no_other(till, order, server):
    server.moods = [TimeoutError("timed out"), None]
    ask(till, order, "wrogn@customer.example")
    ask(till, order, "wrong@customer.example")

    relay_all()

    assert [letter.to for letter in mail.outbox] == [["wrong@customer.example"]]


def test_the_event_is_the_shops(till, order, shop, other_shop):
    ask(till, order)

    with tenant_scope(other_shop):
        assert not OutboxEvent.objects.filter(topic="receipt.email").exists()
    with tenant_scope(shop):
        assert OutboxEvent.objects.filter(topic="receipt.email").exists()

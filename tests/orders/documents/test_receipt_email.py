"""Receipts by email: requests, limits and failing mail servers."""

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


def request_email(client, order, email=ADDRESS, **headers):
    return client.post(f"orders/{order['id']}/receipt/email/", {"email": email}, **headers)


def receipt(till, order, form):
    return till.get(f"orders/{order['id']}/receipt/", {"format": form}).content.decode()


def test_email_request_sends_the_receipt_after_the_commit(till, order, settings):
    settings.DEFAULT_FROM_EMAIL = "till@shops.example"

    response = request_email(till, order)
    before = list(mail.outbox)
    relay_all()
    relay_all()

    assert response.status_code == 202
    assert response.json() == {"order": order["id"], "email": ADDRESS}
    assert before == [], "mail must be sent by the relay, not by the request"
    (message,) = mail.outbox
    assert (message.to, message.cc, message.bcc, message.reply_to) == ([ADDRESS], [], [], [])
    assert (message.from_email, message.subject) == (
        "till@shops.example",
        "Your receipt from Green Grocery",
    )
    assert message.body == receipt(till, order, "text")
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    for text in ("Green Grocery", "Receipt 1", "Apple", "TOTAL EUR", "5.00", "Change"):
        assert text in html
    (delivery,) = list_deliveries("receipt_mail")
    assert message.message()["Message-ID"] == f"<{delivery.pk}@shops.example>"


def test_customer_email_on_the_order_sends_no_mail(till, product):
    till.sold(line(product), payments=[cash("2.50")], customer={"email": ADDRESS})

    relay_all()

    assert mail.outbox == list_events("receipt.email") == []


def test_email_of_an_order_without_receipt_is_refused(till, product, problem):
    order = till.sold(line(product))

    problem(request_email(till, order), 409, "no_receipt")

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
def test_invalid_email_address_is_refused(till, order, email):
    refused = request_email(till, order, email)

    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {"email"}
    assert list_events("receipt.email") == []


def test_names_are_escaped_in_subject_and_html(till, make_product, shop):
    with tenant_scope(shop):
        shop.name = "Fish\r\nBcc: x@evil.example <script>&"
        shop.save_changes("name")
    order = till.sold(line(make_product(name="<b>Cod</b>")), payments=[cash("2.50")])
    request_email(till, order)

    relay_all()

    (message,) = mail.outbox
    assert message.subject == "Your receipt from Fish Bcc: x@evil.example <script>&"
    assert "Bcc" not in message.message()
    ((html, _),) = message.alternatives
    assert "<b>Cod" not in html
    assert "<script>" not in html
    assert "<b>Cod</b>" in message.body


def test_email_of_a_receipt_of_another_shop_is_not_found(till, foreign, problem):
    problem(request_email(till, {"id": str(foreign.order.pk)}), 404, "not_found")

    assert list_events("receipt.email") == []


def test_email_request_repeated_with_its_key_sends_one_mail(till, order):
    key = new_id()
    answers = [request_email(till, order, Idempotency_Key=key) for _ in range(3)]

    relay_all()

    assert [answer.status_code for answer in answers] == [202] * 3
    assert [answer.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert answers[2].json() == answers[0].json()
    assert len(mail.outbox) == 1


def test_email_request_repeated_without_a_key_sends_another_mail(till, order):
    request_email(till, order)
    request_email(till, order, "bob@customer.example")

    relay_all()

    assert sorted(message.to for message in mail.outbox) == [[ADDRESS], ["bob@customer.example"]]


# --- rate limits ---------------------------------------------------------------------------------


def test_email_is_limited_to_twenty_a_minute_per_session(till, order, product, problem):
    still_open = till.sold(line(product))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        problem(request_email(till, still_open), 409, "no_receipt")
        sent = {request_email(till, order).status_code for _ in range(20)}
        refused = request_email(till, order)
        colleague = request_email(Till(till.user, till.register), order)
        clock.shift(timedelta(minutes=1))
        later = request_email(till, order)

    assert sent == {202}
    problem(refused, 429, "too_many_attempts")
    assert refused["Retry-After"] == "60"
    assert (colleague.status_code, later.status_code) == (202, 202)
    assert len(list_events("receipt.email")) == 22


def test_email_is_limited_per_shop(till, order, problem, monkeypatch):
    two = Window("receipt_mail_tenant", limit=2, seconds=3600)
    monkeypatch.setattr("accounts.security.rate_limits.policies.RECEIPT_MAIL_OF_TENANT", two)
    tills = [Till(till.user, till.register) for _ in range(3)]

    answers = [request_email(each, order) for each in tills]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    problem(answers[2], 429, "too_many_attempts")


# --- mail server failures ------------------------------------------------------------------------


class FailingMailServer:
    """A mail server that fails with each of the planned `errors` in turn and then works."""

    def __init__(self, monkeypatch):
        self.errors = []
        send = mail.EmailMultiAlternatives.send

        def send_or_fail(message, *args, **kwargs):
            if self.errors and (planned_error := self.errors.pop(0)):
                raise planned_error
            return send(message, *args, **kwargs)

        monkeypatch.setattr(mail.EmailMultiAlternatives, "send", send_or_fail)


@pytest.fixture
def server(monkeypatch):
    return FailingMailServer(monkeypatch)


@pytest.mark.parametrize(
    ("planned_error", "error"),
    [
        (ConnectionRefusedError(111, "refused"), "ConnectionRefusedError: refused"),
        (TimeoutError("timed out"), "TimeoutError"),
        (smtplib.SMTPServerDisconnected("gone"), "SMTPServerDisconnected"),
        (smtplib.SMTPResponseException(421, b"busy"), "SMTPResponseException 421"),
        (smtplib.SMTPRecipientsRefused({ADDRESS: (450, b"greylisted")}), "SMTPRecipientsRefused"),
    ],
)
def test_failed_mail_is_sent_later_with_the_same_message_id(
    till, order, server, planned_error, error
):
    server.errors = [planned_error]
    request_email(till, order)

    relay_all()
    (failed,) = list_deliveries("receipt_mail")
    before = list(mail.outbox)
    with time_machine.travel(failed.next_attempt_at):
        relay_all()

    assert (before, failed.status, failed.last_error) == ([], "waiting", error)
    (message,) = mail.outbox
    assert message.message()["Message-ID"].startswith(f"<{failed.pk}@")
    assert [each.status for each in list_deliveries("receipt_mail")] == ["delivered"]


def test_permanently_refused_address_is_not_retried(till, order, server):
    server.errors = [smtplib.SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})]
    request_email(till, order)
    request_email(till, order, "right@customer.example")

    relay_all()

    (refused, right) = list_deliveries("receipt_mail")
    assert (refused.status, refused.last_error) == ("dead", "The mail server refuses the address.")
    assert right.status == "delivered"
    assert [message.to for message in mail.outbox] == [["right@customer.example"]]


def test_mail_that_times_out_does_not_delay_other_mail(till, order, server):
    server.errors = [TimeoutError("timed out"), None]
    request_email(till, order, "wrogn@customer.example")
    request_email(till, order, "wrong@customer.example")

    relay_all()

    assert [message.to for message in mail.outbox] == [["wrong@customer.example"]]


def test_email_event_belongs_to_the_shop(till, order, shop, other_shop):
    request_email(till, order)

    with tenant_scope(other_shop):
        assert not OutboxEvent.objects.filter(topic="receipt.email").exists()
    with tenant_scope(shop):
        assert OutboxEvent.objects.filter(topic="receipt.email").exists()


# --- refunds -------------------------------------------------------------------------------------


@pytest.fixture
def refund(managers_till, order):
    body = {"id": new_id(), "reason": "Bruised", "amount": "2.50"}
    response = managers_till.post(f"orders/{order['id']}/refunds/", body)
    assert response.status_code == 201, response.content
    return response.json()


def request_refund_email(client, refund, email=ADDRESS, **headers):
    return client.post(f"refunds/{refund['id']}/receipt/email/", {"email": email}, **headers)


def test_refund_receipt_is_sent(till, refund):
    response = request_refund_email(till, refund)
    relay_all()

    assert (response.status_code, response.json()) == (
        202,
        {"refund": refund["id"], "email": ADDRESS},
    )
    (message,) = mail.outbox
    assert "REFUND" in message.body
    assert "Bruised" in message.alternatives[0][0]


def test_refund_mail_shows_no_code_of_a_store_credit(managers_till, order):
    body = {"id": new_id(), "reason": "Bruised", "amount": "2.50", "method": "store_credit"}
    refunded = managers_till.post(f"orders/{order['id']}/refunds/", body).json()
    code = refunded["store_credit_codes"][0]["code"]

    assert request_refund_email(managers_till, refunded).status_code == 202
    relay_all()

    assert code not in mail.outbox[0].body + mail.outbox[0].alternatives[0][0]


def test_refund_mail_is_repeated_by_its_key_and_refused_without_a_receipt(
    till, refund, problem, other_shop
):
    key = new_id()
    answers = [request_refund_email(till, refund, Idempotency_Key=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert len(list_events("receipt.email")) == 1
    problem(request_refund_email(till, refund, email="ada"), 400, "invalid", {"email": "invalid"})
    problem(request_refund_email(till, {"id": new_id()}), 404, "not_found")
    assert len(list_events("receipt.email")) == 1

"""Texts of a signing service: written once before the first print, chained and printed."""

from functools import partial

import pytest
from django.core import mail

from accounts.models import AuthSession
from orders.models import ChainEntry, Receipt, Refund
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.factories.tenants import RegisterFactory
from tests.orders.documents.test_verify_chain import (
    INTACT,
    execute_without_triggers,
    run_verify_chain,
)
from tests.support.api import Person
from tests.support.order_relay import relay_all
from tests.support.parallel import run_concurrently
from tests.support.till import Till, cash, line, new_id

pytestmark = pytest.mark.django_db
__all__ = ["run_verify_chain"]

LINES = ["TSE-Transaktion 17", "Signatur: ÄbC+/="]
QR = "V0;ERS-1;Kassenbeleg-V1;Beleg^5.00_0.00_0.00_0.00_0.00^5.00:Bar;17;abc=="
TEXTS = {"lines": LINES, "qr": QR}


@pytest.fixture
def terminal(cashier, register):
    """Return a client at the paired register."""
    return Person(
        cashier, AuthSessionFactory(user=cashier, register=register, store=register.store)
    )


@pytest.fixture
def order(till, make_product):
    return till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00")])


@pytest.fixture
def refund(manager_client, order):
    body = {"id": new_id(), "reason": "bad", "amount": "1.00"}
    response = manager_client.post(f"orders/{order['id']}/refunds/", body)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.fixture
def documents(order, refund):
    return {"sale": f"orders/{order['id']}/receipt/", "refund": f"refunds/{refund['id']}/receipt/"}


def snapshot(shop):
    with tenant_scope(shop):
        return (
            list(Receipt.objects.order_by("pk").values("fiscal", "prints", "version")),
            list(Refund.objects.order_by("pk").values("fiscal", "prints", "version")),
            list(ChainEntry.objects.order_by("pk").values_list("sequence", "kind")),
            AuditEvent.objects.filter(event="fiscal_texts_written").count(),
            OutboxEvent.objects.filter(topic="refund.updated").count(),
        )


def write(client, path, body=None, **headers):
    return client.post(f"{path}fiscal/", TEXTS if body is None else body, **headers)


def request_mail(client, order):
    body = {"email": "ada@customer.example"}
    response = client.post(f"orders/{order['id']}/receipt/email/", body)
    assert response.status_code == 202, response.content


def load(client, path, form="text", **query):
    response = client.get(path, {"format": form, **query})
    assert response.status_code == 200, response.content
    return response


@pytest.mark.once
@pytest.mark.parametrize("document", ["sale", "refund"])
def test_texts_are_printed_on_original_and_copies(documents, document, terminal, till):
    path = documents[document]

    written = write(terminal, path)

    assert (written.status_code, written.json()) == (201, TEXTS)
    assert load(till, path, "json").json()["fiscal"] == TEXTS
    for _ in range(2):
        printed = load(till, path).content.decode()
        assert "TSE-Transaktion 17" in printed
        assert QR in "".join(part.strip() for part in printed.splitlines())
        page = load(till, path, "html").content.decode()
        assert page.count("<svg") == 2
        assert LINES[1] in page
        assert QR.encode() in load(till, path, "escpos").content


@pytest.mark.once
def test_receipt_without_texts_has_none(documents, till):
    assert load(till, documents["sale"], "json").json()["fiscal"] is None
    assert load(till, documents["sale"], "html").content.decode().count("<svg") == 1


@pytest.mark.parametrize("document", ["sale", "refund"])
def test_texts_are_chained_and_audited(documents, document, manager_client, run_verify_chain, shop):
    before = snapshot(shop)

    assert write(manager_client, documents[document]).status_code == 201

    after = snapshot(shop)
    assert after[2] == [*before[2], (3, "fiscal")]
    assert after[3] == 1
    assert after[4] - before[4] == int(document == "refund")
    assert run_verify_chain() == (INTACT, 0)


@pytest.mark.once
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders_receipt SET fiscal = NULL",
        """UPDATE orders_receipt SET fiscal = '{"lines": ["other"], "qr": ""}'""",
        """UPDATE orders_refund SET fiscal = '{"lines": ["other"], "qr": ""}'""",
        "DELETE FROM orders_chainentry WHERE kind = 'fiscal'",
    ],
)
def test_changed_texts_are_found(documents, manager_client, run_verify_chain, sql):
    write(manager_client, documents["sale"])
    execute_without_triggers(sql)

    text, code = run_verify_chain()

    assert code == 1
    assert "fiscal" in text


def test_texts_are_written_once(documents, terminal, manager_client, problem, shop):
    write(terminal, documents["sale"])
    before = snapshot(shop)

    for client in (terminal, manager_client):
        problem(write(client, documents["sale"]), 409, "fiscal_texts_written")
    other = {"lines": ["other"]}
    problem(write(manager_client, documents["sale"], other), 409, "fiscal_texts_written")

    assert snapshot(shop) == before


@pytest.mark.once
def test_request_repeated_with_its_key_has_one_effect(documents, terminal, shop):
    key = new_id()
    answers = [write(terminal, documents["sale"], Idempotency_Key=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert snapshot(shop)[3] == 1


@pytest.mark.parametrize("document", ["sale", "refund"])
def test_texts_are_refused_after_the_first_print(
    documents, document, terminal, till, problem, shop
):
    load(till, documents[document])
    before = snapshot(shop)

    problem(write(terminal, documents[document]), 409, "receipt_printed")

    assert snapshot(shop) == before


@pytest.mark.parametrize("is_sent", [False, True])
def test_texts_are_refused_after_a_mail_was_requested(
    documents, terminal, till, order, problem, shop, is_sent
):
    """A mail has no copies: the customer would keep a receipt without the texts."""
    request_mail(till, order)
    if is_sent:
        relay_all()
    before = snapshot(shop)

    problem(write(terminal, documents["sale"]), 409, "receipt_printed")

    assert snapshot(shop) == before


@pytest.mark.once
def test_mail_of_a_refund_matters_for_its_receipt_only(
    documents, terminal, till, refund, problem, shop
):
    body = {"email": "ada@customer.example"}
    assert till.post(f"refunds/{refund['id']}/receipt/email/", body).status_code == 202
    before = snapshot(shop)

    problem(write(terminal, documents["refund"]), 409, "receipt_printed")

    assert snapshot(shop) == before
    assert write(terminal, documents["sale"]).status_code == 201


@pytest.mark.once
def test_mail_of_another_receipt_does_not_matter(documents, terminal, till, order, make_product):
    other = till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    request_mail(till, other)

    assert write(terminal, documents["sale"]).status_code == 201


@pytest.mark.once
def test_json_and_gift_receipt_are_no_prints_and_mail_has_the_texts(
    documents, terminal, till, order
):
    load(till, documents["sale"], "json")
    load(till, documents["sale"], prices="false")

    assert write(terminal, documents["sale"]).status_code == 201
    request_mail(till, order)
    relay_all()

    (message,) = mail.outbox
    ((html, _),) = message.alternatives
    assert LINES[0] in message.body
    assert LINES[0] in html
    assert QR in html


@pytest.mark.once
def test_gift_receipt_has_no_texts_because_they_have_amounts(documents, terminal, till):
    write(terminal, documents["sale"])

    gift = load(till, documents["sale"], "json", prices="false").json()
    printed = load(till, documents["sale"], "html", prices="false").content.decode()

    assert gift["fiscal"] is None
    assert printed.count("<svg") == 1
    assert LINES[0] not in printed


@pytest.mark.once
def test_open_order_has_no_receipt_to_write_on(till, product, manager_client, problem, shop):
    order = till.sold(line(product))
    before = snapshot(shop)

    problem(write(manager_client, f"orders/{order['id']}/receipt/"), 409, "no_receipt")

    assert snapshot(shop) == before


@pytest.mark.once
@pytest.mark.parametrize("document", ["sale", "refund"])
def test_cashiers_elsewhere_may_not_write(
    documents, document, till, cashier, register, shop, problem
):
    other = RegisterFactory(tenant=shop, store=register.store, number=7)
    colleague = UserFactory(tenant=shop)
    before = snapshot(shop)

    elsewhere = AuthSessionFactory(user=colleague, register=other, store=register.store)
    for client in (Person(colleague, elsewhere), Person(cashier)):
        problem(write(client, documents[document]), 403, "permission_denied")
    assert snapshot(shop) == before

    here = AuthSessionFactory(user=colleague, register=register, store=register.store)
    assert write(Person(colleague, here), documents[document]).status_code == 201


@pytest.mark.once
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"lines": "required"}),
        ({"lines": [], "qr": ""}, {"lines": "required"}),
        ({"lines": ["x"] * 21}, {"lines": "max_length"}),
        ({"lines": ["x" * 101]}, {"lines[0]": "max_length"}),
        ({"lines": [""]}, {"lines[0]": "blank"}),
        ({"lines": ["a\nb"]}, {"lines[0]": "control_character"}),
        ({"lines": ["a\x1b@"]}, {"lines[0]": "control_character"}),
        ({"lines": "x"}, {"lines": "not_a_list"}),
        ({"qr": "x" * 701}, {"qr": "max_length"}),
        ({"qr": "ä"}, {"qr": "not_ascii"}),
        ({"qr": 7}, {"qr": "invalid"}),
        ({"lines": ["x"], "more": 1}, {"more": "unknown_field"}),
    ],
)
def test_invalid_texts_are_refused(documents, terminal, problem, shop, body, errors):
    before = snapshot(shop)

    problem(write(terminal, documents["sale"], body), 400, "invalid", errors)

    assert snapshot(shop) == before


@pytest.mark.once
def test_longest_texts_fit_on_every_document(documents, terminal, till):
    longest = {"lines": ["W" * 100] * 20, "qr": "Q" * 700}

    assert write(terminal, documents["sale"], longest).json() == longest

    for form in ("text", "html", "escpos"):
        load(till, documents["sale"], form)


@pytest.mark.once
def test_receipts_of_another_shop_are_not_found(manager_client, foreign, problem, other_shop):
    before = snapshot(other_shop)

    problem(write(manager_client, f"orders/{foreign.order.pk}/receipt/"), 404, "not_found")

    assert snapshot(other_shop) == before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_concurrent_writes_and_prints_agree(till, make_product, register, shop, cashier):
    """Either the texts are on every print, or they are refused because of the first one."""
    for _ in range(4):
        order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
        path = f"orders/{order['id']}/receipt/"
        sessions = [
            AuthSessionFactory(user=cashier, register=register, store=register.store)
            for _ in range(3)
        ]
        writers = [Person(cashier, session) for session in sessions]
        printers = [Till(till.user, till.register) for _ in range(3)]

        answers = run_concurrently(
            [
                *(partial(write, each, path) for each in writers),
                *(partial(load, each, path) for each in printers),
            ]
        )

        statuses = [answer.status_code for answer in answers[:3]]
        prints = [LINES[0] in answer.content.decode() for answer in answers[3:]]
        assert statuses.count(201) <= 1
        assert prints == [201 in statuses] * 3
    with tenant_scope(shop):
        assert AuthSession.objects.exists()

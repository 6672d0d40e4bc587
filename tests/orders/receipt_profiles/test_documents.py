"""Receipts, refund receipts, gift receipts, mails and Z reports with a receipt profile."""

import re
from dataclasses import replace

import pytest
from django.core import mail

from orders.models import Order, Receipt, ReceiptProfile, Refund, Shift
from orders.services.documents.labels import Labels, load_labels
from orders.services.documents.sale_receipt import build_gift_receipt, build_sale_receipt
from tenants.scope import tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.order_relay import relay_all
from tests.support.png import build_png
from tests.support.receipt_profiles import create_profile
from tests.support.till import card, cash, line, new_id

pytestmark = [pytest.mark.once, pytest.mark.django_db]

FORMS = ("json", "text", "html", "escpos")


@pytest.fixture
def profile(store, manager):
    return create_profile(store, manager)


@pytest.fixture
def trade(till, manager_client, make_product, register):
    """Return a function that sells, refunds and closes; it returns the paths of the documents."""

    def run(*payments):
        opened = till.post("shifts/", {"id": new_id(), "register": str(register.pk)}).json()
        order = till.sold(line(make_product("2.50"), "2"), payments=payments)
        body = {"id": new_id(), "reason": "bad", "amount": "1.00"}
        refund = manager_client.post(f"orders/{order['id']}/refunds/", body)
        assert refund.status_code == 201, refund.content
        counted = {"counted": [{"method": "cash", "amount": "0.00"}]}
        closed = manager_client.post(f"shifts/{opened['id']}/close/", counted)
        assert closed.status_code == 200, closed.content
        return {
            "sale": f"orders/{order['id']}/receipt/",
            "refund": f"refunds/{refund.json()['id']}/receipt/",
            "z": f"shifts/{opened['id']}/z-report/",
        }

    return run


@pytest.fixture
def day(profile, trade):
    """Return the paths of the documents of a sale, its refund and its shift, with a profile."""
    return trade(cash("5.00", tendered="10.00"))


def load(client, path, form="text", **query):
    response = client.get(path, {"format": form, **query})
    assert response.status_code == 200, response.content
    return response


def load_text(client, path, form="text", **query):
    return load(client, path, form, **query).content.decode()


def test_receipt_names_its_profile(day, till, profile, shop):
    shown = load(till, day["sale"], "json").json()

    assert shown["profile"] == {"id": str(profile.pk), "version": 1}
    assert (shown["shop"], shown["address"]) == (profile.legal_name, profile.address)
    assert shown["tax_numbers"] == [
        {"label": "USt-IdNr.", "number": "DE123456789"},
        {"label": "Steuernummer", "number": "12/345/67890"},
    ]
    with tenant_scope(shop):
        for row in (Receipt.objects.get(), Refund.objects.get(), Shift.objects.get()):
            assert row.profile_id == profile.pk
    assert load(till, day["refund"], "json").json()["profile"]["version"] == 1
    assert load(till, day["z"], "json").json()["receipt_profile"] == profile.hash


@pytest.mark.parametrize("document", ["sale", "refund", "z"])
def test_every_document_shows_the_profile(day, till, document):
    for form in ("text", "html"):
        printed = load_text(till, day[document], form)
        for text in (
            *("Grüne Kiste GmbH", "Hauptstraße 1", "10115 Berlin", "USt-IdNr. DE123456789"),
            *("Steuernummer 12/345/67890", "Bio seit 1987", "Umtausch binnen 14 Tagen."),
            *("Nur mit Beleg.", "Danke für Ihren Einkauf!"),
        ):
            assert text in printed
        assert "Green Grocery" not in printed
    assert '<html lang="de">' in printed
    assert 'src="data:image/png;base64,' in printed


def test_labels_are_in_the_language_of_the_profile(day, till):
    printed = load_text(till, day["sale"])
    for text in ("Beleg 1", "Kasse Till 1", "Bedient von", "SUMME EUR", "Bar", "Rückgeld"):
        assert text in printed
    assert load_text(till, day["refund"]).splitlines()[0].strip() == "ERSTATTUNG"
    assert "BARGELD SOLL" in load_text(till, day["z"])
    load(till, day["sale"])
    assert "KOPIE 2" in load_text(till, day["sale"])


def test_file_name_is_ascii_in_every_language(day, till, store, manager):
    create_profile(store, manager, language="fr")

    disposition = load(till, day["sale"], "escpos")["Content-Disposition"]

    assert disposition == 'inline; filename="receipt-1.bin"'


@pytest.mark.parametrize("language", ReceiptProfile.Language.values)
def test_no_document_has_an_untranslated_label(language, trade, till, store, manager, monkeypatch):
    """Every label that a document asks for is one of its language."""
    create_profile(store, manager, language=language)
    asked = set()
    translate = Labels.__call__

    def record(labels, label):
        asked.add((labels.language, label))
        return translate(labels, label)

    monkeypatch.setattr(Labels, "__call__", record)
    day = trade(card("3.00"), cash("2.00"))

    for path in (*day.values(), day["sale"]):
        load(till, path, "html")
    load(till, day["sale"], prices="false")

    assert len(asked) > 40
    assert {each for each, _ in asked} == {language}
    if language != "en":
        assert {label for _, label in asked} <= load_labels(language)._catalog._catalog.keys()


@pytest.mark.parametrize("document", ["sale", "refund", "z"])
@pytest.mark.parametrize("form", FORMS)
def test_reprint_is_the_same_after_a_change_of_the_profile(
    day, till, store, manager, document, form, shop
):
    model = {"sale": Receipt, "refund": Refund}.get(document)

    def reset_prints():
        if model:
            with tenant_scope(shop):
                model.objects.update(prints=0)

    before = load(till, day[document], form).content
    reset_prints()

    create_profile(
        store,
        manager,
        legal_name="Other",
        language="pl",
        paper_mm=80,
        code_page="pc852",
        header=["new"],
        footer=[],
        tax_numbers=[],
        return_policy="none",
        logo=None,
        drawer_pulse=False,
        address="elsewhere",
    )

    assert load(till, day[document], form).content == before


def test_next_sale_has_the_new_version(day, till, store, manager, make_product):
    second = create_profile(store, manager, legal_name="Other")

    order = till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    shown = load(till, f"orders/{order['id']}/receipt/", "json").json()
    assert (shown["shop"], shown["profile"]["id"]) == ("Other", str(second.pk))


def test_store_without_a_profile_prints_as_before(till, make_product, store, manager):
    order = till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    path = f"orders/{order['id']}/receipt/"
    before = load(till, path, "html").content
    create_profile(store, manager)

    shown = load(till, path, "json").json()

    assert (shown["shop"], shown["profile"], shown["tax_numbers"]) == ("Green Grocery", None, [])
    assert b"COPY 1" in load(till, path, "html").content
    assert b"Green Grocery" in before


def test_profile_of_another_store_is_not_used(till, make_product, shop, manager):
    with tenant_scope(shop):
        other = StoreFactory(tenant=shop)
    create_profile(other, manager)

    order = till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    assert load(till, f"orders/{order['id']}/receipt/", "json").json()["profile"] is None


def test_gift_receipt_has_the_profile_and_no_amount(day, till):
    for form in ("text", "html"):
        printed = load_text(till, day["sale"], form, prices="false")
        for text in ("GESCHENKBELEG", "Grüne Kiste GmbH", "Menge 2", "Danke für Ihren Einkauf!"):
            assert text in printed
        for amount in ("2.50", "5.00", "10.00", "SUMME"):
            assert amount not in printed


def test_mail_has_the_profile(day, till):
    path = day["sale"].replace("receipt/", "receipt/email/")
    assert till.post(path, {"email": "ada@customer.example"}).status_code == 202

    relay_all()

    (message,) = mail.outbox
    ((html, _),) = message.alternatives
    assert message.subject == "Ihr Beleg von Grüne Kiste GmbH"
    for text in ("Grüne Kiste GmbH", "USt-IdNr. DE123456789", "SUMME EUR", "Umtausch binnen"):
        assert text in message.body
        assert text in html
    assert "<img" not in html


def test_profile_is_escaped_in_html(till, make_product, store, manager):
    evil = "<img src=x onerror=alert(1)>"
    create_profile(
        store,
        manager,
        legal_name=evil,
        address=evil,
        tax_numbers=[{"label": evil[:40], "number": evil[:40]}],
        header=[evil],
        footer=[evil],
        return_policy=evil,
        logo=None,
    )
    order = till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    page = load_text(till, f"orders/{order['id']}/receipt/", "html")

    assert "<img" not in page
    assert page.count("&lt;img") >= 7


def test_only_an_original_that_moves_cash_opens_the_drawer(day, till, make_product, shop):
    by_card = till.sold(line(make_product("3.00")), payments=[card("3.00")])
    with tenant_scope(shop):
        orders = {str(each.pk): each for each in Order.objects.with_receipt()}
        of_card = build_sale_receipt(orders.pop(by_card["id"]))
        (order,) = orders.values()
        receipt = build_sale_receipt(order)
        gift = build_gift_receipt(order)

        pulses = [
            document.printer.drawer_pulse
            for document in (
                receipt.build_document(),
                receipt.build_document(copy=1),
                gift.build_document(),
                of_card.build_document(),
            )
        ]

    assert pulses == [True, False, False, False]
    settings = receipt.build_document().printer
    assert replace(settings, drawer_pulse=True) == settings
    assert (settings.paper_mm, settings.code_page, settings.logo) == (58, "pc858", build_png())


def test_slip_of_a_cash_movement_has_the_current_profile(profile, till, register):
    opened = till.post("shifts/", {"id": new_id(), "register": str(register.pk)}).json()
    movements = f"shifts/{opened['id']}/cash-movements/"
    body = {"id": new_id(), "type": "paid_in", "amount": "5.00", "reason": "Coins"}
    assert till.post(movements, body).status_code == 201

    printed = load_text(till, f"{movements}{body['id']}/")

    assert "Grüne Kiste GmbH" in printed
    assert "Einlagen" in printed


@pytest.mark.pdf
def test_pdf_has_the_profile(day, till):
    assert load(till, day["sale"], "pdf").content.startswith(b"%PDF-")


def test_width_of_the_page_is_that_of_the_paper(day, till):
    page = load_text(till, day["sale"], "html")

    assert re.search(r'<main class="paper-58">', page)

"""Admin pages of payment providers and card readers."""

import pytest
from django.utils import timezone

from orders.models import CardReader, PaymentProvider
from tenants.scope import tenant_scope
from tests.factories.card_readers import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    CardReaderFactory,
    PaymentProviderFactory,
)
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.till import Till, card, line

pytestmark = pytest.mark.django_db
PROVIDERS = "/admin/orders/paymentprovider/"
READERS = "/admin/orders/cardreader/"
STRIPE = {"kind": "stripe_terminal", "name": "Stripe", "is_active": "on", "secret_key": SECRET_KEY}


def test_admin_adds_a_provider_without_credentials(admins_browser, shop):
    new = {"kind": "simulator", "name": "Simulated cards", "is_active": "on"}
    assert submit_form(admins_browser, f"{PROVIDERS}add/", **new)["Location"] == PROVIDERS

    with tenant_scope(shop):
        assert PaymentProvider.objects.get().kind == "simulator"


def test_provider_with_credentials_cannot_be_added_at_the_page(admins_browser):
    """The API asks for the password again before it takes credentials."""
    before = snapshot_database(PaymentProvider)

    response = submit_form(admins_browser, f"{PROVIDERS}add/", **STRIPE)

    assert "Select a valid choice." in read_errors(response)
    assert snapshot_database(PaymentProvider) == before


def test_page_changes_a_provider_but_not_its_credentials(admins_browser, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    page = f"{PROVIDERS}{provider.pk}/"
    shown = admins_browser.get(f"{page}change/")
    assert {"secret_key", "webhook_secret"}.isdisjoint(shown.context["adminform"].form.fields)
    assert "payment-providers/{id}/" in shown.content.decode()

    new = {"name": "Second", "secret_key": "sk_of_a_thief", "webhook_secret": "whsec_of_a_thief"}
    assert submit_form(admins_browser, f"{page}change/", **new).status_code == 302

    with tenant_scope(shop):
        provider.refresh_from_db()
        assert (provider.name, provider.secret_key) == ("Second", SECRET_KEY)
        assert provider.webhook_secrets_at(timezone.now()) == [WEBHOOK_SECRET]
    history = admins_browser.get(f"{page}history/").content.decode()
    assert "payment_provider_changed" in history
    assert SECRET_KEY not in history + shown.content.decode()


def test_manager_sees_readers_but_no_providers(managers_browser, register):
    reader = CardReaderFactory(register=register)

    assert managers_browser.get(f"{READERS}{reader.pk}/change/").status_code == 200
    assert managers_browser.get(PROVIDERS).status_code == 403
    assert managers_browser.get(f"{READERS}add/").status_code == 403


def test_admin_adds_and_deactivates_a_reader(admins_browser, register, shop):
    provider = PaymentProviderFactory(tenant=shop)
    new = {"name": "Counter", "register": register.pk, "provider": provider.pk, "is_active": "on"}

    assert submit_form(admins_browser, f"{READERS}add/", **new)["Location"] == READERS
    second = submit_form(admins_browser, f"{READERS}add/", **new)
    assert "already has an active card reader" in read_errors(second)
    with tenant_scope(shop):
        reader = CardReader.objects.get()
    page = f"{READERS}{reader.pk}/change/"
    assert submit_form(admins_browser, page, is_active=None).status_code == 302
    with tenant_scope(shop):
        assert not CardReader.objects.get().is_active


def test_manager_looks_up_unknown_payments(managers_browser, manager, register, product):
    """The simulator says that a card of .92 was captured after all."""
    till = Till(manager, register)
    order = till.sold(line(product), payments=[card("1.92")])
    page = "/admin/orders/payment/"
    assert (
        order["payments"][0]["id"]
        in managers_browser.get(page, {"status__exact": "unknown"}).content.decode()
    )

    form = {"action": "resolve", "_selected_action": [order["payments"][0]["id"]]}
    answer = managers_browser.post(f"{page}?status__exact=unknown", form, follow=True)

    assert "Captured" in answer.content.decode()
    assert till.shown(order)["paid_total"] == "1.92"
    again = managers_browser.post(page, form, follow=True).content.decode()
    assert "Only pending and unknown payments can be resolved." in again

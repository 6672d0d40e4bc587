"""Admin pages of payment providers and card readers."""

import re

import pytest
from django.utils import timezone

from orders.models import CardReader, PaymentProvider
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD
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


def load_provider(shop):
    with tenant_scope(shop):
        return PaymentProvider.objects.get()


def test_admin_adds_a_provider_with_credentials_and_password(admins_browser, shop):
    secrets = {"webhook_secret": WEBHOOK_SECRET, "password": PASSWORD}

    added = submit_form(admins_browser, f"{PROVIDERS}add/", **STRIPE, **secrets)

    assert added["Location"] == PROVIDERS
    provider = load_provider(shop)
    assert provider.secret_key == SECRET_KEY
    assert provider.webhook_secrets_at(timezone.now()) == [WEBHOOK_SECRET]
    page = f"{PROVIDERS}{provider.pk}/"
    shown = admins_browser.get(f"{page}change/").content.decode()
    shown += admins_browser.get(f"{page}history/").content.decode()
    assert not {SECRET_KEY, WEBHOOK_SECRET, PASSWORD} & set(re.findall(r"[\w-]+", shown))


@pytest.mark.parametrize(
    ("password", "message"), [("", "Enter your password."), ("wrong", "Wrong password.")]
)
def test_credentials_need_the_password(admins_browser, password, message):
    before = snapshot_database(PaymentProvider)

    response = submit_form(admins_browser, f"{PROVIDERS}add/", **STRIPE, password=password)

    assert message in read_errors(response)
    assert SECRET_KEY not in response.content.decode()
    assert snapshot_database(PaymentProvider) == before


def test_wrong_passwords_are_counted(admins_browser, shop):
    """As at a log-in: the page does not help to guess the password."""
    for _ in range(6):
        response = submit_form(admins_browser, f"{PROVIDERS}add/", **STRIPE, password="wrong")

    assert "Too many" in read_errors(response)
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="reauth_failed").count() == 5
        assert not PaymentProvider.objects.exists()


def test_page_replaces_a_secret_and_keeps_the_other(admins_browser, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    page = f"{PROVIDERS}{provider.pk}/change/"

    assert submit_form(admins_browser, page, name="Second").status_code == 302
    assert load_provider(shop).webhook_secrets_at(timezone.now()) == [WEBHOOK_SECRET]
    new = {"webhook_secret": "whsec_new", "password": PASSWORD}
    assert submit_form(admins_browser, page, **new).status_code == 302

    provider = load_provider(shop)
    assert (provider.name, provider.secret_key) == ("Second", SECRET_KEY)
    assert provider.webhook_secrets_at(timezone.now()) == ["whsec_new", WEBHOOK_SECRET]


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

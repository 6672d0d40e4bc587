"""API of payment providers and card readers: credentials, permissions, one reader a register."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import CardReader, PaymentProvider
from tenants.models import AuditEvent, IdempotencyKey, OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.card_readers import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    CardReaderFactory,
    PaymentProviderFactory,
)
from tests.factories.tenants import RegisterFactory
from tests.support.api import Person

pytestmark = pytest.mark.django_db
PROVIDERS, READERS = "payment-providers/", "card-readers/"
CREDENTIALS = {"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET}
STRIPE = {"name": "Stripe", "kind": "stripe_terminal", "credentials": CREDENTIALS}


@pytest.fixture
def owner(admin):
    return Person(admin)


def load_rows(shop, model):
    with tenant_scope(shop):
        return list(model.objects.order_by("pk").values())


def test_credentials_are_encrypted_and_never_shown(owner, shop, caplog):
    made = owner.post(PROVIDERS, STRIPE, Idempotency_Key="first")
    shown = owner.get(f"{PROVIDERS}{made.json()['id']}/")

    assert made.status_code == 201
    assert shown.json() == made.json()
    assert (made.json()["has_api_key"], made.json()["receives_events"]) == (True, True)
    (row,) = load_rows(shop, PaymentProvider)
    with across_tenants():
        stored = [row, *IdempotencyKey.objects.values(), *AuditEvent.objects.values()]
        stored += OutboxEvent.objects.values()
    text = f"{made.content!r}{shown.content!r}{stored}{caplog.text}"
    assert SECRET_KEY not in text
    assert WEBHOOK_SECRET not in text
    with tenant_scope(shop):
        provider = PaymentProvider.objects.get()
        assert provider.secret_key == SECRET_KEY
        assert provider.webhook_secrets_at(timezone.now()) == [WEBHOOK_SECRET]


def test_previous_webhook_secret_is_valid_for_a_day(owner, shop):
    path = f"{PROVIDERS}{owner.post(PROVIDERS, STRIPE).json()['id']}/"

    change = {"credentials": {"webhook_secret": "whsec_another_secret"}}
    changed = owner.patch(path, change, If_Match='"1"')

    assert changed.status_code == 200
    with tenant_scope(shop):
        provider = PaymentProvider.objects.get()
    now = timezone.now()
    assert provider.webhook_secrets_at(now) == ["whsec_another_secret", WEBHOOK_SECRET]
    assert owner.patch(path, change, If_Match="*").status_code == 200
    with tenant_scope(shop):
        provider.refresh_from_db()
    assert provider.webhook_secrets_at(now) == ["whsec_another_secret", WEBHOOK_SECRET]
    assert provider.webhook_secrets_at(now + timedelta(days=1)) == ["whsec_another_secret"]
    assert provider.secret_key == SECRET_KEY


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"kind": "paypal"}, "kind", "invalid_choice"),
        ({"name": " "}, "name", "blank"),
        ({"credentials": None}, "credentials", "null"),
        ({"credentials": {}}, "credentials.secret_key", "required"),
        ({"credentials": {"secret_key": "pk_1"}}, "credentials.secret_key", "invalid"),
        ({"credentials": {"secret_key": "sk_" + "1" * 300}}, "credentials.secret_key", None),
        (
            {"credentials": CREDENTIALS | {"webhook_secret": "secret"}},
            "credentials.webhook_secret",
            "invalid",
        ),
        ({"kind": "simulator"}, "credentials", "not_allowed"),
        ({"tenant": "another"}, "tenant", "unknown_field"),
        ({"sealed_secret_key": "x"}, "sealed_secret_key", "unknown_field"),
    ],
)
def test_invalid_provider_is_refused(change, field, code, owner, shop):
    response = owner.post(PROVIDERS, STRIPE | change)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert code in (None, error["code"])
    assert load_rows(shop, PaymentProvider) == []


def test_kind_of_a_provider_never_changes(owner, problem, shop):
    path = f"{PROVIDERS}{owner.post(PROVIDERS, STRIPE).json()['id']}/"
    before = load_rows(shop, PaymentProvider)

    refused = owner.patch(path, {"kind": "simulator"}, If_Match='"1"')

    problem(refused, 400, "invalid", {"kind": "unknown_field"})
    problem(owner.patch(path, {"name": "Second"}), 428, "if_match_required")
    problem(owner.patch(path, {"name": "Second"}, If_Match='"7"'), 412, "version_conflict")
    assert load_rows(shop, PaymentProvider) == before


def test_only_admins_see_providers(manager_client, client_of, cashier, problem, shop):
    provider = PaymentProviderFactory(tenant=shop)
    for person in (manager_client, client_of(cashier)):
        problem(person.get(PROVIDERS), 403, "permission_denied")
        problem(person.get(f"{PROVIDERS}{provider.pk}/"), 403, "permission_denied")
        problem(person.post(PROVIDERS, STRIPE), 403, "permission_denied")
    assert len(load_rows(shop, PaymentProvider)) == 1


def build_reader(register, provider, **more):
    return {"name": "Reader", "register": str(register.pk), "provider": str(provider.pk), **more}


def test_reader_is_added_and_read_by_all_roles(owner, client_of, cashier, register, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)

    made = owner.post(READERS, build_reader(register, provider, provider_reader_id="tmr_1"))

    assert made.status_code == 201
    body = made.json()
    assert (body["register"], body["provider_reader_id"]) == (str(register.pk), "tmr_1")
    found = client_of(cashier).get(READERS, {"register": str(register.pk)}).json()["results"]
    assert found == [body]


def test_register_has_one_active_reader(owner, register, problem, shop):
    first = CardReaderFactory(register=register)
    before = load_rows(shop, CardReader)
    body = build_reader(register, first.provider)

    problem(owner.post(READERS, body), 409, "register_has_reader")
    assert load_rows(shop, CardReader) == before

    off = owner.patch(f"{READERS}{first.pk}/", {"is_active": False}, If_Match='"1"')
    assert off.status_code == 200
    assert owner.post(READERS, body).status_code == 201
    again = owner.patch(f"{READERS}{first.pk}/", {"is_active": True}, If_Match='"2"')
    problem(again, 409, "register_has_reader")


def test_reader_is_at_one_register(owner, register, problem, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    CardReaderFactory(register=register, provider=provider, provider_reader_id="tmr_1")
    other = owner.post("registers/", {"name": "Till 9", "store": str(register.store_id)}).json()
    body = {"name": "R", "register": other["id"], "provider": str(provider.pk)}

    refused = owner.post(READERS, body | {"provider_reader_id": "tmr_1"})

    problem(refused, 409, "reader_at_other_register")
    assert len(load_rows(shop, CardReader)) == 1
    assert owner.post(READERS, body | {"provider_reader_id": "tmr_2"}).status_code == 201


@pytest.mark.parametrize(
    ("stripe", "id", "code"),
    [(True, "tmx_1", "invalid"), (True, None, "invalid"), (False, "tmr_1", "not_allowed")],
)
def test_invalid_reader_id_is_refused(stripe, id, code, owner, register, problem, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=stripe)
    more = {} if id is None else {"provider_reader_id": id}

    refused = owner.post(READERS, build_reader(register, provider, **more))

    problem(refused, 400, "invalid", {"provider_reader_id": code})
    assert load_rows(shop, CardReader) == []


def test_reader_never_changes_register_or_provider(owner, register, problem, shop):
    reader = CardReaderFactory(register=register)
    before = load_rows(shop, CardReader)

    for field in ("register", "provider", "provider_reader_id"):
        value = str(getattr(reader, f"{field}_id", "tmr_2"))
        refused = owner.patch(f"{READERS}{reader.pk}/", {field: value}, If_Match='"1"')
        problem(refused, 400, "invalid", {field: "unknown_field"})
    assert load_rows(shop, CardReader) == before


def test_rows_of_another_shop_are_not_visible(owner, other_shop, register, problem, shop):
    theirs = CardReaderFactory(register=RegisterFactory(tenant=other_shop))

    problem(owner.get(f"{READERS}{theirs.pk}/"), 404, "not_found")
    problem(owner.get(f"{PROVIDERS}{theirs.provider_id}/"), 404, "not_found")
    refused = owner.post(READERS, build_reader(register, theirs.provider))
    problem(refused, 400, "invalid", {"provider": "does_not_exist"})
    assert owner.get(READERS).json()["results"] == []
    assert load_rows(shop, CardReader) == []

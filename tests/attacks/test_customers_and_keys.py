"""Attacks with customers of other shops, and with service keys beyond what they are for."""

import pytest
from django.test import Client

from accounts.models import AuthSession
from tenants.scope import across_tenants, tenant_scope
from tests.factories.customers import CustomerFactory
from tests.factories.orders import StockLevelFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Api
from tests.support.attack_outcome import assert_harmless, assert_refused
from tests.support.discovery import snapshot_owned_rows
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import Till, cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(other_shop):
    """The id of a customer of another shop."""
    with tenant_scope(other_shop):
        customer = CustomerFactory(tenant=other_shop, name="leakmark", email="leakmark@b.example")
    return {"id": str(customer.pk)}


@pytest.fixture
def till(cashier, register):
    return Till(cashier, register)


@pytest.fixture
def elsewhere(cashier, shop, product):
    """A till of another store of the shop, which has the product."""
    branch = StoreFactory(tenant=shop, name="Branch")
    StockLevelFactory(product=product, store=branch)
    return Till(cashier, RegisterFactory(tenant=shop, store=branch, number=9))


@pytest.fixture
def key(shop, admin, store):
    """A key with all scopes for one store, after its first use, which is recorded."""
    client = KeyClient(create_key(shop, admin, stores=[store]))
    assert client.get("orders/").status_code == 200
    return client


def test_attack_177_customer_of_another_shop_is_on_no_order(till, product, theirs):
    order = till.sold(line(product))
    before = snapshot_owned_rows()

    for refused in (
        till.sell(line(product), customer=theirs),
        till.sell(line(product), customer=theirs, payments=[cash("2.50")]),
        till.patch(f"orders/{order['id']}/", {"customer": theirs}, If_Match="*"),
    ):
        assert_refused(refused, 400)
    listed = assert_harmless(till.get("orders/", {"customer": theirs["id"]}))

    assert snapshot_owned_rows() == before
    assert listed.status_code == 400 or listed.json()["results"] == []


@pytest.mark.parametrize("is_open", [True, False])
def test_attack_180_key_of_one_store_changes_nothing_in_another(is_open, key, elsewhere, product):
    sold = line(product)
    order = elsewhere.sold(sold, payments=[] if is_open else [cash("2.50")])
    path, before = f"orders/{order['id']}", snapshot_owned_rows()
    there = {"id": new_id(), "register": str(elsewhere.register.pk), "lines": [sold]}

    for method, where, body in (
        ("post", "orders/", there),
        ("post", f"{path}/lines/", {"id": new_id(), **sold}),
        ("post", f"{path}/payments/", {"id": new_id(), **cash("2.50")}),
        ("post", f"{path}/void/", {"reason": "mine"}),
        ("post", f"{path}/refunds/", {"id": new_id(), "reason": "mine"}),
        ("post", f"{path}/receipt/email/", {"email": "me@till.example"}),
        ("patch", f"{path}/", {"note": "mine"}),
        ("delete", f"{path}/lines/{order['lines'][0]['id']}/", None),
    ):
        headers = {"If_Match": "*"} if method in {"patch", "delete"} else {}
        assert_refused(getattr(key, method)(where, body, **headers), 400, 403, 404)

    assert snapshot_owned_rows() == before


def test_attack_181_key_is_no_token_of_another_kind(key, shop):
    secret = key.key.secret
    before = snapshot_owned_rows()

    assert_refused(Api().post("auth/token/refresh/", {"refresh": secret}), 401)
    assert_refused(Api(X_Terminal_Token=secret).post("auth/pin/", {"pin": "482915"}), 400, 401, 404)
    log_in = {"tenant": shop.slug, "username": key.key.name, "password": secret}
    assert_refused(Api().post("auth/token/", log_in), 401)
    for page in ("/admin/", "/admin/orders/order/"):
        answer = Client().get(page, headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")

    with across_tenants():
        assert not AuthSession.objects.filter(user=key.key.user_id).exists()
    assert snapshot_owned_rows() == before


def test_attack_182_key_does_not_replay_the_answer_of_another_key(
    key, shop, admin, register, product
):
    sold = line(product)
    body = {"id": new_id(), "register": str(register.pk), "lines": [sold], "note": "secret"}
    assert key.post("orders/", body, Idempotency_Key="sale").status_code == 201
    reader = KeyClient(create_key(shop, admin, "catalog:read", name="Reader"))
    writer = KeyClient(create_key(shop, admin, "orders:write", name="Writer"))
    other = {**body, "id": new_id(), "note": "other"}

    assert_refused(reader.post("orders/", body, Idempotency_Key="sale"), 403)
    answer = assert_harmless(writer.post("orders/", other, Idempotency_Key="sale"))

    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["note"]) == (other["id"], "other")

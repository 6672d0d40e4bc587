"""What a program does with a service key, and that it stays within its shop and stores."""

import pytest

from orders.models import Order
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.offline import build_offline_line, build_offline_sale, results
from tests.support.parallel import run_concurrently
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import card, cash, line, new_id, percent


@pytest.fixture
def client(shop, admin):
    return KeyClient(create_key(shop, admin))


@pytest.fixture
def order(register):
    def build(*lines, **more):
        return {"id": new_id(), "register": str(register.pk), "lines": list(lines), **more}

    return build


def test_key_sells_and_is_the_cashier_of_the_sale(client, order, make_product, admin_client):
    body = order(line(make_product("2.50")), payments=[cash("2.50")])

    sold = client.post("orders/", body, Idempotency_Key="sale")

    assert sold.status_code == 201, sold.content
    assert (sold.json()["status"], sold.json()["cashier"]) == (
        "completed",
        str(client.key.user_id),
    )
    again = client.post("orders/", body, Idempotency_Key="sale")
    assert (again.status_code, again.content) == (200, sold.content) or (
        again["Idempotent-Replayed"] == "true"
    )
    assert admin_client.get(f"orders/{sold.json()['id']}/").json() == sold.json()


def test_key_writes_the_catalog_and_the_audit_log_names_it(client, shop):
    made = client.post("products/", {"sku": "NEW", "name": "New", "price": "1.00"})

    assert made.status_code == 201, made.content
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="product_added")
    assert (event.actor, event.actor_name) == (client.key.user_id, "Web shop")
    assert (event.session, str(event.target)) == (client.key.pk, made.json()["id"])


def test_key_has_the_limits_of_a_cashier_and_gives_no_approval(
    client, order, make_product, shop, problem
):
    product = make_product("10.00")
    with tenant_scope(shop):
        before = Order.objects.count()
    refused = client.post("orders/", order(line(product, discounts=[percent("90")])))

    problem(refused, 403, "approval_required")
    problem(client.post("approvals/", {}), 403, "not_for_service_keys")
    with tenant_scope(shop):
        assert Order.objects.count() == before


def test_key_sees_and_sells_in_its_stores_only(shop, admin, store, make_product, order):
    elsewhere = RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop), number=9)
    client = KeyClient(create_key(shop, admin, stores=[store]))
    product = make_product("2.50")
    here = client.post("orders/", order(line(product), payments=[cash("2.50")]))
    assert here.status_code == 201, here.content

    refused = client.post("orders/", order(line(product)) | {"register": str(elsewhere.pk)})

    assert refused.status_code in {400, 403, 404}, refused.content
    other = KeyClient(create_key(shop, admin, stores=[elsewhere.store]))
    assert other.get("orders/").json()["results"] == []
    assert other.get(f"orders/{here.json()['id']}/").status_code == 404


def test_key_lists_customers_with_their_addresses(client, shop):
    CustomerFactory(tenant=shop, name="Ann", email="ann@till.example")

    (listed,) = client.get("customers/").json()["results"]

    assert listed["email"] == "ann@till.example"


def test_export_has_no_costs_for_a_key(client, admin_client):
    body = {"sku": "C1", "name": "Pear", "price": "9.00", "cost": "3.33", "external_id": "E7"}
    assert admin_client.post("products/", body).status_code == 201

    header, row = client.get("products/export/").getvalue().decode().split()
    complete = admin_client.get("products/export/").getvalue()

    assert "cost" not in header.split(",")
    assert "3.33" not in row
    values = dict(zip(header.removeprefix("\ufeff").split(","), row.split(","), strict=True))
    assert (values["sku"], values["price"], values["external_id"]) == ("C1", "9.00", "E7")
    assert b"3.33" in complete


def test_key_of_another_shop_sees_nothing_of_this_one(other_shop, foreign, product):
    client = KeyClient(create_key(other_shop, foreign.admin))

    listed = client.get("products/").json()["results"]

    assert str(product.pk) not in [each["id"] for each in listed]
    assert client.get(f"products/{product.pk}/").status_code == 404


def test_cashier_named_in_an_upload_is_not_a_service_key(till, client, make_product):
    item = build_offline_sale(
        1, build_offline_line(make_product()), cashier=str(client.key.user_id)
    )

    (result,) = results(till, item)

    assert result["status"] == "rejected", result


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_key_that_is_revoked_while_in_use_ends_with_the_revocation(
    client, admin_client, order, make_product, shop
):
    """Requests that began before may finish; none succeeds after the revocation was answered."""
    product = make_product("2.50", stock="100")

    def sell():
        return client.post("orders/", order(line(product), payments=[cash("2.50")]))

    def revoke():
        return admin_client.delete(f"service-keys/{client.key.pk}/")

    *sales, revoked = run_concurrently([*([sell] * 6), revoke])

    assert revoked.status_code == 204
    assert {each.status_code for each in sales} <= {201, 401}
    with tenant_scope(shop):
        count = Order.objects.count()
    assert count == sum(each.status_code == 201 for each in sales)
    assert [sell().status_code for _ in range(3)] == [401] * 3
    with tenant_scope(shop):
        assert Order.objects.count() == count


def test_card_at_an_external_reader_is_taken_by_a_key(client, order, make_product):
    payment = card("2.50", entry="external", reference="WEB-1")

    sold = client.post("orders/", order(line(make_product("2.50")), payments=[payment]))

    assert (sold.status_code, sold.json()["status"]) == (201, "completed")

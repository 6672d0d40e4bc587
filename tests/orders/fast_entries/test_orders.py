"""The fast entry for orders answers before Django, with the same responses as the view."""

import json

import pytest

from accounts.models import Posting
from accounts.security.tokens import issue_access
from orders.models import Payout
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, TerminalFactory
from tests.factories.card_readers import CardReaderFactory
from tests.factories.customers import CustomerFactory
from tests.factories.orders import OrderFactory, OrderLineFactory, ProductFactory, StockLevelFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import build_refund_lines, create_refund
from tests.support.statements import assert_statement_count
from tests.support.till import Till, amount, cash, line, new_id, percent

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ORDERS = "/api/v1/orders/"


def client_for(user):
    return BothWays(Person(user).tokens.access)


@pytest.fixture
def client(cashier):
    return client_for(cashier)


@pytest.fixture
def till(shop, cashier, register):
    shop.shifts_required = False
    shop.save()
    return Till(cashier, register)


@pytest.fixture
def products(shop, store):
    with tenant_scope(shop):
        created = [
            ProductFactory(tenant=shop, name=name, price=price)
            for name, price in (("Ünï \u2028", "2.50"), ('Quote "', "0.99"), ("Free", "0.00"))
        ]
        for product in created:
            StockLevelFactory(tenant=shop, store=store, product=product, quantity=1000)
    return created


@pytest.fixture
def sold(till, manager, products):
    """Return orders of every status: with discounts, vouchers, refunds, empties, one offline."""
    first, second, free = products
    bottle = ProductFactory(tenant=first.tenant, price="1.00", deposit=second, track_stock=False)
    empty = ProductFactory(tenant=first.tenant, price="0.25", returnable=True)
    manager_till = Till(manager, till.register)
    voucher = {"id": None, "method": "voucher", "amount": "1.00", "reference": "V-1"}
    del voucher["id"]
    created = [
        till.sold(line(first, "3"), line(second), payments=[cash("8.49", "10.00")]),
        till.sold(line(first), discounts=[percent("10")], payments=[cash("2.25")]),
        till.sold(line(first, discounts=[amount("0.10")]), payments=[voucher, cash("1.40")]),
        till.sold(line(free), payments=[]),
        till.sold(line(first), line(second)),
        till.sold(
            line(first, note="für \U0001f34e"),
            note="two\nlines",
            customer={"name": "Ann", "email": "ann@example.com"},
        ),
        upload_one_booked(till, build_offline_sale(1, build_offline_line(first))),
        till.sold(line(bottle, "2"), line(empty, "-8"), payments=[cash("1.98")]),
        till.sold(line(empty, "-6"), payments=[cash("-1.50")]),
        till.sold(
            line(first),
            customer={
                "id": str(CustomerFactory(tenant=first.tenant, name="Bea", tax_number="DE1").pk)
            },
        ),
    ]
    # Paid out beyond the payments, for what empties have paid.
    create_refund(manager_till, created[-3])
    create_refund(manager_till, created[0], lines=build_refund_lines(created[0]))
    create_refund(manager_till, created[0], amount="1.00", method="store_credit")
    return created


def results(answer):
    assert answer.status == "200 OK"
    return json.loads(answer.body)["results"]


# --- the list -----------------------------------------------------------------------------------


def test_first_page_equals_the_view(client, sold, foreign):
    assert {row["id"] for row in results(client.get(ORDERS))} == {each["id"] for each in sold}


def test_orders_by_ids_equal_the_view(client, sold):
    wanted = {each["id"] for each in sold[:3]}

    found = client.get(f"{ORDERS}?id={','.join([*wanted, new_id()])}&page_size=200")

    assert {row["id"] for row in results(found)} == wanted
    client.get(f"{ORDERS}?id=x", fast=False)


@pytest.mark.parametrize("size", [1, 2, 3, 50, 200])
def test_all_pages_equal_the_view_in_both_directions(client, sold, size):
    path, seen = f"{ORDERS}?page_size={size}", []
    while path:
        last = json.loads(client.get(path).body)
        seen += [row["id"] for row in last["results"]]
        path = last["next"]
    assert sorted(seen) == sorted(each["id"] for each in sold)

    while last["previous"]:
        last = json.loads(client.get(last["previous"]).body)
    assert [row["id"] for row in last["results"]] == seen[:size]


@pytest.mark.parametrize("status", ["open", "completed", "refunded", "partially_refunded", "held"])
def test_list_filtered_by_status_equals_the_view(client, sold, status):
    found = results(client.get(f"{ORDERS}?status={status}&page_size=2"))

    assert all(row["status"] == status for row in found)


def test_list_filtered_by_other_fields_equals_the_view(client, sold, till, cashier, foreign):
    for name, pk in (
        ("store", till.register.store_id),
        ("register", till.register.pk),
        ("cashier", cashier.pk),
        ("shift", cashier.pk),
        ("register", foreign.register.pk),
    ):
        client.get(f"{ORDERS}?{name}={pk}")
    path = f"{ORDERS}?store={till.register.store_id}&status=completed&page_size=1"
    while path:
        path = json.loads(client.get(path).body)["next"]


@pytest.mark.parametrize(
    "query",
    [
        "?status=unknown",
        "?store=1",
        "?store=",
        "?number=1-000001",
        "?flag=late",
        "?ordering=created_at",
        "?created_after=2026-01-01T00:00:00Z",
        "?discounted=true",
        "?page_size=0",
        "?cursor=x",
    ],
)
def test_other_queries_are_left_to_the_view(client, sold, query):
    client.get(f"{ORDERS}{query}", fast=False)


def test_order_without_stored_taxable_amounts_equals_the_view(client, shop, sold):
    with tenant_scope(shop):
        order = OrderFactory(tenant=shop, register__store__tenant=shop, cashier__tenant=shop)
        taxes = [{"name": "A", "percent": "7", "included": True, "compound": False}]
        OrderLineFactory(order=order, tenant=shop, taxes=[taxes[0] | {"amount": "0.16"}])

    client.get(f"{ORDERS}{order.pk}/")


@pytest.mark.parametrize(("currency", "price"), [("JPY", "3"), ("EUR", "3.10"), ("KWD", "3.125")])
def test_amounts_equal_the_view_in_every_currency(client, shop, till, products, currency, price):
    with tenant_scope(shop):
        type(shop).objects.filter(pk=shop.pk).update(currency=currency)
        products[0].price = price
        products[0].save()
    till.sold(line(products[0]), payments=[cash(price)])
    till.sold(line(products[0], discounts=[percent("10")]))

    client.get(ORDERS)


@pytest.mark.parametrize(
    "rule",
    [
        {"cash_rounding_increment": "0.05"},
        {"cash_rounding_increment": "0.05", "country": "BE"},
        {"cash_rounding_increment": "1", "cash_rounding_mode": "down"},
    ],
)
def test_cash_due_equals_the_view_for_every_rounding_rule(client, shop, sold, rule):
    with tenant_scope(shop):
        type(shop).objects.filter(pk=shop.pk).update(**rule)

    client.get(ORDERS)


def test_order_list_sends_one_message_to_postgresql(till, client, products, messages):
    till.sold(line(products[0]), payments=[cash("2.50")])
    call("GET", ORDERS, **client.headers)
    messages.clear()

    with assert_statement_count(0):
        call("GET", ORDERS, **client.headers)

    assert len(messages) == 1


# --- one order ----------------------------------------------------------------------------------


def test_order_by_id_equals_the_view(client, sold):
    for order in sold:
        answer = client.get(f"{ORDERS}{order['id']}/")
        assert json.loads(answer.body)["id"] == order["id"]


def test_refund_that_waits_at_a_reader_equals_the_view(client, shop, register, sold):
    reader = CardReaderFactory(register=register)
    with tenant_scope(shop):
        payout = Payout.objects.select_related("refund").first()
        Payout.objects.filter(pk=payout.pk).update(
            method="card", status="pending", reader=reader, gateway_reference=""
        )

    answer = client.get(f"{ORDERS}{payout.refund.order_id}/")

    refunds = json.loads(answer.body)["refunds"]
    assert str(reader.pk) in {part["reader"] for each in refunds for part in each["payouts"]}


def test_order_of_another_shop_is_left_to_the_view_and_not_found(client, sold, foreign):
    answer = client.get(f"{ORDERS}{foreign.order.pk}/", fast=False)

    assert answer.status == "404 Not Found"


# --- visible orders -----------------------------------------------------------------------------


@pytest.fixture
def other_store_order(shop, manager):
    """Return an order of another store."""
    with tenant_scope(shop):
        store = StoreFactory(tenant=shop, name="Second")
        register = RegisterFactory(tenant=shop, store=store, number=9)
        return OrderFactory(tenant=shop, register=register, store=store, cashier=manager)


def assign(user, *stores):
    with tenant_scope(user.tenant):
        Posting.objects.filter(user=user).delete()
        for store in stores:
            Posting.objects.create(user=user, store=store)


def listed(client):
    return {row["id"] for row in results(client.get(ORDERS))}


def test_cashier_sees_the_orders_of_the_assigned_stores(
    client, cashier, sold, store, other_store_order
):
    own_orders = {each["id"] for each in sold}
    assert listed(client) == own_orders | {str(other_store_order.pk)}

    assign(cashier, store)
    assert listed(client) == own_orders
    assert client.get(f"{ORDERS}{other_store_order.pk}/", fast=False).status == "404 Not Found"

    assign(cashier, other_store_order.store)
    assert listed(client) == {str(other_store_order.pk)}
    client.get(f"{ORDERS}{other_store_order.pk}/")

    assign(cashier, store, other_store_order.store)
    assert listed(client) == own_orders | {str(other_store_order.pk)}


def test_manager_sees_the_orders_of_every_store(manager, sold, store, other_store_order):
    assign(manager, store)

    assert str(other_store_order.pk) in listed(client_for(manager))


def test_new_role_is_effective_at_once(client, cashier, sold, store, other_store_order):
    assign(cashier, store)
    assert str(other_store_order.pk) not in listed(client)

    with tenant_scope(cashier.tenant):
        type(cashier).objects.filter(pk=cashier.pk).update(role="manager")

    assert str(other_store_order.pk) in listed(client)


def test_paired_session_sees_the_orders_of_its_store(cashier, register, sold, other_store_order):
    terminal = TerminalFactory(register=register)
    session = AuthSessionFactory(
        user=cashier, terminal=terminal, register=register, store=register.store
    )
    client = BothWays(issue_access(session))

    assert listed(client) == {each["id"] for each in sold}

    session.store = other_store_order.store
    with tenant_scope(cashier.tenant):
        type(session).objects.filter(pk=session.pk).update(store=other_store_order.store)
    assert listed(client) == {str(other_store_order.pk)}


def test_long_list_is_compressed(client, sold):
    assert ("Content-Encoding", "gzip") in client.get(ORDERS, accept_encoding="gzip").headers


def test_single_order_is_not_compressed(client, sold):
    answer = client.get(f"{ORDERS}{sold[0]['id']}/", accept_encoding="gzip")

    assert "Content-Encoding" not in dict(answer.headers)

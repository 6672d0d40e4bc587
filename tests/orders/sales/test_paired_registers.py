"""Sessions at a paired register: where orders are created, and which orders cashiers see."""

import pytest

from accounts.models import Posting
from orders.models import Order
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.order_approvals import assert_no_orders, log_in_at_paired_register
from tests.support.till import Till, cash, line, list_receipt_numbers, new_id


@pytest.fixture
def paired_till(cashier, register):
    return log_in_at_paired_register(cashier, register)


@pytest.fixture
def other_store_register(shop):
    """A register in another store of the same shop."""
    return RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop))


def assign(user, *stores):
    with tenant_scope(user.tenant):
        for store in stores:
            Posting(user=user, store=store).save(force_insert=True)


def without_register(body):
    return {name: value for name, value in body.items() if name != "register"}


# --- register of an order ------------------------------------------------------------------------


def test_paired_session_needs_no_register_in_the_order(paired_till, product, register):
    body = paired_till.order(line(product), payments=[cash("2.50")])

    response = paired_till.post("orders/", without_register(body))

    assert response.status_code == 201
    order = response.json()
    assert (order["register"], order["store"]) == (str(register.pk), str(register.store_id))
    assert list_receipt_numbers(register) == [1]


def test_paired_session_may_name_its_register(paired_till, product, register):
    assert paired_till.sold(line(product))["register"] == str(register.pk)


def test_order_with_and_without_the_register_is_the_same(paired_till, till, product, shop):
    body = paired_till.order(line(product), payments=[cash("2.50")])
    first = paired_till.post("orders/", without_register(body))

    for again in (body, without_register(body)):
        assert paired_till.post("orders/", again).status_code == 200
    answer = till.post("orders/", body)

    assert (answer.status_code, answer.json()) == (200, first.json())
    with tenant_scope(shop):
        assert Order.objects.count() == 1


def test_paired_session_cannot_sell_at_another_register(
    paired_till, product, tills, other_store_register, shop, problem
):
    for register in (tills[0].register, other_store_register):
        body = paired_till.order(line(product)) | {"register": str(register.pk)}

        problem(paired_till.post("orders/", body), 403, "other_register")

    assert assert_no_orders(shop)


def test_paired_session_cannot_sell_at_an_unknown_register(
    paired_till, product, foreign, shop, problem
):
    for register in (str(foreign.register.pk), new_id()):
        body = paired_till.order(line(product)) | {"register": register}

        problem(paired_till.post("orders/", body), 403, "other_register")

    assert assert_no_orders(shop)


def test_unpaired_session_must_name_a_register(till, product, shop, problem):
    body = without_register(till.order(line(product)))

    problem(till.post("orders/", body), 400, "invalid", {"register": "required"})
    problem(
        till.post("orders/", {"id": body["id"]}),
        400,
        "invalid",
        {"register": "required", "lines": "required"},
    )
    assert assert_no_orders(shop)


# --- visible orders ------------------------------------------------------------------------------


@pytest.fixture
def orders(shop, register, other_store_register, make_product):
    """Return an order of this store and one of another."""
    product = make_product("1.00", track_stock=False)
    return [
        Till(UserFactory(tenant=shop), at).sold(line(product))
        for at in (register, other_store_register)
    ]


def ensure_sees(person, orders, visible, problem):
    """Assert that the list and the order details show the same orders."""
    listed = person.get("orders/").json()["results"]
    assert [each["id"] for each in listed] == [orders[at]["id"] for at in reversed(visible)]
    for at, order in enumerate(orders):
        answer = person.get(f"orders/{order['id']}/")
        if at in visible:
            assert answer.status_code == 200
        else:
            problem(answer, 404, "not_found")
            problem(person.post(f"orders/{order['id']}/payments/", cash("1.00")), 404, "not_found")
            assert person.get("orders/", {"store": order["store"]}).json()["results"] == []


def test_paired_cashier_sees_the_orders_of_the_store(
    orders, cashier, register, other_store_register, problem
):
    ensure_sees(log_in_at_paired_register(cashier, register), orders, [0], problem)
    ensure_sees(log_in_at_paired_register(cashier, other_store_register), orders, [1], problem)


def test_unpaired_cashier_sees_the_orders_of_the_assigned_store(
    orders, cashier, other_store_register, problem
):
    assign(cashier, other_store_register.store)

    ensure_sees(Person(cashier), orders, [1], problem)


def test_cashier_assigned_to_several_stores_sees_their_orders(
    orders, cashier, register, other_store_register, problem
):
    assign(cashier, register.store, other_store_register.store)

    ensure_sees(Person(cashier), orders, [0, 1], problem)


def test_unassigned_cashier_sees_the_orders_of_all_stores(
    orders, cashier, other_store_register, problem
):
    assign(UserFactory(tenant=cashier.tenant), other_store_register.store)

    ensure_sees(Person(cashier), orders, [0, 1], problem)


def test_manager_sees_the_orders_of_all_stores(
    orders, manager, admin, register, other_store_register, problem
):
    assign(manager, other_store_register.store)

    for person in (Person(manager), log_in_at_paired_register(manager, register), Person(admin)):
        ensure_sees(person, orders, [0, 1], problem)


def test_visibility_by_store_needs_no_additional_statement(
    orders, cashier, manager, register, other_store_register, statements
):
    """Session, orders, lines, payments and refunds."""
    assign(cashier, other_store_register.store)

    for person in (
        Person(manager),
        Person(cashier),
        log_in_at_paired_register(cashier, other_store_register),
        log_in_at_paired_register(manager, register),
    ):
        with statements(5):
            assert person.get("orders/").status_code == 200

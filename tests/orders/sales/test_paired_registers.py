"""Log-ins at a paired register: orders are taken there, and cashiers see those of their store."""

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
def bound_till(cashier, register):
    return log_in_at_paired_register(cashier, register)


@pytest.fixture
def other_store_register(shop):
    """A register in another store of the same shop."""
    return RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop))


def post(user, *stores):
    with tenant_scope(user.tenant):
        for store in stores:
            Posting(user=user, store=store).save(force_insert=True)


def without_register(body):
    return {name: value for name, value in body.items() if name != "register"}


# --- where an order is taken ---------------------------------------------------------------------


def test_a_bound_till_need_not_say_where_it_is(bound_till, product, register):
    body = bound_till.order(line(product), payments=[cash("2.50")])

    response = bound_till.post("orders/", without_register(body))

    assert response.status_code == 201
    order = response.json()
    assert (order["register"], order["store"]) == (str(register.pk), str(register.store_id))
    assert list_receipt_numbers(register) == [1]


def test_it_may_say_so_all_the_same(bound_till, product, register):
    assert bound_till.sold(line(product))["register"] == str(register.pk)


def test_said_or_not_it_is_the_same_sale(bound_till, till, product, shop):
    body = bound_till.order(line(product), payments=[cash("2.50")])
    first = bound_till.post("orders/", without_register(body))

    for again in (body, without_register(body)):
        assert bound_till.post("orders/", again).status_code == 200
    answer = till.post("orders/", body)

    assert (answer.status_code, answer.json()) == (200, first.json())
    with tenant_scope(shop):
        assert Order.objects.count() == 1


def test_at_another_register_it_sells_nothing(
    bound_till, product, tills, other_store_register, shop, problem
):
    for register in (tills[0].register, other_store_register):
        body = bound_till.order(line(product)) | {"register": str(register.pk)}

        problem(bound_till.post("orders/", body), 403, "other_register")

    assert assert_no_orders(shop)


def test_nor_at_one_that_is_none(bound_till, product, foreign, shop, problem):
    for register in (str(foreign.register.pk), new_id()):
        body = bound_till.order(line(product)) | {"register": register}

        problem(bound_till.post("orders/", body), 403, "other_register")

    assert assert_no_orders(shop)


def test_away_from_any_register_an_order_names_one(till, product, shop, problem):
    body = without_register(till.order(line(product)))

    problem(till.post("orders/", body), 400, "invalid", {"register": "required"})
    problem(
        till.post("orders/", {"id": body["id"]}),
        400,
        "invalid",
        {"register": "required", "lines": "required"},
    )
    assert assert_no_orders(shop)


# --- which orders a cashier sees -----------------------------------------------------------------


@pytest.fixture
def orders(shop, register, other_store_register, make_product):
    """An order of this store and one of the other."""
    product = make_product("1.00", track_stock=False)
    return [
        Till(UserFactory(tenant=shop), place).sold(line(product))
        for place in (register, other_store_register)
    ]


def ensure_sees(person, orders, places, problem):
    """The list and each order by itself agree on what is to be seen."""
    listed = person.get("orders/").json()["results"]
    assert [each["id"] for each in listed] == [orders[place]["id"] for place in reversed(places)]
    for place, order in enumerate(orders):
        answer = person.get(f"orders/{order['id']}/")
        if place in places:
            assert answer.status_code == 200
        else:
            problem(answer, 404, "not_found")
            problem(person.post(f"orders/{order['id']}/payments/", cash("1.00")), 404, "not_found")
            assert person.get("orders/", {"store": order["store"]}).json()["results"] == []


def test_at_a_till_a_cashier_sees_the_orders_of_its_store(
    orders, cashier, register, other_store_register, problem
):
    ensure_sees(log_in_at_paired_register(cashier, register), orders, [0], problem)
    ensure_sees(log_in_at_paired_register(cashier, other_store_register), orders, [1], problem)


def test_away_from_any_those_of_where_he_is_posted(orders, cashier, other_store_register, problem):
    post(cashier, other_store_register.store)

    ensure_sees(Person(cashier), orders, [1], problem)


def test_posted_to_several_those_of_all(orders, cashier, register, other_store_register, problem):
    post(cashier, register.store, other_store_register.store)

    ensure_sees(Person(cashier), orders, [0, 1], problem)


def test_posted_nowhere_he_works_everywhere(orders, cashier, other_store_register, problem):
    post(UserFactory(tenant=cashier.tenant), other_store_register.store)

    ensure_sees(Person(cashier), orders, [0, 1], problem)


def test_managers_see_the_orders_of_every_store(
    orders, manager, admin, register, other_store_register, problem
):
    post(manager, other_store_register.store)

    for person in (Person(manager), log_in_at_paired_register(manager, register), Person(admin)):
        ensure_sees(person, orders, [0, 1], problem)


def test_where_somebody_is_costs_no_statement_more(
    orders, cashier, manager, register, other_store_register, statements
):
    """Who asks, the orders, their lines, their payments and their refunds."""
    post(cashier, other_store_register.store)

    for person in (
        Person(manager),
        Person(cashier),
        log_in_at_paired_register(cashier, other_store_register),
        log_in_at_paired_register(manager, register),
    ):
        with statements(5):
            assert person.get("orders/").status_code == 200

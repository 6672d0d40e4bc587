"""Customers of orders: set by id, copied, changed and removed until the order is completed."""

import pytest

from orders.models import Customer, Order
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.till import cash, line, new_id

UNKNOWN = "0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.fixture
def ann(shop):
    return CustomerFactory(
        tenant=shop, name="Ann", email="ann@till.example", tax_number="DE123456789"
    )


@pytest.fixture
def snapshot(shop):
    def load():
        with tenant_scope(shop):
            return list(Order.objects.order_by("pk").values())

    return load


def shown(customer):
    return {
        "id": str(customer.pk),
        "name": customer.name,
        "email": customer.email,
        "tax_number": customer.tax_number,
    }


def change(shop, customer, **values):
    with tenant_scope(shop):
        Customer.objects.filter(pk=customer.pk).update(**values)
    for name, value in values.items():
        setattr(customer, name, value)


def test_sale_copies_its_customer(till, make_product, ann, shop):
    body = till.order(line(make_product()), customer={"id": str(ann.pk)}, payments=[cash("2.50")])

    sold = till.post("orders/", body)

    assert sold.status_code == 201, sold.content
    assert sold.json()["customer"] == shown(ann)
    before = shown(ann)
    change(shop, ann, name="Bea", email="", tax_number="")
    assert till.shown(sold.json())["customer"] == before
    assert till.get("orders/").json()["results"][0]["customer"] == before
    assert till.post("orders/", body).json()["customer"] == before


def test_open_order_copies_its_customer_when_it_is_completed(till, make_product, ann, shop):
    order = till.sold(line(make_product()), customer={"id": str(ann.pk)})
    change(shop, ann, name="Bea")
    assert till.shown(order)["customer"]["name"] == "Ann"

    assert till.pay(order, cash("2.50")).json()["customer"] == shown(ann)


def test_order_that_an_edit_completes_copies_its_customer(till, make_product, ann, shop):
    order = till.sold(line(make_product("2.50")), line(make_product("1.00")))
    till.pay(order, cash("2.50", tendered="2.50"))
    path = f"orders/{order['id']}/"
    assert till.patch(path, {"customer": {"id": str(ann.pk)}}, If_Match="*").status_code == 200
    change(shop, ann, tax_number="AT1")

    completed = till.delete(f"{path}lines/{order['lines'][1]['id']}/").json()

    assert (completed["status"], completed["customer"]) == ("completed", shown(ann))


def test_customer_of_an_open_order_is_changed_and_removed(till, make_product, ann, problem):
    order = till.sold(line(make_product()), customer={"name": "Bob", "email": "bob@till.example"})
    path = f"orders/{order['id']}/"

    def put(customer):
        response = till.patch(path, {"customer": customer}, If_Match="*")
        assert response.status_code == 200, response.content
        return response.json()["customer"]

    assert put({"name": "Bo"}) == {
        "id": None,
        "name": "Bo",
        "email": "bob@till.example",
        "tax_number": "",
    }
    assert put({"id": str(ann.pk)}) == shown(ann)
    assert put({"name": "Bo"}) == {"id": None, "name": "Bo", "email": "", "tax_number": ""}
    assert put({"id": str(ann.pk)}) == shown(ann)
    assert put(None) is None
    till.pay(order, cash("2.50"))
    problem(till.patch(path, {"customer": None}, If_Match="*"), 409, "order_not_open")


@pytest.mark.parametrize("customer", [{"id": "x"}, {"id": None}, {"id": UNKNOWN, "name": "Ann"}, 1])
def test_invalid_customer_is_refused(till, make_product, customer, snapshot):
    product = make_product()
    order = till.sold(line(product))
    before = snapshot()

    path = f"orders/{order['id']}/"
    for response in (
        till.sell(line(product), customer=customer),
        till.patch(path, {"customer": customer}, If_Match="*"),
    ):
        assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert snapshot() == before


def test_unknown_customer_and_one_of_another_shop_are_refused_alike(
    till, make_product, other_shop, snapshot
):
    product, theirs = make_product(), CustomerFactory(tenant=other_shop)
    order = till.sold(line(product))
    before = snapshot()

    def refusals(id):
        customer = {"id": str(id)}
        path = f"orders/{order['id']}/"
        answers = (
            till.sell(line(product), customer=customer),
            till.patch(path, {"customer": customer}, If_Match="*"),
        )
        return [(each.status_code, each.json()["errors"]) for each in answers]

    expected = [{"field": "customer.id", "code": "does_not_exist"}]
    for status, errors in refusals(theirs.pk):
        assert status == 400
        assert [{name: each[name] for name in ("field", "code")} for each in errors] == expected
    assert refusals(theirs.pk) == refusals(UNKNOWN)
    assert snapshot() == before


def test_orders_are_listed_by_customer(till, make_product, ann, other_shop):
    product = make_product()
    bought = till.sold(line(product), customer={"id": str(ann.pk)})
    till.sold(line(product), customer={"name": "Ann"})
    theirs = CustomerFactory(tenant=other_shop)

    def ids(customer):
        found = till.get("orders/", {"customer": customer}).json()["results"]
        return [each["id"] for each in found]

    assert ids(str(ann.pk)) == [bought["id"]]
    assert ids(str(theirs.pk)) == ids(UNKNOWN) == []
    assert len(ids("ann")) == 2


def test_calculation_takes_a_customer(till, make_product, ann):
    basket = {"lines": [line(make_product())], "customer": {"id": str(ann.pk)}}

    assert till.post("orders/calculate/", basket).status_code == 200


def test_offline_sale_copies_its_customer(till, make_product, ann):
    given = {"id": str(ann.pk), "name": "Old name"}
    item = build_offline_sale(1, build_offline_line(make_product()), customer=given)

    order = upload_one_booked(till, item)

    assert (order["customer"], order["flags"]) == (shown(ann), [])


def test_offline_sale_of_an_unknown_customer_keeps_the_name_of_the_till(
    till, make_product, other_shop
):
    theirs = CustomerFactory(tenant=other_shop, name="Theirs")
    for sequence, id in enumerate((UNKNOWN, str(theirs.pk)), 1):
        given = {"id": id, "name": "Ann", "email": "ann@till.example"}
        item = build_offline_sale(sequence, build_offline_line(make_product()), customer=given)

        order = upload_one_booked(till, item)

        expected = {"id": None, "name": "Ann", "email": "ann@till.example", "tax_number": ""}
        assert (order["customer"], order["flags"]) == (expected, ["unknown_customer"])


def test_sale_without_customer_has_none(till, make_product):
    order = till.sold(line(make_product()), id=new_id())

    assert order["customer"] is None


def test_receipt_shows_the_tax_number_of_a_company(till, make_product, ann, shop):
    """Of other customers it shows nothing, and a gift receipt shows nothing of any."""
    private = CustomerFactory(tenant=shop, name="Zoe", email="zoe@till.example")

    def print_receipt(customer, **query):
        order = till.sold(
            line(make_product()), customer={"id": str(customer.pk)}, payments=[cash("2.50")]
        )
        path = f"orders/{order['id']}/receipt/"
        return till.get(path, {"format": "text", **query}).content.decode()

    shown = print_receipt(ann)
    assert [row.split()[-1] for row in shown.splitlines() if row.startswith("Customer")] == [
        "Ann",
        "DE123456789",
    ]
    for hidden in (print_receipt(private), print_receipt(ann, prices="false")):
        assert not [row for row in hidden.splitlines() if row.startswith("Customer")]
        assert "Zoe" not in hidden
        assert "DE123456789" not in hidden


def test_refund_receipt_shows_the_tax_number_of_a_company(
    till, manager_client, make_product, ann, shop
):
    """As at the sale: a change of the customer does not change it."""
    private = CustomerFactory(tenant=shop, name="Zoe", email="zoe@till.example")

    def print_refund(customer):
        order = till.sold(
            line(make_product()), customer={"id": str(customer.pk)}, payments=[cash("2.50")]
        )
        change(shop, customer, name="Bea")
        body = {"id": new_id(), "reason": "Bruised"}
        refund = manager_client.post(f"orders/{order['id']}/refunds/", body).json()
        path = f"refunds/{refund['id']}/receipt/"
        return manager_client.get(path, {"format": "text"}).content.decode()

    shown = [row for row in print_refund(ann).splitlines() if row.startswith("Customer")]
    assert [row.split()[-1] for row in shown] == ["Ann", "DE123456789"]
    assert "Customer" not in print_refund(private)

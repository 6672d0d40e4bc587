"""Client ids make repeated orders and payments harmless."""

import pytest

from orders.models import Order, OrderLine, Payment
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.idempotency import count
from tests.support.till import (
    Till,
    card,
    cash,
    get_stock_level,
    line,
    list_receipt_numbers,
    new_id,
    percent,
)


def test_repeated_order_is_the_same_order(till, product, store, shop, register):
    body = till.order(line(product, "2"), payments=[cash("5.00", tendered="10.00")])

    first, second, third = (till.post("orders/", body) for _ in range(3))

    assert [first.status_code, second.status_code, third.status_code] == [201, 200, 200]
    assert first.json() == second.json() == third.json()
    assert first["ETag"] == second["ETag"]
    assert get_stock_level(product, store) == (8, 0)
    assert list_receipt_numbers(register) == [1]
    assert (count(shop), count(shop, OrderLine), count(shop, Payment)) == (1, 1, 1)


def test_repeated_order_returns_the_current_order(till, product):
    body = till.order(line(product))
    till.post("orders/", body)
    till.pay(body, cash("2.50"))

    again = till.post("orders/", body)

    assert (again.status_code, again.json()["status"]) == (200, "completed")
    assert again["ETag"] == '"2"'


def test_repeated_order_may_have_its_fields_in_another_order(till, product):
    body = till.order(line(product), note="x", payments=[cash("2.50")])
    till.post("orders/", body)

    reordered = dict(reversed(body.items()))
    reordered["lines"] = [dict(reversed(each.items())) for each in body["lines"]]

    assert till.post("orders/", reordered).status_code == 200


def test_repeated_order_may_come_from_another_user(till, managers_till, product):
    body = till.order(line(product), payments=[cash("2.50")])
    first = till.post("orders/", body)

    again = managers_till.post("orders/", body)

    assert (again.status_code, again.json()) == (200, first.json())


CHANGES = {
    "quantity": lambda body: body["lines"][0].update(quantity="2"),
    "line note": lambda body: body["lines"][0].update(note="Ripe"),
    "discount": lambda body: body["lines"][0].update(discounts=[percent("5")]),
    "another line": lambda body: body["lines"].append(body["lines"][0]),
    "order discount": lambda body: body.update(discounts=[percent("5")]),
    "customer": lambda body: body.update(customer={"name": "Ann"}),
    "note": lambda body: body.update(note="Later"),
    "no payment": lambda body: body.pop("payments"),
    "payment id": lambda body: body["payments"][0].update(id=new_id()),
    "tendered": lambda body: body["payments"][0].update(tendered="20.00"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_order_id_with_other_content_is_a_conflict(till, product, store, problem, change):
    body = till.order(line(product), payments=[cash("2.50", tendered="5.00")])
    first = till.post("orders/", body).json()

    CHANGES[change](body)
    response = till.post("orders/", body)

    problem(response, 409, "id_conflict")
    assert till.shown(first) == first
    assert get_stock_level(product, store) == (9, 0)


def test_order_id_with_another_register_is_a_conflict(till, cashier, product, shop, store, problem):
    second = Till(cashier, RegisterFactory(tenant=shop, store=store, number=2))
    body = till.order(line(product), payments=[cash("2.50")])
    till.post("orders/", body)

    response = second.post("orders/", body | {"register": str(second.register.pk)})

    problem(response, 409, "id_conflict")
    assert get_stock_level(product, store) == (9, 0)


def test_repeated_order_is_found_after_product_and_register_were_deactivated(
    till, client_of, admin, product, store
):
    """The response was lost; before the next attempt product and register are deactivated."""
    body = till.order(line(product, "10"), payments=[cash("25.00")])
    first = till.post("orders/", body)
    manager_client = client_of(admin)
    manager_client.patch(
        f"products/{product.pk}/", {"is_active": False, "price": "9.00"}, If_Match="*"
    )
    manager_client.patch(f"registers/{till.register.pk}/", {"is_active": False}, If_Match="*")

    again = till.post("orders/", body)

    assert (again.status_code, again.json()) == (200, first.json())


def test_refused_order_can_be_repeated_with_its_id(till, make_product, store, client_of, manager):
    product = make_product(stock="1")
    body = till.order(line(product, "2"), payments=[cash("5.00")])
    assert till.post("orders/", body).status_code == 409
    delivery = {
        "id": new_id(),
        "type": "receive",
        "product": str(product.pk),
        "store": str(store.pk),
        "quantity": "1",
    }
    client_of(manager).post("stock/movements/", delivery)

    assert till.post("orders/", body).status_code == 201


def test_order_id_of_another_shop_creates_an_own_order(till, product, foreign):
    body = till.order(line(product), payments=[cash("2.50")]) | {"id": str(foreign.order.pk)}

    response = till.post("orders/", body)

    assert (response.status_code, response.json()["id"]) == (201, str(foreign.order.pk))
    assert till.post("orders/", body).status_code == 200
    assert b"LEAKMARK" not in response.content
    with tenant_scope(foreign.tenant):
        stored = Order.objects.get()
    assert (stored.version, stored.number) == (foreign.order.version, foreign.order.number)


@pytest.mark.parametrize("kind", ["line", "payment"])
def test_line_and_payment_ids_belong_to_one_order(till, product, store, shop, problem, kind):
    part = new_id()
    first = {
        "line": till.order(line(product, id=part)),
        "payment": till.order(line(product), payments=[cash("2.50") | {"id": part}]),
    }[kind]
    till.post("orders/", first)
    before = get_stock_level(product, store)

    problem(till.post("orders/", first | {"id": new_id()}), 409, "id_conflict")

    assert count(shop) == 1
    assert get_stock_level(product, store) == before


def test_line_id_twice_in_an_order_is_a_conflict(till, product, shop, problem):
    part = new_id()

    problem(till.sell(line(product, id=part), line(product, id=part)), 409, "id_conflict")

    assert count(shop) == 0


@pytest.mark.parametrize("missing", ["order", "payment", "delivery"])
def test_order_payment_and_stock_movement_need_an_id_or_key(
    till, client_of, manager, product, store, problem, missing
):
    order = till.sold(line(product))
    calls = {
        "order": ("orders/", till.order(line(product), payments=[cash("2.50")])),
        "payment": (f"orders/{order['id']}/payments/", cash("2.50")),
        "delivery": (
            "stock/movements/",
            {
                "id": new_id(),
                "type": "receive",
                "product": str(product.pk),
                "store": str(store.pk),
                "quantity": "1",
            },
        ),
    }
    path, body = calls[missing]
    body.pop("id")

    problem(client_of(manager).post(path, body), 400, "idempotency_key_required")

    assert till.shown(order) == order
    assert get_stock_level(product, store) == (10, 0)


@pytest.mark.parametrize("wrong", ["1", 7, None, "{}", "0190b4e0000070008000000000000001"])
def test_id_must_be_a_uuid_of_36_characters(till, product, problem, wrong):
    code = "null" if wrong is None else "invalid"

    response = till.post("orders/", till.order(line(product)) | {"id": wrong})

    problem(response, 400, "invalid", {"id": code})


# --- payments ------------------------------------------------------------------------------------


def test_repeated_payment_is_the_same_payment(till, product):
    order = till.sold(line(product, "2"))
    payment = cash("2.00", tendered="5.00")

    first, again = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert again.json()["paid_total"] == "2.00"


def test_repeated_payment_of_a_completed_order_changes_nothing(till, product):
    order = till.sold(line(product))
    payment = cash("2.50")
    first = till.pay(order, payment)

    again = till.pay(order, payment)

    assert (again.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize(
    "change",
    [{"amount": "1.00"}, {"tendered": "9.00"}, {"method": "card"}, {"reference": "x"}],
)
def test_payment_id_with_other_content_is_a_conflict(till, product, problem, change):
    order = till.sold(line(product, "2"))
    payment = cash("2.00")
    assert till.pay(order, payment).status_code == 201
    paid = till.shown(order)

    problem(till.pay(order, payment | change), 409, "id_conflict")

    assert till.shown(order) == paid


def test_payment_id_of_another_order_is_a_conflict(till, product, problem):
    first, second = till.sold(line(product)), till.sold(line(product))
    payment = cash("1.00")
    till.pay(first, payment)

    problem(till.pay(second, payment), 409, "id_conflict")

    assert till.shown(second) == second


def test_payment_id_of_another_shop_can_be_used(till, product, foreign):
    order = till.sold(line(product))
    taken = cash("1.00") | {"id": str(foreign.payment.pk)}

    response = till.pay(order, taken)

    assert response.status_code == 201
    assert till.pay(order, taken).status_code == 200
    with tenant_scope(foreign.tenant):
        stored = Payment.objects.get()
    assert (stored.version, stored.order_id) == (foreign.payment.version, foreign.order.pk)


def test_repeated_card_payment_returns_its_outcome(till, product):
    order = till.sold(line(product))
    payment = card("2.50", reference="terminal 4")

    first, again = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()

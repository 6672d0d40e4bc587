"""One approval is one sale: repeated, failed, and from many tills at once."""

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.support.approvals import asked, given, kept, names, new_id
from tests.support.order_approvals import half_off, no_orders, state
from tests.support.parallel import at_once, statuses, times
from tests.support.till import card, ensure_books_balance, line, percent, shelf


def test_118_it_sells_one_order_once(till, goods, leave, problem, shop):
    product = goods("10.00")
    body = half_off(till, product)
    approval = leave(body)
    till.post("orders/", body | {"approval": approval})

    other = till.post("orders/", body | {"id": new_id(), "approval": approval})

    problem(other, 403, "approval_not_valid")
    with tenant_scope(shop):
        assert Order.objects.count() == 1


def test_sent_again_it_is_the_order_that_was_sold(till, goods, store, leave):
    product = goods("10.00")
    body = half_off(till, product)
    approval = leave(body)
    first = till.post("orders/", body | {"approval": approval})

    for again in ({"approval": approval}, {"approval": new_id()}, {}):
        answer = till.post("orders/", body | again)

        assert (answer.status_code, answer.json()) == (200, first.json())
    assert shelf(product, store) == (8, 0)


def test_a_sale_that_fails_leaves_it_to_be_used(till, goods, chief, delivery, leave, problem, shop):
    product = goods("10.00", stock="1")
    body = half_off(till, product)
    approval = leave(body)
    before = kept({"id": approval})

    problem(till.post("orders/", body | {"approval": approval}), 409, "insufficient_stock")

    assert kept({"id": approval}) == before
    assert no_orders(shop)
    assert names(shop) == ["approval_requested", "approval_given"]
    chief.post("stock/movements/", delivery(product, "1"))
    assert till.post("orders/", body | {"approval": approval}).status_code == 201
    assert state(approval) == "used"


def test_a_card_that_is_declined_afterwards_has_used_it(till, goods, leave):
    """The order stands, with its discount, and waits for other money."""
    body = till.order(line(goods("3.82"), discounts=[percent("50")]), payments=[card("1.91")])
    approval = leave(body)

    answer = till.post("orders/", body | {"approval": approval})

    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    assert state(approval) == "used"


def test_other_content_under_the_id_of_a_sale_is_a_conflict_and_uses_nothing(
    till, goods, chief, problem
):
    product = goods("10.00")
    sold = till.sold(line(product))
    body = half_off(till, product) | {"id": sold["id"]}
    approval = given(chief, asked(till, object={"order": sold["id"]}, amount="10.00"))["id"]

    problem(till.post("orders/", body | {"approval": approval}), 409, "id_conflict")

    assert state(approval) == "approved"
    assert till.shown(sold) == sold


# --- at once -------------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_118_one_approval_at_once_from_many_sells_one_order(till, goods, leave, shop):
    """The same id each time, so that only the approval and the id stand between them."""
    product = goods("10.00", stock="100")
    body = half_off(till, product)
    approval = leave(body)
    bodies = [body | {"approval": approval, "note": str(number)} for number in range(8)]

    answers = at_once([lambda body=body: till.post("orders/", body) for body in bodies])

    assert statuses(answers) == {201: 1, 409: 7}
    assert state(approval) == "used"
    with tenant_scope(shop):
        assert Order.objects.count() == 1
    assert names(shop).count("approval_used") == 1
    ensure_books_balance(shop)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_118_the_same_sale_at_once_is_sold_once_and_answered_each_time(till, goods, store, leave):
    product = goods("10.00")
    body = half_off(till, product)
    approval = leave(body)

    answers = times(8, lambda: till.post("orders/", body | {"approval": approval}))

    assert statuses(answers) == {201: 1, 200: 7}
    assert shelf(product, store) == (8, 0)

"""One approval is one sale: repeated, failed, and from many tills at once."""

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.support.approvals import (
    grant_approval,
    list_approval_event_names,
    new_id,
    request_approval,
    snapshot_approval,
)
from tests.support.order_approvals import assert_no_orders, build_half_off_order, get_approval_state
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import card, ensure_books_balance, get_stock_level, line, percent


def test_118_it_sells_one_order_once(till, make_product, get_approval, problem, shop):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    till.post("orders/", body | {"approval": approval})

    other = till.post("orders/", body | {"id": new_id(), "approval": approval})

    problem(other, 403, "approval_not_valid")
    with tenant_scope(shop):
        assert Order.objects.count() == 1


def test_sent_again_it_is_the_order_that_was_sold(till, make_product, store, get_approval):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    first = till.post("orders/", body | {"approval": approval})

    for again in ({"approval": approval}, {"approval": new_id()}, {}):
        answer = till.post("orders/", body | again)

        assert (answer.status_code, answer.json()) == (200, first.json())
    assert get_stock_level(product, store) == (8, 0)


def test_a_sale_that_fails_leaves_it_to_be_used(
    till, make_product, manager_client, delivery, get_approval, problem, shop
):
    product = make_product("10.00", stock="1")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    before = snapshot_approval({"id": approval})

    problem(till.post("orders/", body | {"approval": approval}), 409, "insufficient_stock")

    assert snapshot_approval({"id": approval}) == before
    assert assert_no_orders(shop)
    assert list_approval_event_names(shop) == ["approval_requested", "approval_given"]
    manager_client.post("stock/movements/", delivery(product, "1"))
    assert till.post("orders/", body | {"approval": approval}).status_code == 201
    assert get_approval_state(approval) == "used"


def test_a_card_that_is_declined_afterwards_has_used_it(till, make_product, get_approval):
    """The order stands, with its discount, and waits for other money."""
    body = till.order(
        line(make_product("3.82"), discounts=[percent("50")]), payments=[card("1.91")]
    )
    approval = get_approval(body)

    answer = till.post("orders/", body | {"approval": approval})

    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    assert get_approval_state(approval) == "used"


def test_other_content_under_the_id_of_a_sale_is_a_conflict_and_uses_nothing(
    till, make_product, manager_client, problem
):
    product = make_product("10.00")
    sold = till.sold(line(product))
    body = build_half_off_order(till, product) | {"id": sold["id"]}
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": sold["id"]}, amount="10.00")
    )["id"]

    problem(till.post("orders/", body | {"approval": approval}), 409, "id_conflict")

    assert get_approval_state(approval) == "approved"
    assert till.shown(sold) == sold


# --- at once -------------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_118_one_approval_at_once_from_many_sells_one_order(till, make_product, get_approval, shop):
    """The same id each time, so that only the approval and the id stand between them."""
    product = make_product("10.00", stock="100")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    bodies = [body | {"approval": approval, "note": str(number)} for number in range(8)]

    answers = run_concurrently([lambda body=body: till.post("orders/", body) for body in bodies])

    assert statuses(answers) == {201: 1, 409: 7}
    assert get_approval_state(approval) == "used"
    with tenant_scope(shop):
        assert Order.objects.count() == 1
    assert list_approval_event_names(shop).count("approval_used") == 1
    ensure_books_balance(shop)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_118_the_same_sale_at_once_is_sold_once_and_answered_each_time(
    till, make_product, store, get_approval
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)

    answers = run_times(8, lambda: till.post("orders/", body | {"approval": approval}))

    assert statuses(answers) == {201: 1, 200: 7}
    assert get_stock_level(product, store) == (8, 0)

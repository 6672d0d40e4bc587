"""An approval is used by one order: repeated, failed and concurrent requests."""

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


def test_118_approval_cannot_be_used_by_a_second_order(
    till, make_product, get_approval, problem, shop
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    till.post("orders/", body | {"approval": approval})

    other = till.post("orders/", body | {"id": new_id(), "approval": approval})

    problem(other, 403, "approval_not_valid")
    with tenant_scope(shop):
        assert Order.objects.count() == 1


def test_repeated_order_with_any_approval_returns_the_order(
    till, make_product, store, get_approval
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    first = till.post("orders/", body | {"approval": approval})

    for again in ({"approval": approval}, {"approval": new_id()}, {}):
        answer = till.post("orders/", body | again)

        assert (answer.status_code, answer.json()) == (200, first.json())
    assert get_stock_level(product, store) == (8, 0)


def test_approval_is_not_used_by_an_order_that_fails(
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


def test_approval_is_used_by_an_order_whose_card_is_declined(till, make_product, get_approval):
    """The order exists with its discount and waits for another payment."""
    body = till.order(
        line(make_product("3.82"), discounts=[percent("50")]), payments=[card("1.91")]
    )
    approval = get_approval(body)

    answer = till.post("orders/", body | {"approval": approval})

    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    assert get_approval_state(approval) == "used"


def test_id_conflict_does_not_use_the_approval(till, make_product, manager_client, problem):
    product = make_product("10.00")
    sold = till.sold(line(product))
    body = build_half_off_order(till, product) | {"id": sold["id"]}
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": sold["id"]}, amount="10.00")
    )["id"]

    problem(till.post("orders/", body | {"approval": approval}), 409, "id_conflict")

    assert get_approval_state(approval) == "approved"
    assert till.shown(sold) == sold


# --- concurrent requests -------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_118_concurrent_orders_use_one_approval_once(till, make_product, get_approval, shop):
    """The bodies have the same id and differ in their notes."""
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
def test_118_concurrent_repeated_order_is_created_once(till, make_product, store, get_approval):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)

    answers = run_times(8, lambda: till.post("orders/", body | {"approval": approval}))

    assert statuses(answers) == {201: 1, 200: 7}
    assert get_stock_level(product, store) == (8, 0)

"""Invariants of orders, stock and shifts with many concurrent requests at a real server."""

from collections import Counter
from decimal import Decimal

import pytest

from orders.models import (
    CashMovement,
    ChainEntry,
    Order,
    Payment,
    Refund,
    Shift,
    StockMovement,
    StoreCredit,
    StoreCreditEntry,
)
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import StoreCreditFactory
from tests.support.approvals import decide, request_approval
from tests.support.idempotency import without_ids
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.order_approvals import build_half_off_order, get_approval_state
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.shifts import build_opening, close_shift, open_shift, record_movement
from tests.support.till import cash, get_stock_level, line, list_receipt_numbers, new_id

pytestmark = [
    pytest.mark.live,
    pytest.mark.race,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def _connected_to_server(server, till, tills, manager_client):
    for person in (till, *tills, manager_client):
        connect_to_server(server, person)


@pytest.fixture
def count(shop):
    def count(model, **which):
        with tenant_scope(shop):
            return model.objects.filter(**which).count()

    return count


def codes(answers):
    return Counter(each.json()["code"] for each in answers if each.status_code >= 400)


def test_stock_115_the_last_unit_is_sold_once(tills, make_product, store, shop, count):
    product = make_product("2.50", stock="1")

    answers = run_concurrently(
        [lambda till=till: till.sell(line(product), payments=[cash("2.50")]) for till in tills * 5]
    )

    assert statuses(answers) == {201: 1, 409: 19}
    assert codes(answers) == {"insufficient_stock": 19}
    assert get_stock_level(product, store) == (0, 0)
    assert count(Order) == count(Payment) == 1
    ensure_invariants(shop)


def test_stock_concurrent_sales_and_receipts_are_all_counted(
    tills, manager_client, make_product, store, shop
):
    products = [make_product("2.50", stock="50") for _ in range(3)]
    body = {"type": "receive", "store": str(store.pk), "quantity": "1"}

    def sell(till, number):
        # In another order each time, as in real baskets.
        mixed = products[number % 3 :] + products[: number % 3]
        return till.sell(*map(line, mixed), payments=[cash("7.50")])

    def receive(product):
        return manager_client.post(
            "stock/movements/", {**body, "id": new_id(), "product": str(product.pk)}
        )

    answers = run_concurrently(
        [lambda till=till, n=n: sell(till, n) for n, till in enumerate(tills * 3)]
        + [lambda product=product: receive(product) for product in products * 2]
    )

    assert statuses(answers) == {201: 18}
    assert [get_stock_level(product, store) for product in products] == [(40, 0)] * 3
    ensure_invariants(shop)


def test_refunds_114_concurrent_refunds_do_not_exceed_the_order(
    till, manager_client, make_product, shop, count
):
    order = till.sold(line(make_product("2.50"), "4"), payments=[cash("10.00")])
    body = {"register": str(till.register.pk), "reason": "Bruised", "amount": "6.00"}
    path = f"orders/{order['id']}/refunds/"

    answers = run_times(10, lambda: manager_client.post(path, body | {"id": new_id()}))

    assert statuses(answers) == {201: 1, 409: 9}
    assert till.shown(order)["refunded_total"] == "6.00"
    assert count(Refund) == 1
    ensure_invariants(shop)


def test_store_credit_concurrent_payments_do_not_exceed_the_balance(
    tills, make_product, shop, count
):
    product, credit = make_product("2.50", stock="100"), StoreCreditFactory(tenant=shop)

    def pay(till):
        with_credit = {"method": "store_credit", "amount": "2.50", "reference": credit.code}
        return till.sell(line(product), payments=[{"id": new_id(), **with_credit}])

    answers = run_concurrently([lambda till=till: pay(till) for till in tills * 4])

    # 429: each attempt counts until its code is found, and a user has ten per terminal.
    answered = statuses(answers)
    assert answered[201] == 4
    assert answered[409] + answered[429] == 12
    assert count(StoreCredit, balance=0) == 1
    assert count(StoreCreditEntry, type="spend") == count(Order) == 4


def test_payments_concurrent_payments_do_not_exceed_the_total(till, make_product, shop, count):
    order = till.sold(line(make_product("10.00")))

    answers = run_times(10, lambda: till.pay(order, cash("4.00")))

    assert statuses(answers) == {201: 2, 409: 8}
    assert codes(answers) == {"payment_exceeds_due": 8}
    assert till.shown(order)["paid_total"] == "8.00"
    assert count(Payment) == 2


def test_approvals_118_one_approval_is_used_by_one_of_many_concurrent_orders(
    till, make_product, get_approval, count
):
    body = build_half_off_order(till, make_product("10.00", stock="100"))
    approval = get_approval(body)
    bodies = [body | {"approval": approval, "note": str(number)} for number in range(10)]

    answers = run_concurrently([lambda body=body: till.post("orders/", body) for body in bodies])

    assert statuses(answers) == {201: 1, 409: 9}
    assert get_approval_state(approval) == "used"
    assert count(Order) == 1


def test_approvals_concurrent_decisions_decide_once(till, server, shop, client_of):
    approval = request_approval(till)
    manager_clients = [
        connect_to_server(server, client_of(UserFactory(tenant=shop, manager=True)))
        for _ in range(10)
    ]
    decisions = ["approve", "deny"] * 5

    answers = run_concurrently(
        [
            lambda manager_client=manager_client, decision=decision: decide(
                manager_client, approval, decision
            )
            for manager_client, decision in zip(manager_clients, decisions, strict=True)
        ]
    )

    assert statuses(answers) == {200: 1, 409: 9}
    (decided,) = (each.json()["status"] for each in answers if each.status_code == 200)
    assert get_approval_state(approval["id"]) == decided


def test_shifts_concurrent_openings_open_one_shift(till, count):
    answers = run_times(
        10, lambda: till.post("shifts/", build_opening(till, opening_float="100.00"))
    )

    assert statuses(answers) == {201: 1, 409: 9}
    assert codes(answers) == {"shift_already_open": 9}
    assert count(Shift) == 1


def test_shifts_concurrent_sales_and_movements_are_in_the_z_report_or_refused(
    till, manager_client, make_product, shop, count
):
    shop.shifts_required = True
    shop.save_changes("shifts_required")
    shift, product = open_shift(till), make_product("2.50", stock="100")
    sell = lambda: till.sell(line(product), payments=[cash("2.50")])  # noqa: E731

    *actions, first, second = run_concurrently(
        [sell] * 8
        + [lambda: record_movement(manager_client, shift, "paid_in", "1.00")] * 4
        + [lambda: close_shift(manager_client, shift, "100.00")] * 2
    )

    assert statuses([first, second]) == {200: 1, 409: 1}
    assert statuses(actions).keys() <= {201, 409}
    z = manager_client.get(f"shifts/{shift['id']}/z-report/").json()
    sold, cash_moved = (
        sum(each.status_code == 201 for each in group) for group in (actions[:8], actions[8:])
    )
    assert z["sales"]["count"] == count(Order) == sold
    assert count(CashMovement) == cash_moved
    expected = 100 + sold * Decimal("2.50") + cash_moved
    assert Decimal(z["cash"]["expected"]) == expected
    assert count(ChainEntry, kind="z_report") == 1
    ensure_invariants(shop)


def test_receipt_numbers_have_no_gap_and_no_duplicate(till, make_product, shop, server):
    """Every third sale is refused for missing stock after it got a number."""
    plenty, unavailable = make_product("2.50", stock="100"), make_product("2.50", stock="0")
    sold = [unavailable if number % 3 == 0 else plenty for number in range(18)]

    till.sold(line(plenty))
    before = server.fast_answers["POST orders/"]

    answers = run_concurrently(
        [lambda each=each: till.sell(line(each), payments=[cash("2.50")]) for each in sold]
    )

    assert statuses(answers) == {201: 12, 409: 6}
    assert server.fast_answers["POST orders/"] - before == 12
    assert list_receipt_numbers(till.register) == [*range(1, 13)]
    ensure_invariants(shop)


@pytest.mark.sample
def test_idempotency_116_one_key_is_one_sale(till, make_product, store, shop, count):
    product = make_product("2.50", stock="10")
    body = without_ids(till.order(line(product, "2"), payments=[cash("5.00")]))

    answers = run_times(20, lambda: till.post("orders/", body, Idempotency_Key="k"))

    assert set(statuses(answers)) <= {200, 201}
    assert sum("Idempotent-Replayed" not in each for each in answers) == 1
    assert len({each.content for each in answers}) == 1
    assert (count(Order), get_stock_level(product, store)) == (1, (8, 0))


def test_idempotency_116_one_key_is_one_stock_movement(
    manager_client, make_product, store, server, shop, client_of, count
):
    product = make_product("2.50", stock="10")
    body = {"type": "receive", "product": str(product.pk), "store": str(store.pk)}
    bodies = [body | {"quantity": quantity} for quantity in ("5", "6")] * 10

    answers = run_concurrently(
        [
            lambda body=body: manager_client.post("stock/movements/", body, Idempotency_Key="k")
            for body in bodies
        ]
    )

    done = [each for each in answers if each.status_code == 201]
    assert len({each.content for each in done}) == 1
    assert set(statuses(answers)) <= {201, 409, 422}
    assert codes(answers).keys() <= {"request_in_progress", "idempotency_key_reused"}
    assert count(StockMovement, type="receive", by__isnull=False) == 1
    # The same key of another user is a different key.
    other = connect_to_server(server, client_of(UserFactory(tenant=shop, manager=True)))
    again = other.post("stock/movements/", body | {"quantity": "1"}, Idempotency_Key="k")
    assert (again.status_code, "Idempotent-Replayed" in again) == (201, False)

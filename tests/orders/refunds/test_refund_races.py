"""Concurrent refunds, store credit payments and cancellations: no money is paid twice."""

from decimal import Decimal

import pytest

from orders.models import StoreCredit, StoreCreditEntry
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import StoreCreditFactory
from tests.orders.stock.test_stock_races import count_deadlocks
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import TIMED_OUT
from tests.support.order_approvals import get_approval_state
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.refunds import (
    build_refund_lines,
    create_refund,
    credit_payment,
    ensure_refunds_consistent,
    request_refund,
    resolve_refund,
    sell_with_uneven_discount,
)
from tests.support.shifts import open_shift, record_movement
from tests.support.till import card, cash, get_stock_level, line, list_receipt_numbers, new_id

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def sold(till, make_product):
    """Return an order paid by two cash payments."""
    return sell_with_uneven_discount(till, make_product("3.33"), cash("5.00"), cash("4.02"))


def approve_refund(till, manager, order, amount):
    """Log in again, because an old log-in cannot grant approvals."""
    request = request_approval(till, "refund", object={"order": order["id"]}, amount=amount)
    return grant_approval(Person(manager), request)["id"]


def sum_refunded(answers):
    return sum(Decimal(each.json()["total"]) for each in answers if each.status_code == 201)


def test_114_concurrent_refunds_do_not_exceed_the_sale(till, manager_client, manager, sold, shop):
    """Refunds by line, by amount, by cashiers with approvals, and of all that is left."""
    approvals = [approve_refund(till, manager, sold, "9.02") for _ in range(2)]
    bodies = [{"lines": build_refund_lines(sold, quantity)} for quantity in ("1", "2", "3")]
    bodies += [{"amount": each} for each in ("4.00", "5.00", "9.02")] + [{}, {}]
    calls = [lambda body=body: request_refund(manager_client, sold, **body) for body in bodies]
    calls += [
        lambda approval=approval: request_refund(
            till, sold, lines=build_refund_lines(sold, "2"), approval=approval
        )
        for approval in approvals
    ]

    answers = run_concurrently(calls)

    assert set(statuses(answers)) <= {201, 400, 409}
    assert statuses(answers)[201] >= 1
    rest = request_refund(manager_client, sold)
    assert rest.status_code in {201, 409}
    assert sum_refunded([*answers, rest]) == Decimal("9.02")
    assert manager_client.get(f"orders/{sold['id']}/").json()["status"] == "refunded"
    ensure_refunds_consistent(shop)


def test_concurrent_refunds_with_one_version_succeed_once(manager_client, sold, shop):
    path = f"orders/{sold['id']}/refunds/"
    calls = [
        lambda: manager_client.post(
            path,
            {"id": new_id(), "amount": "1.00", "reason": "Odd"},
            If_Match=f'"{sold["version"]}"',
        )
    ] * 5

    assert statuses(run_concurrently(calls)) == {201: 1, 412: 4}
    assert manager_client.get(f"orders/{sold['id']}/").json()["refunded_total"] == "1.00"
    ensure_refunds_consistent(shop)


def test_114_ten_concurrent_refunds_of_everything_succeed_once(manager_client, sold, shop):
    answers = run_times(10, lambda: request_refund(manager_client, sold))

    assert statuses(answers) == {201: 1, 409: 9}
    ensure_refunds_consistent(shop)


def test_118_one_approval_is_used_by_one_of_many_concurrent_refunds(
    till, manager, make_product, shop
):
    order = till.sold(line(make_product("1.00"), "9"), payments=[cash("9.00")])
    approval = approve_refund(till, manager, order, "1.00")

    answers = run_times(
        8, lambda: request_refund(till, order, lines=build_refund_lines(order), approval=approval)
    )

    assert statuses(answers) == {201: 1, 403: 7}
    assert get_approval_state(approval) == "used"
    assert till.shown(order)["refunded_total"] == "1.00"
    ensure_refunds_consistent(shop)


def test_concurrent_repeated_refund_is_done_once(manager_client, sold, till, shop):
    body = {"id": till.order()["id"], "lines": build_refund_lines(sold)}

    answers = run_times(8, lambda: request_refund(manager_client, sold, **body))

    assert statuses(answers) == {201: 1, 200: 7}
    assert all(each.json() == answers[0].json() for each in answers)
    ensure_refunds_consistent(shop)


def test_concurrent_store_credit_payments_and_refunds_keep_the_balance_positive(
    tills, manager_client, make_product, shop
):
    """10.00 and 6.00 from refunds pay for at most five of eight sales of 3.00."""
    code = StoreCreditFactory(tenant=shop, code="GIFT-1").code
    product = make_product("3.00", stock="100")
    orders = [tills[0].sold(line(product), payments=[cash("3.00")]) for _ in range(2)]
    calls = [
        lambda order=order: request_refund(
            manager_client, order, method="store_credit", reference=code
        )
        for order in orders
    ]
    calls += [
        lambda till=till: till.sell(line(product), payments=[credit_payment("3.00", code)])
        for till in tills * 2
    ]

    answers = run_concurrently(calls)

    assert statuses(answers[:2]) == {201: 2}
    assert set(statuses(answers[2:])) == {201, 409}
    assert 3 <= statuses(answers[2:])[201] <= 5
    with tenant_scope(shop):
        spent = StoreCreditEntry.objects.filter(type="spend").count()
        balance = StoreCredit.objects.get().balance
    assert spent == statuses(answers[2:])[201]
    assert balance == 16 - 3 * spent
    ensure_refunds_consistent(shop)


def test_concurrent_refunds_to_one_store_credit_are_all_added(
    tills, manager_client, make_product, shop
):
    StoreCreditFactory(tenant=shop, code="NEW-1", balance=Decimal(0))
    product = make_product("3.00")
    orders = [till.sold(line(product), payments=[cash("3.00")]) for till in tills]

    answers = run_concurrently(
        lambda order=order: request_refund(
            manager_client, order, method="store_credit", reference="NEW-1"
        )
        for order in orders
    )

    assert statuses(answers) == {201: 4}
    with tenant_scope(shop):
        assert StoreCredit.objects.get().balance == Decimal("12.00")
    ensure_refunds_consistent(shop)


@pytest.mark.slow
def test_managers_approving_each_others_refunds_do_not_deadlock(till, make_product, shop):
    """Users are locked in the order of their ids."""
    shop.limits = shop.merge_limits({"manager": {"refund_amount": "100"}})
    shop.save_changes("limits")
    managers = [Person(UserFactory(tenant=shop, manager=True)) for _ in range(2)]
    product = make_product("60.00", stock="100")
    for manager in managers:
        own = till.sold(line(product), payments=[cash("60.00")])
        create_refund(manager, own, amount="50.00")
    before = count_deadlocks()
    for _ in range(4):
        calls = []
        for asker, giver in (managers, managers[::-1]):
            order = till.sold(line(product), payments=[cash("60.00")])
            request = request_approval(
                asker, "refund", object={"order": order["id"]}, amount="60.00"
            )
            approval = grant_approval(giver, request)["id"]
            calls.append(
                lambda asker=asker, order=order, approval=approval: request_refund(
                    asker, order, approval=approval
                )
            )
        assert set(statuses(run_concurrently(calls))) <= {201, 403}

    assert count_deadlocks() == before
    ensure_refunds_consistent(shop)


def test_concurrent_cancellation_and_completion_succeed_only_one_at_a_time(
    till, manager_client, make_product, shop
):
    product = make_product("10.00")
    for _ in range(4):
        order = till.sold(line(product), payments=[cash("4.00")])
        payment = order["payments"][0]["id"]

        canceled, paid = run_concurrently(
            [
                lambda payment=payment: manager_client.post(f"payments/{payment}/cancel/"),
                lambda order=order: till.pay(order, cash("6.00")),
            ]
        )

        assert (canceled.status_code, paid.status_code) in {(200, 201), (409, 201)}
        now = till.shown(order)
        was_sold = canceled.status_code == 409
        assert (now["status"] == "completed") == was_sold
        assert (now["due"], now["paid_total"]) == (
            ("0.00", "10.00") if was_sold else ("4.00", "6.00")
        )
    ensure_refunds_consistent(shop)


def test_concurrent_look_ups_of_a_refund_complete_it_once(
    till, manager_client, make_product, gateway, shop, store
):
    product = make_product("2.50")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    gateway.returns = [TIMED_OUT]
    pending = create_refund(manager_client, order)

    answers = run_times(8, lambda: resolve_refund(manager_client, pending))

    assert set(statuses(answers)) <= {200, 409}
    assert till.shown(order)["refunds"][0]["status"] == "done"
    assert list_receipt_numbers(till.register) == [1]
    assert get_stock_level(product, store) == (10, 0)
    assert len(gateway.refunds) == 1
    ensure_refunds_consistent(shop)


@pytest.fixture
def manager_limits(shop, configure_shop):
    """Set the limits of managers for refunds and for cash taken out to 10.00."""
    return configure_shop(
        limits=shop.merge_limits({"manager": dict.fromkeys(LIMIT_NAMES, "10.00")})
    )


LIMIT_NAMES = ("refund_amount", "paid_out_amount", "drop_amount")


@pytest.mark.usefixtures("manager_limits")
@pytest.mark.parametrize("in_shifts", [True, False], ids=["in a shift", "without shifts"])
def test_concurrent_refunds_of_one_user_stay_within_the_limit(
    in_shifts, tills, till, manager_client, make_product, shop
):
    """The orders differ; without shifts also the registers."""
    product = make_product("3.00", stock="20")
    if in_shifts:
        open_shift(till, "100.00")
    tills_used = [till] * 8 if in_shifts else [*tills, *tills]
    orders = [each.sold(line(product), payments=[cash("3.00")]) for each in tills_used]

    answers = run_concurrently(
        [lambda order=order: request_refund(manager_client, order) for order in orders]
    )

    assert statuses(answers) == {201: 3, 403: 5}
    assert sum_refunded(answers) == Decimal("9.00")
    ensure_refunds_consistent(shop)


@pytest.mark.usefixtures("manager_limits")
def test_concurrent_approvals_of_one_user_stay_within_the_limit(
    tills, manager_client, manager, make_product, shop
):
    product = make_product("3.00", stock="20")
    orders = [each.sold(line(product), payments=[cash("3.00")]) for each in [*tills, *tills]]
    approvals = [approve_refund(tills[0], manager, order, "3.00") for order in orders]
    calls = [
        lambda order=order, approval=approval: request_refund(tills[0], order, approval=approval)
        for order, approval in zip(orders, approvals, strict=True)
    ]

    answers = run_concurrently(
        [*calls, *[lambda order=order: request_refund(manager_client, order) for order in orders]]
    )

    assert sum_refunded(answers) == Decimal("9.00")
    assert statuses(answers)[201] == 3
    ensure_refunds_consistent(shop)


@pytest.mark.usefixtures("manager_limits")
@pytest.mark.parametrize("type", ["paid_out", "drop"])
def test_concurrent_cash_movements_of_one_user_stay_within_the_limit(type, managers_till, shop):
    shift = open_shift(managers_till, "100.00")

    answers = run_times(8, lambda: record_movement(managers_till, shift, type, "3.00"))

    assert statuses(answers) == {201: 3, 403: 5}

"""Each invariant of the trade, with many real requests at the same moment at two workers."""

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
from tests.support.approvals import asked, decide
from tests.support.idempotency import without_ids
from tests.support.live.http_client import over
from tests.support.live.invariants import ensure_whole
from tests.support.order_approvals import half_off, state
from tests.support.parallel import at_once, statuses, times
from tests.support.shifts import close, move, opened, opening
from tests.support.till import cash, line, new_id, receipt_numbers, shelf

pytestmark = [
    pytest.mark.live,
    pytest.mark.race,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def at_the_server(server, till, tills, chief):
    for person in (till, *tills, chief):
        over(server, person)


@pytest.fixture
def count(shop):
    def count(model, **which):
        with tenant_scope(shop):
            return model.objects.filter(**which).count()

    return count


def codes(answers):
    return Counter(each.json()["code"] for each in answers if each.status_code >= 400)


def test_stock_115_the_last_unit_is_sold_once(tills, goods, store, shop, count):
    product = goods("2.50", stock="1")

    answers = at_once(
        [lambda till=till: till.sell(line(product), payments=[cash("2.50")]) for till in tills * 5]
    )

    assert statuses(answers) == {201: 1, 409: 19}
    assert codes(answers) == {"insufficient_stock": 19}
    assert shelf(product, store) == (0, 0)
    assert count(Order) == count(Payment) == 1
    ensure_whole(shop)


def test_stock_what_is_sold_and_what_comes_is_all_counted(tills, chief, goods, store, shop):
    products = [goods("2.50", stock="50") for _ in range(3)]
    body = {"type": "receive", "store": str(store.pk), "quantity": "1"}

    def sell(till, number):
        # In another order each time, as customers put them on the counter.
        mixed = products[number % 3 :] + products[: number % 3]
        return till.sell(*map(line, mixed), payments=[cash("7.50")])

    def receive(product):
        return chief.post("stock/movements/", {**body, "id": new_id(), "product": str(product.pk)})

    answers = at_once(
        [lambda till=till, n=n: sell(till, n) for n, till in enumerate(tills * 3)]
        + [lambda product=product: receive(product) for product in products * 2]
    )

    assert statuses(answers) == {201: 18}
    assert [shelf(product, store) for product in products] == [(40, 0)] * 3
    ensure_whole(shop)


def test_refunds_114_an_order_is_given_back_once(till, chief, goods, shop, count):
    order = till.sold(line(goods("2.50"), "4"), payments=[cash("10.00")])
    body = {"register": str(till.register.pk), "reason": "Bruised", "amount": "6.00"}
    path = f"orders/{order['id']}/refunds/"

    answers = times(10, lambda: chief.post(path, body | {"id": new_id()}))

    assert statuses(answers) == {201: 1, 409: 9}
    assert till.shown(order)["refunded_total"] == "6.00"
    assert count(Refund) == 1
    ensure_whole(shop)


def test_store_credit_is_spent_as_far_as_it_goes(tills, goods, shop, count):
    product, credit = goods("2.50", stock="100"), StoreCreditFactory(tenant=shop)

    def pay(till):
        with_credit = {"method": "store_credit", "amount": "2.50", "reference": credit.code}
        return till.sell(line(product), payments=[{"id": new_id(), **with_credit}])

    answers = at_once([lambda till=till: pay(till) for till in tills * 4])

    assert statuses(answers) == {201: 4, 409: 12}
    assert count(StoreCredit, balance=0) == 1
    assert count(StoreCreditEntry, type="spend") == count(Order) == 4


def test_payments_no_more_is_taken_than_is_due(till, goods, shop, count):
    order = till.sold(line(goods("10.00")))

    answers = times(10, lambda: till.pay(order, cash("4.00")))

    assert statuses(answers) == {201: 2, 409: 8}
    assert codes(answers) == {"payment_exceeds_due": 8}
    assert till.shown(order)["paid_total"] == "8.00"
    assert count(Payment) == 2


def test_approvals_118_one_is_used_by_one_sale(till, goods, leave, count):
    body = half_off(till, goods("10.00", stock="100"))
    approval = leave(body)
    bodies = [body | {"approval": approval, "note": str(number)} for number in range(10)]

    answers = at_once([lambda body=body: till.post("orders/", body) for body in bodies])

    assert statuses(answers) == {201: 1, 409: 9}
    assert state(approval) == "used"
    assert count(Order) == 1


def test_approvals_are_decided_once(till, server, shop, client_of):
    approval = asked(till)
    chiefs = [over(server, client_of(UserFactory(tenant=shop, manager=True))) for _ in range(10)]
    hows = ["approve", "deny"] * 5

    answers = at_once(
        [
            lambda chief=chief, how=how: decide(chief, approval, how)
            for chief, how in zip(chiefs, hows, strict=True)
        ]
    )

    assert statuses(answers) == {200: 1, 409: 9}
    (decided,) = (each.json()["status"] for each in answers if each.status_code == 200)
    assert state(approval["id"]) == decided


def test_shifts_a_register_has_one_open_drawer(till, count):
    answers = times(10, lambda: till.post("shifts/", opening(till, opening_float="100.00")))

    assert statuses(answers) == {201: 1, 409: 9}
    assert codes(answers) == {"shift_already_open": 9}
    assert count(Shift) == 1


def test_shifts_what_is_sold_and_moved_while_one_closes_is_in_its_z_or_in_none(
    till, chief, goods, shop, count
):
    shop.shifts_required = True
    shop.save_changes("shifts_required")
    shift, product = opened(till), goods("2.50", stock="100")
    sell = lambda: till.sell(line(product), payments=[cash("2.50")])  # noqa: E731

    *deeds, first, second = at_once(
        [sell] * 8
        + [lambda: move(chief, shift, "paid_in", "1.00")] * 4
        + [lambda: close(chief, shift, "100.00")] * 2
    )

    assert statuses([first, second]) == {200: 1, 409: 1}
    assert statuses(deeds).keys() <= {201, 409}
    z = chief.get(f"shifts/{shift['id']}/z-report/").json()
    sold, moved = (
        sum(each.status_code == 201 for each in group) for group in (deeds[:8], deeds[8:])
    )
    assert z["sales"]["count"] == count(Order) == sold
    assert count(CashMovement) == moved
    expected = 100 + sold * Decimal("2.50") + moved
    assert Decimal(z["cash"]["expected"]) == expected
    assert count(ChainEntry, kind="z_report") == 1
    ensure_whole(shop)


def test_receipt_numbers_have_no_gap_and_no_double(till, goods, shop):
    """Every third sale is refused after it was numbered: there is nothing left of its product."""
    plenty, none = goods("2.50", stock="100"), goods("2.50", stock="0")
    sold = [none if number % 3 == 0 else plenty for number in range(18)]

    answers = at_once(
        [lambda each=each: till.sell(line(each), payments=[cash("2.50")]) for each in sold]
    )

    assert statuses(answers) == {201: 12, 409: 6}
    assert receipt_numbers(till.register) == [*range(1, 13)]
    ensure_whole(shop)


def test_idempotency_116_one_key_is_one_sale(till, goods, store, shop, count):
    product = goods("2.50", stock="10")
    body = without_ids(till.order(line(product, "2"), payments=[cash("5.00")]))

    answers = times(20, lambda: till.post("orders/", body, Idempotency_Key="k"))

    assert set(statuses(answers)) <= {200, 201}
    assert sum("Idempotent-Replayed" not in each for each in answers) == 1
    assert len({each.content for each in answers}) == 1
    assert (count(Order), shelf(product, store)) == (1, (8, 0))


def test_idempotency_116_one_key_is_one_delivery_and_nothing_else(
    chief, goods, store, server, shop, client_of, count
):
    product = goods("2.50", stock="10")
    body = {"type": "receive", "product": str(product.pk), "store": str(store.pk)}
    bodies = [body | {"quantity": quantity} for quantity in ("5", "6")] * 10

    answers = at_once(
        [
            lambda body=body: chief.post("stock/movements/", body, Idempotency_Key="k")
            for body in bodies
        ]
    )

    done = [each for each in answers if each.status_code == 201]
    assert len({each.content for each in done}) == 1
    assert set(statuses(answers)) <= {201, 409, 422}
    assert codes(answers).keys() <= {"request_in_progress", "idempotency_key_reused"}
    assert count(StockMovement, type="receive", by__isnull=False) == 1
    # Another person's key of the same name is another key.
    other = over(server, client_of(UserFactory(tenant=shop, manager=True)))
    again = other.post("stock/movements/", body | {"quantity": "1"}, Idempotency_Key="k")
    assert (again.status_code, "Idempotent-Replayed" in again) == (201, False)

"""Guessed codes of store credits are counted and limited."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import StoreCredit
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.api import Person
from tests.support.audit import list_audit_events
from tests.support.idempotency import count
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.parallel import run_concurrently, statuses
from tests.support.refunds import (
    credit_payment,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.store_credit import found_balances, look_up
from tests.support.till import Till, cash, line, new_id


def guess_by_look_up(till, make_product, shop):
    return lambda code: look_up(till, code)


def guess_by_sale(till, make_product, shop):
    product = make_product("1.00", track_stock=False)
    return lambda code: till.sell(line(product), payments=[credit_payment("1.00", code)])


def guess_by_payment(till, make_product, shop):
    order = till.sold(line(make_product("100.00", track_stock=False)))
    return lambda code: till.pay(order, credit_payment("1.00", code))


def guess_by_refund(till, make_product, shop):
    manager = Person(UserFactory(tenant=shop, manager=True))
    sold = till.sold(line(make_product("5.00")), payments=[cash("5.00")])
    return lambda code: request_refund(
        manager, sold, amount="0.10", method="store_credit", reference=code
    )


def test_unknown_codes_of_refunds_count_as_guesses(till, make_product, shop, credit, problem):
    guess = guess_by_refund(till, make_product, shop)

    def snapshot():
        rows = snapshot_refund_rows(shop)
        del rows["AuditEvent"]
        return rows

    before = snapshot()
    for number in range(10):
        problem(guess(f"WRONG-{number}"), 409, "insufficient_store_credit")
    problem(guess(credit.code), 429, "too_many_attempts")

    assert snapshot() == before
    assert len(list_audit_events("store_credit_code_failed")) == 10


def test_refund_without_approval_does_not_reveal_whether_a_code_exists(
    till, manager_client, make_product, credit, problem
):
    """Unknown, blocked and valid codes get the same answer until the refund is approved."""
    manager_client.post(f"store-credits/{credit.pk}/block/")
    sold = till.sold(line(make_product("5.00")), payments=[cash("5.00")])

    for code in (credit.code, "WRONG"):
        answer = request_refund(till, sold, method="store_credit", reference=code)
        problem(answer, 403, "approval_required")
    assert list_audit_events("store_credit_code_failed") == []


def test_issuing_an_existing_code_counts_as_a_guess(admin, credit, problem, shop):
    person = Person(admin)

    def issue(code):
        return person.post("store-credits/", {"id": new_id(), "amount": "1.00", "code": code})

    for _ in range(10):
        problem(issue(credit.code), 409, "store_credit_code_taken")
    before = snapshot_refund_rows(shop)
    problem(issue(credit.code), 429, "too_many_attempts")
    problem(issue("FREE-1"), 429, "too_many_attempts")
    assert snapshot_refund_rows(shop) == before


def test_unknown_codes_of_offline_sales_count_as_guesses(till, make_product, shop, credit):
    """The sales are booked in any case, but above the limit no code is looked up."""
    product = make_product("1.00", track_stock=False)
    codes = [*(f"WRONG-{number}" for number in range(10)), credit.code]

    orders = [
        upload_one_booked(
            till,
            build_offline_sale(
                number, build_offline_line(product, "1.00"), payments=[credit_payment("1.00", code)]
            ),
        )
        for number, code in enumerate(codes, start=1)
    ]

    assert [order["flags"] for order in orders] == [["credit_short"]] * 11
    assert {order["status"] for order in orders} == {"completed"}
    with tenant_scope(shop):
        assert StoreCredit.objects.get(pk=credit.pk).balance == 10
    assert len(list_audit_events("store_credit_code_failed")) == 10
    assert look_up(till, credit.code).status_code == 429


@pytest.mark.parametrize("way", [guess_by_look_up, guess_by_sale, guess_by_payment])
def test_ten_wrong_codes_block_also_the_right_code_for_an_hour(
    way, till, make_product, shop, credit, problem
):
    guess = way(till, make_product, shop)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(10):
            answer = guess(f"WRONG-{number}")
            assert answer.status_code == (200 if way is guess_by_look_up else 409)
        before = snapshot_refund_rows(shop), count(shop)

        refused = guess(credit.code)

        problem(refused, 429, "too_many_attempts")
        assert refused["Retry-After"] == "3600"
        assert (snapshot_refund_rows(shop), count(shop)) == before
        assert len(list_audit_events("store_credit_code_failed")) == 10
        (event,) = list_audit_events("too_many_attempts")
        assert event.facts["limit"] == "store_credit_code_here"
        clock.shift(timedelta(hours=1))
        later = way(Till(till.user, till.register), make_product, shop)
        assert later(credit.code).status_code in {200, 201}


def test_guesses_by_look_up_sale_and_payment_are_counted_together(
    till, make_product, shop, credit, problem
):
    guesses = [
        way(till, make_product, shop) for way in (guess_by_look_up, guess_by_sale, guess_by_payment)
    ]
    for number in range(10):
        guesses[number % 3](f"WRONG-{number}")

    for guess in guesses:
        problem(guess(credit.code), 429, "too_many_attempts")


def test_right_code_is_not_counted_and_does_not_reset_the_count(till, make_product, shop, credit):
    guess = guess_by_sale(till, make_product, shop)
    for number in range(9):
        look_up(till, f"WRONG-{number}")
        assert found_balances(till, credit.code)
    assert guess(credit.code).status_code == 201
    assert guess("WRONG").status_code == 409

    assert guess(credit.code).status_code == 429


def test_other_refusals_are_not_counted_as_guesses(till, make_product, shop, credit, problem):
    product = make_product("11.00")
    for _ in range(12):
        too_much = till.sell(line(product), payments=[credit_payment("11.00", credit.code)])
        problem(too_much, 409, "insufficient_store_credit")
        problem(
            till.sell(line(product), payments=[credit_payment("12.00", "X")]),
            409,
            "payment_exceeds_due",
        )


def test_guesses_are_limited_per_user_and_per_register(cashier, manager, register, credit, shop):
    people = [log_in_at_paired_register(UserFactory(tenant=shop), register) for _ in range(4)]
    for person in people[:3]:
        for number in range(10):
            assert look_up(person, f"WRONG-{number}").status_code == 200

    assert look_up(people[3], credit.code).status_code == 429
    assert found_balances(Person(cashier), credit.code) == ["10.00"]


def test_repeated_sale_is_answered_despite_the_guess_limit(till, make_product, shop, credit):
    body = till.order(line(make_product("1.00")), payments=[credit_payment("1.00", credit.code)])
    first = till.post("orders/", body)
    for number in range(10):
        look_up(till, f"WRONG-{number}")

    again = till.post("orders/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_guesses_are_limited_to_ten(till, credit):
    answers = run_concurrently(
        [lambda number=number: look_up(till, f"WRONG-{number}") for number in range(30)]
    )

    assert statuses(answers) == {200: 10, 429: 20}
    assert len(list_audit_events("store_credit_code_failed")) == 10

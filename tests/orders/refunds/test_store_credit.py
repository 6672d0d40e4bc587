"""Store credit: look-up, guessed codes, secrecy of codes, blocking and issuing."""

import pytest

from accounts.models import Throttle
from orders.models import Order, StoreCredit
from orders.models.credit import mask_code
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.orders import StoreCreditFactory
from tests.support.api import Person
from tests.support.audit import list_audit_events
from tests.support.idempotency import count
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.parallel import run_concurrently, statuses
from tests.support.refunds import (
    credit_payment,
    ensure_refunds_consistent,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.shifts import open_shift
from tests.support.store_credit import found_balances, look_up
from tests.support.till import cash, line, new_id


@pytest.mark.parametrize(
    ("code", "shown"),
    [("ABCD-EFGH-JKLM", "JKLM"), ("12345678", "5678"), ("GIFT", "FT"), ("A1", "1"), ("A", "")],
)
def test_masked_code_shows_at_most_half_of_a_short_code(code, shown):
    assert mask_code(code) == f"****{shown}"


# --- permissions --------------------------------------------------------------------------------


def test_cashier_finds_store_credit_only_by_its_complete_code(till, credit, problem):
    StoreCreditFactory(tenant=credit.tenant)

    (shown,) = look_up(till, " ABCD-EFGH-JKLM ").json()["results"]

    assert (shown["code"], shown["balance"]) == ("****JKLM", "10.00")
    for part in ("JKLM", "****JKLM", "ABCD-EFGH-JKL", "ABCD%"):
        assert found_balances(till, part) == []
    problem(look_up(till, ""), 400, "invalid", {"code": "blank"})
    problem(till.get("store-credits/"), 403, "permission_denied")
    problem(
        till.get("store-credits/", {"updated_since": "2026-01-01T00:00:00Z"}),
        403,
        "permission_denied",
    )
    problem(till.get(f"store-credits/{credit.pk}/"), 403, "permission_denied")
    problem(till.get(f"store-credits/{credit.pk}/entries/"), 403, "permission_denied")


def test_manager_sees_masked_codes_in_lists(manager_client, credit):
    (shown,) = manager_client.get("store-credits/").json()["results"]

    assert (
        shown["code"]
        == manager_client.get(f"store-credits/{credit.pk}/").json()["code"]
        == "****JKLM"
    )


def test_code_of_another_shop_is_not_found(till, foreign):
    assert found_balances(till, foreign.store_credit.code) == []


# --- blocking -----------------------------------------------------------------------------------


def block(person, credit, action="block", **headers):
    return person.post(f"store-credits/{credit.pk}/{action}/", {"reason": "Lost"}, **headers)


def test_blocked_store_credit_cannot_pay(till, manager_client, make_product, shop, credit, problem):
    order = till.sold(line(make_product("5.00")))
    assert block(manager_client, credit).json()["is_active"] is False
    before = snapshot_refund_rows(shop)

    for answer in (
        till.sell(line(make_product("1.00")), payments=[credit_payment("1.00", credit.code)]),
        till.pay(order, credit_payment("1.00", credit.code)),
    ):
        assert problem(answer, 409, "store_credit_blocked")["reference"] == "****JKLM"
    assert snapshot_refund_rows(shop) == before
    assert count(shop) == 1

    assert block(manager_client, credit, "unblock").json()["is_active"] is True
    assert till.pay(order, credit_payment("1.00", credit.code)).status_code == 201


def test_blocked_store_credit_gets_no_refunds_but_canceled_payments(
    till, manager_client, make_product, shop, credit, problem
):
    product = make_product("3.00")
    paid = till.sold(line(product), payments=[credit_payment("3.00", credit.code)])
    sold = till.sold(line(product), payments=[cash("3.00")])
    open_one = till.sold(line(product), payments=[credit_payment("1.00", credit.code)])
    block(manager_client, credit)
    before = snapshot_refund_rows(shop)

    for refused in (
        request_refund(manager_client, paid),
        request_refund(manager_client, sold, method="store_credit", reference=credit.code),
    ):
        problem(refused, 409, "store_credit_blocked")
    assert snapshot_refund_rows(shop) == before

    assert request_refund(manager_client, paid, method="cash").status_code == 201
    canceled = manager_client.post(f"payments/{open_one['payments'][0]['id']}/cancel/")
    assert canceled.status_code == 200
    with tenant_scope(shop):
        current = StoreCredit.objects.get()
    assert (current.balance, current.is_active) == (7, False)
    ensure_refunds_consistent(shop)


def test_managers_block_and_unblocking_needs_a_password(till, manager, credit, shop, problem):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    before = snapshot_refund_rows(shop)
    for action in ("block", "unblock"):
        problem(block(till, credit, action), 403, "permission_denied")
    problem(block(by_pin, credit, "unblock"), 403, "password_required")
    assert snapshot_refund_rows(shop) == before

    assert block(by_pin, credit).status_code == 200
    problem(block(by_pin, credit, "unblock"), 403, "password_required")
    with tenant_scope(shop):
        assert not StoreCredit.objects.get().is_active


def test_blocking_with_an_old_version_is_refused(manager_client, credit, shop, problem):
    problem(block(manager_client, credit, If_Match='"7"'), 412, "version_conflict")

    assert block(manager_client, credit, If_Match='"1"')["ETag"] == '"2"'
    assert block(manager_client, credit)["ETag"] == '"2"'
    assert len(list_audit_events("store_credit_blocked")) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_block_and_sales_keep_the_balance_consistent(
    tills, manager_client, make_product, shop, credit
):
    product = make_product("1.00")

    *sales, blocked = run_concurrently(
        [
            *(
                lambda till=till: till.sell(
                    line(product), payments=[credit_payment("1.00", credit.code)]
                )
                for till in tills
            ),
            lambda: block(manager_client, credit),
        ]
    )

    assert blocked.status_code == 200
    done = statuses(sales).get(201, 0)
    assert set(statuses(sales)) <= {201, 409}
    with tenant_scope(shop):
        assert StoreCredit.objects.get().balance == 10 - done
        assert Order.objects.count() == done
    ensure_refunds_consistent(shop)


# --- issuing ------------------------------------------------------------------------------------


def test_issuing_store_credit_above_the_refund_limit_is_refused(
    manager_client, admin, configure_shop, shop, problem
):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    before = snapshot_refund_rows(shop)

    problem(
        manager_client.post("store-credits/", {"id": new_id(), "amount": "50.01"}),
        403,
        "above_refund_limit",
    )

    assert snapshot_refund_rows(shop) == before
    for person, amount in ((manager_client, "50.00"), (Person(admin), "9999.00")):
        body = {"id": new_id(), "amount": amount}
        assert person.post("store-credits/", body).status_code == 201


@pytest.mark.parametrize("has_shift", [False, True])
def test_issued_store_credits_count_together_against_the_limit(
    manager, register, configure_shop, shop, problem, has_shift
):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    till = log_in_at_paired_register(manager, register)
    if has_shift:
        open_shift(till)
    codes = [till.post("store-credits/", {"id": new_id(), "amount": "20.00"}) for _ in range(2)]
    before = snapshot_refund_rows(shop)

    more = till.post("store-credits/", {"id": new_id(), "amount": "10.01"})

    assert statuses(codes) == {201: 2}
    problem(more, 403, "above_refund_limit")
    assert snapshot_refund_rows(shop) == before
    rest = till.post("store-credits/", {"id": new_id(), "amount": "10.00"})
    assert rest.status_code == 201


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrently_issued_store_credits_stay_within_the_limit(manager, configure_shop, shop):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    people = [Person(manager) for _ in range(8)]

    answers = run_concurrently(
        [
            lambda person=person: person.post("store-credits/", {"id": new_id(), "amount": "20.00"})
            for person in people
        ]
    )

    assert statuses(answers) == {201: 2, 403: 6}
    assert count(shop, StoreCredit) == 2


def test_pin_session_cannot_issue_store_credit(manager, shop, problem):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    before = snapshot_refund_rows(shop)

    problem(
        by_pin.post("store-credits/", {"id": new_id(), "amount": "1.00"}), 403, "password_required"
    )

    assert snapshot_refund_rows(shop) == before
    with across_tenants():
        assert not Throttle.objects.exists()

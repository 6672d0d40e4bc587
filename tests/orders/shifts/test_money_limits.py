"""Limits in money apply to sums: per order, and per user in a shift or business day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Approval
from orders.models import StoreCredit
from orders.services.money_limits import LimitPeriod, sum_in_period
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_approvals import approve, get_approval_state
from tests.support.refunds import (
    create_refund,
    credit_payment,
    request_refund,
    resolve_refund,
    snapshot_refund_rows,
)
from tests.support.shifts import close_shift, open_shift
from tests.support.till import Till, card, cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def sell(till, make_product):
    """`create("9.00")`: a sale of that amount, paid in cash."""

    def create(price="10.00", at=till, pay=cash):
        return at.sold(line(make_product(price)), payments=[pay(price)])

    return create


# --- per order -----------------------------------------------------------------------------------


def test_refund_limit_applies_to_the_sum_of_refunds_of_an_order(
    manager_client, till, sell, set_limits, refused_by_limit
):
    """The sum counts over several shifts."""
    set_limits(manager={"refund_amount": "1000"})
    shift, order = open_shift(till, "5000.00"), sell("3000.00")
    refused_by_limit(lambda: request_refund(manager_client, order))
    create_refund(manager_client, order, amount="600.00")
    answer = refused_by_limit(lambda: request_refund(manager_client, order, amount="400.01"))
    assert (answer["action"], answer["amount"], answer["method"]) == (
        "refund",
        "400.01",
        "original",
    )
    assert answer["object"] == {"order": order["id"]}
    assert close_shift(manager_client, shift, "7400.00").status_code == 200
    open_shift(till, "7400.00")

    refused_by_limit(lambda: request_refund(manager_client, order, amount="400.01"))
    create_refund(manager_client, order, amount="400.00")
    refused_by_limit(lambda: request_refund(manager_client, order, amount="0.01"))


def test_refund_limit_applies_to_the_order_across_users(
    manager_client, shop, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    order, other_type = sell("20.00"), Person(UserFactory(tenant=shop, manager=True))
    create_refund(manager_client, order, amount="6.00")

    refused_by_limit(lambda: request_refund(other_type, order, amount="4.01"))
    create_refund(other_type, order, amount="4.00")


def test_refund_of_zero_needs_no_approval(
    till, manager_client, make_product, set_limits, refused_by_limit
):
    """An approval of zero could not be requested."""
    order = till.sold(
        line(make_product("0.00")), line(make_product("5.00")), payments=[cash("5.00")]
    )
    free_line, paid_line = ([{"line": each["id"], "quantity": "1"}] for each in order["lines"])
    create_refund(manager_client, order, amount="1.00")
    refused_by_limit(lambda: request_refund(till, order, amount="1.00"))

    assert create_refund(till, order, lines=free_line)["total"] == "0.00"
    refused_by_limit(lambda: request_refund(till, order, lines=paid_line))


def test_cash_rounding_up_counts_against_the_refund_limit(
    manager_client, till, shop, configure_shop, make_product, set_limits, refused_by_limit
):
    """0.50 is paid out as 1.00, so five refunds are 5.00, of an order and of a user."""
    configure_shop("SEK", cash_rounding_increment=Decimal("1.00"))
    set_limits(manager={"refund_amount": "5"})
    first, second = (
        till.sold(line(make_product("20.00")), payments=[cash("20.00")]) for _ in range(2)
    )
    other_type = Person(UserFactory(tenant=shop, manager=True))

    def ensure_refused(person, order, amount, needed):
        answer = refused_by_limit(lambda: request_refund(person, order, amount=amount))
        assert answer["amount"] == needed

    for _ in range(4):
        refund = create_refund(manager_client, first, amount="0.50")
        assert refund["payouts"][0]["paid"] == "1.00"
    ensure_refused(manager_client, second, "1.50", "2.00")
    ensure_refused(other_type, first, "1.50", "2.00")
    create_refund(other_type, first, amount="0.50")
    create_refund(manager_client, second, amount="0.50")
    for order in (first, second):
        ensure_refused(manager_client, order, "0.01", "0.01")
    with tenant_scope(shop):
        period = LimitPeriod(store=till.register.store)
        assert sum_in_period(manager_client.user, "refund_amount", period) == 5


def test_cash_rounded_down_counts_with_the_refunded_amount(
    manager_client, till, configure_shop, make_product, set_limits, refused_by_limit
):
    configure_shop("SEK", cash_rounding_increment=Decimal("1.00"))
    set_limits(manager={"refund_amount": "5"})
    order = till.sold(line(make_product("20.00")), payments=[cash("20.00")])
    refund = create_refund(manager_client, order, amount="4.40")
    assert refund["payouts"][0]["paid"] == "4.00"

    answer = refused_by_limit(lambda: request_refund(manager_client, order, amount="0.61"))
    assert answer["amount"] == "1.00"
    create_refund(manager_client, order, amount="0.49")


# --- per user ------------------------------------------------------------------------------------


def test_refund_limit_applies_to_the_sum_of_a_user_in_a_shift(
    manager_client, shop, till, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    shift = open_shift(till, "100.00")
    orders = [sell("6.00") for _ in range(3)]
    create_refund(manager_client, orders[0])

    refused_by_limit(lambda: request_refund(manager_client, orders[1]))
    create_refund(manager_client, orders[1], amount="4.00")
    refused_by_limit(lambda: request_refund(manager_client, orders[2], amount="0.01"))
    create_refund(Person(UserFactory(tenant=shop, manager=True)), orders[2], amount="6.00")

    assert close_shift(manager_client, shift, "102.00").status_code == 200
    open_shift(till, "102.00")
    create_refund(manager_client, orders[1], amount="2.00")


def test_refund_sums_are_separate_per_shift(
    manager_client, tills, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    for each in tills[:2]:
        open_shift(each, "100.00")
    first, second = (sell("9.00", at=each) for each in tills[:2])
    create_refund(manager_client, first)

    create_refund(manager_client, second)
    other_store = str(tills[1].register.pk)
    one_more = sell("2.00", at=tills[0])
    refused_by_limit(lambda: request_refund(manager_client, one_more, register=other_store))
    refused_by_limit(lambda: request_refund(manager_client, one_more))


def test_refund_limit_without_shifts_applies_to_the_business_day_of_the_store(
    manager, shop, make_product, set_limits, refused_by_limit
):
    """The day begins at 04:00 in Berlin, which is 03:00 UTC in winter; registers share it."""
    set_limits(manager={"refund_amount": "10"})
    main, second = (StoreFactory(tenant=shop, name=name, day_starts_at="04:00") for name in "AB")
    registers = [
        RegisterFactory(tenant=shop, store=store, number=number)
        for number, store in enumerate([main, main, second], start=20)
    ]
    product = make_product("6.00", stock=None, track_stock=False)
    with time_machine.travel(datetime(2026, 3, 3, 2, 30, tzinfo=UTC), tick=False) as clock:
        first, same_day, other_store = (
            Till(manager, each).sold(line(product), payments=[cash("6.00")]) for each in registers
        )
        create_refund(Person(manager), first)

        refused_by_limit(lambda: request_refund(Person(manager), same_day))
        create_refund(Person(manager), other_store)
        clock.shift(timedelta(minutes=29, seconds=59))
        refused_by_limit(lambda: request_refund(Person(manager), same_day))
        clock.shift(timedelta(seconds=1))
        create_refund(Person(manager), same_day)


def test_refunds_after_a_closed_shift_count_in_the_business_day(
    manager_client, till, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    shift, orders = open_shift(till, "100.00"), [sell("9.00"), sell("2.00")]
    create_refund(manager_client, orders[0])
    assert close_shift(manager_client, shift, "102.00").status_code == 200

    refused_by_limit(lambda: request_refund(manager_client, orders[1]))
    create_refund(manager_client, orders[1], amount="1.00")


def test_declined_refund_does_not_count_against_the_limit(
    manager_client, gateway, sell, set_limits
):
    set_limits(manager={"refund_amount": "10"})
    order = sell("10.00", pay=card)
    gateway.returns = [DECLINED, CAPTURED]
    assert create_refund(manager_client, order)["status"] == "failed"

    assert create_refund(manager_client, order)["status"] == "done"


def test_pending_refund_counts_against_the_limit(
    manager_client, gateway, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    gateway.returns = [TIMED_OUT]
    assert create_refund(manager_client, sell("6.00", pay=card))["status"] == "pending"
    order = sell("6.00")

    refused_by_limit(lambda: request_refund(manager_client, order))
    create_refund(manager_client, order, amount="4.00")


def test_refund_to_store_credit_counts_against_the_limit(
    manager_client, sell, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "10"})
    first, second = sell("6.00"), sell("6.00")
    create_refund(manager_client, first, method="store_credit")

    refused_by_limit(lambda: request_refund(manager_client, second))
    refused_by_limit(lambda: request_refund(manager_client, second, method="store_credit"))


def test_null_limit_and_admin_are_unlimited(manager_client, admin_client, sell, set_limits):
    set_limits(manager={"refund_amount": "0"})
    create_refund(admin_client, sell("2000.00"))
    set_limits(manager={"refund_amount": None})
    for _ in range(2):
        create_refund(manager_client, sell("2000.00"))


# --- approved amounts ----------------------------------------------------------------------------


def test_approved_refund_counts_against_the_limit_of_the_approver(
    till, manager_client, admin_client, shop, sell, set_limits, refused_by_limit
):
    set_limits(cashier={"refund_amount": "5"}, manager={"refund_amount": "10"})
    open_shift(till, "100.00")
    orders = [sell("8.00") for _ in range(4)]
    create_refund(till, orders[0], amount="2.00")
    answer = refused_by_limit(lambda: request_refund(till, orders[1]))
    approval = approve(answer, till, manager_client)
    done = create_refund(till, orders[1], approval=approval)
    assert (done["by"], done["approved_by"]) == (str(till.user.pk), str(manager_client.user.pk))

    create_refund(till, orders[2], amount="3.00")
    refused_by_limit(lambda: request_refund(till, orders[2], amount="0.01"))

    refused_by_limit(lambda: request_refund(manager_client, orders[3], amount="2.01"))
    create_refund(manager_client, orders[3], amount="2.00")
    with tenant_scope(shop):
        period = LimitPeriod(shift=done["shift"])
        assert sum_in_period(till.user, "refund_amount", period) == 5
        assert sum_in_period(manager_client.user, "refund_amount", period) == 10
        assert sum_in_period(admin_client.user, "refund_amount", period) == 0


def test_approver_with_an_exhausted_limit_is_not_accepted(
    till, manager_client, admin_client, sell, set_limits, refused_by_limit
):
    """Each amount is within the approver's limit, but their sum is not."""
    set_limits(manager={"refund_amount": "10"})
    orders = [sell("6.00"), sell("6.00")]
    approvals = [
        approve(
            refused_by_limit(lambda order=order: request_refund(till, order)), till, manager_client
        )
        for order in orders
    ]
    create_refund(till, orders[0], approval=approvals[0])

    answer = refused_by_limit(lambda: request_refund(till, orders[1], approval=approvals[1]))

    assert get_approval_state(approvals[1]) == "approved"
    done = create_refund(till, orders[1], approval=approve(answer, till, admin_client))
    assert done["approved_by"] == str(admin_client.user.pk)


# --- approved method -----------------------------------------------------------------------------


def test_approval_for_the_original_method_covers_no_other_method(
    till, manager_client, sell, refused_by_limit
):
    order = sell("5.00")
    approval = approve(refused_by_limit(lambda: request_refund(till, order)), till, manager_client)
    for method in ("store_credit", "voucher", "other", "cash"):
        call = lambda method=method: request_refund(  # noqa: E731
            till, order, method=method, reference="MINE", approval=approval
        )
        refused_by_limit(call, "approval_not_valid")
    assert get_approval_state(approval) == "approved"

    assert create_refund(till, order, approval=approval)["payouts"][0]["method"] == "cash"


def test_approval_for_store_credit_covers_no_other_method(
    till, manager_client, sell, shop, refused_by_limit
):
    order = sell("5.00")
    answer = refused_by_limit(lambda: request_refund(till, order, method="store_credit"))
    assert answer["method"] == "store_credit"
    approval = approve(answer, till, manager_client)
    for more in ({}, {"method": "cash"}):
        call = lambda more=more: request_refund(till, order, approval=approval, **more)  # noqa: E731
        refused_by_limit(call, "approval_not_valid")

    done = create_refund(till, order, method="store_credit", approval=approval)

    assert done["payouts"][0]["method"] == "store_credit"
    with tenant_scope(shop):
        methods = {
            each.event: each.facts["method"]
            for each in AuditEvent.objects.filter(event__startswith="approval_")
        }
        assert Approval.objects.get().method == "store_credit"
    assert methods == dict.fromkeys(
        ("approval_requested", "approval_given", "approval_used"), "store_credit"
    )


def test_original_method_refunds_to_the_store_credit_that_paid(
    till, manager_client, admin_client, make_product, sell, shop, problem
):
    credit = admin_client.post(
        "store-credits/", {"id": new_id(), "amount": "5.00", "code": "THEIRS"}
    )
    assert credit.status_code == 201
    order = till.sold(line(make_product("5.00")), payments=[credit_payment("5.00", "THEIRS")])
    approval = grant_approval(
        manager_client, request_approval(till, "refund", object={"order": order["id"]})
    )["id"]
    before = snapshot_refund_rows(shop)

    call = request_refund(till, order, reference="MINE", approval=approval)

    problem(call, 400, "invalid", {"reference": "other_credit"})
    assert snapshot_refund_rows(shop) == before
    done = create_refund(till, order, reference="THEIRS", approval=approval)
    assert done["payouts"][0]["method"] == "store_credit"
    with tenant_scope(shop):
        balances = dict(StoreCredit.objects.values_list("code", "balance"))
    assert balances == {"THEIRS": 5}


# --- declined payouts ----------------------------------------------------------------------------


@pytest.fixture
def partly_declined_refund(admin_client, till, make_product, gateway):
    """Return an admin's refund of 20.00 of which a card declined 12.00."""
    order = till.sold(line(make_product("20.00")), payments=[card("8.00"), card("12.00")])
    gateway.returns = [DECLINED, CAPTURED]
    pending = create_refund(admin_client, order)
    assert pending["status"] == "pending"
    return pending


def test_manager_pays_a_declined_payout_only_within_the_own_limit(
    manager_client, admin_client, partly_declined_refund, set_limits, refused_by_limit
):
    set_limits(manager={"refund_amount": "11.99"})
    answer = refused_by_limit(
        lambda: resolve_refund(manager_client, partly_declined_refund, method="cash")
    )
    assert (answer["action"], answer["amount"], answer["method"]) == ("refund", "12.00", "cash")
    approval = approve(answer, manager_client, admin_client)
    call = lambda: resolve_refund(  # noqa: E731
        manager_client, partly_declined_refund, method="store_credit", approval=approval
    )
    refused_by_limit(call, "approval_not_valid")

    done = resolve_refund(manager_client, partly_declined_refund, method="cash", approval=approval)

    assert done.json()["status"] == "done"


def test_admin_resolves_a_declined_payout_without_limit(
    admin_client, manager_client, partly_declined_refund, set_limits
):
    set_limits(manager={"refund_amount": "0"})
    assert (
        resolve_refund(admin_client, partly_declined_refund, method="cash").json()["status"]
        == "done"
    )

"""Limits in money hold in sum: of one order, and of one person in one shift or business day."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import Approval
from orders.models import StoreCredit
from orders.services.money_limits import Period, sum_in_period
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.approvals import asked, given
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_approvals import state
from tests.support.refunds import credit_payment, everything, refund, refunded, resolve_refund
from tests.support.shifts import close, move, opened
from tests.support.till import Till, card, cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(shop, shop_in):
    """`limits(manager={"refund_amount": "10"})`: the shop with other limits."""

    def change(**of_roles):
        return shop_in(limits=shop.merge_limits(of_roles))

    return change


@pytest.fixture
def sale(till, goods):
    """`sale("9.00")`: a sale of so much, paid in cash."""

    def sell(price="10.00", at=till, pay=cash):
        return at.sold(line(goods(price)), payments=[pay(price)])

    return sell


@pytest.fixture
def boss(admin):
    return Person(admin)


@pytest.fixture
def unchanged(shop, problem):
    """`unchanged(call)`: refused with what to ask for, and nothing is written."""

    def check(call, code="approval_required"):
        before = everything(shop)
        answer = problem(call(), 403, code)
        assert everything(shop) == before
        return answer

    return check


def approval_for(answer, asker, giver):
    """What the refusal says to ask for, to the letter, asked and given."""
    request = {name: answer.get(name) for name in ("object", "amount", "method")}
    return given(giver, asked(asker, answer["action"], **request))["id"]


# --- of one order --------------------------------------------------------------------------------


def test_many_small_refunds_of_an_order_are_one_large_one(chief, till, sale, limits, unchanged):
    """Three times 1000 is 3000, also over several shifts."""
    limits(manager={"refund_amount": "1000"})
    shift, order = opened(till, "5000.00"), sale("3000.00")
    unchanged(lambda: refund(chief, order))
    refunded(chief, order, amount="600.00")
    answer = unchanged(lambda: refund(chief, order, amount="400.01"))
    assert (answer["action"], answer["amount"], answer["method"]) == (
        "refund",
        "400.01",
        "original",
    )
    assert answer["object"] == {"order": order["id"]}
    assert close(chief, shift, "7400.00").status_code == 200
    opened(till, "7400.00")

    unchanged(lambda: refund(chief, order, amount="400.01"))
    refunded(chief, order, amount="400.00")
    unchanged(lambda: refund(chief, order, amount="0.01"))


def test_an_order_is_given_back_in_parts_by_several_people_up_to_the_limit_of_one(
    chief, shop, sale, limits, unchanged
):
    limits(manager={"refund_amount": "10"})
    order, other = sale("20.00"), Person(UserFactory(tenant=shop, manager=True))
    refunded(chief, order, amount="6.00")

    unchanged(lambda: refund(other, order, amount="4.01"))
    refunded(other, order, amount="4.00")


def test_what_costs_nothing_comes_back_whatever_went_before(till, chief, goods, limits, unchanged):
    """No approval could be asked for it: an amount of zero is none."""
    order = till.sold(line(goods("0.00")), line(goods("5.00")), payments=[cash("5.00")])
    free, paid = ([{"line": each["id"], "quantity": "1"}] for each in order["lines"])
    refunded(chief, order, amount="1.00")
    unchanged(lambda: refund(till, order, amount="1.00"))

    assert refunded(till, order, lines=free)["total"] == "0.00"
    unchanged(lambda: refund(till, order, lines=paid))


# --- of one person -------------------------------------------------------------------------------


def test_many_refunds_of_a_person_in_a_shift_are_one_large_one(
    chief, shop, till, sale, limits, unchanged
):
    limits(manager={"refund_amount": "10"})
    shift = opened(till, "100.00")
    orders = [sale("6.00") for _ in range(3)]
    refunded(chief, orders[0])

    unchanged(lambda: refund(chief, orders[1]))
    refunded(chief, orders[1], amount="4.00")
    unchanged(lambda: refund(chief, orders[2], amount="0.01"))
    refunded(Person(UserFactory(tenant=shop, manager=True)), orders[2], amount="6.00")

    assert close(chief, shift, "102.00").status_code == 200
    opened(till, "102.00")
    refunded(chief, orders[1], amount="2.00")


def test_another_drawer_is_another_sum(chief, tills, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    for each in tills[:2]:
        opened(each, "100.00")
    here, there = (sale("9.00", at=each) for each in tills[:2])
    refunded(chief, here)

    refunded(chief, there)
    elsewhere = str(tills[1].register.pk)
    one_more = sale("2.00", at=tills[0])
    unchanged(lambda: refund(chief, one_more, register=elsewhere))
    unchanged(lambda: refund(chief, one_more))


def test_without_shifts_it_is_the_business_day_of_the_store(
    manager, shop, goods, limits, unchanged
):
    """The store's day begins at 04:00 in Berlin, at 03:00 UTC in winter; registers share it."""
    limits(manager={"refund_amount": "10"})
    main, second = (StoreFactory(tenant=shop, name=name, day_starts_at="04:00") for name in "AB")
    registers = [
        RegisterFactory(tenant=shop, store=store, number=number)
        for number, store in enumerate([main, main, second], start=20)
    ]
    product = goods("6.00", stock=None, track_stock=False)
    with time_machine.travel(datetime(2026, 3, 3, 2, 30, tzinfo=UTC), tick=False) as clock:
        first, same_day, elsewhere = (
            Till(manager, each).sold(line(product), payments=[cash("6.00")]) for each in registers
        )
        refunded(Person(manager), first)

        unchanged(lambda: refund(Person(manager), same_day))
        refunded(Person(manager), elsewhere)
        clock.shift(timedelta(minutes=29, seconds=59))
        unchanged(lambda: refund(Person(manager), same_day))
        clock.shift(timedelta(seconds=1))
        refunded(Person(manager), same_day)


def test_where_a_shift_was_closed_the_day_still_holds(chief, till, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    shift, orders = opened(till, "100.00"), [sale("9.00"), sale("2.00")]
    refunded(chief, orders[0])
    assert close(chief, shift, "102.00").status_code == 200

    unchanged(lambda: refund(chief, orders[1]))
    refunded(chief, orders[1], amount="1.00")


def test_what_a_card_declined_counts_for_nobody(chief, gateway, sale, limits):
    limits(manager={"refund_amount": "10"})
    order = sale("10.00", pay=card)
    gateway.returns = [DECLINED, CAPTURED]
    assert refunded(chief, order)["status"] == "failed"

    assert refunded(chief, order)["status"] == "done"


def test_what_waits_for_the_gateway_counts(chief, gateway, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    gateway.returns = [TIMED_OUT]
    assert refunded(chief, sale("6.00", pay=card))["status"] == "pending"
    order = sale("6.00")

    unchanged(lambda: refund(chief, order))
    refunded(chief, order, amount="4.00")


def test_store_credit_counts_like_cash(chief, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    first, second = sale("6.00"), sale("6.00")
    refunded(chief, first, method="store_credit")

    unchanged(lambda: refund(chief, second))
    unchanged(lambda: refund(chief, second, method="store_credit"))


def test_null_is_unlimited_and_an_admin_always(chief, boss, sale, limits):
    limits(manager={"refund_amount": "0"})
    refunded(boss, sale("2000.00"))
    limits(manager={"refund_amount": None})
    for _ in range(2):
        refunded(chief, sale("2000.00"))


# --- what was approved ---------------------------------------------------------------------------


def test_what_was_approved_counts_for_whoever_approved_it(
    till, chief, boss, shop, sale, limits, unchanged
):
    limits(cashier={"refund_amount": "5"}, manager={"refund_amount": "10"})
    opened(till, "100.00")
    orders = [sale("8.00") for _ in range(4)]
    refunded(till, orders[0], amount="2.00")
    answer = unchanged(lambda: refund(till, orders[1]))
    approval = approval_for(answer, till, chief)
    done = refunded(till, orders[1], approval=approval)
    assert (done["by"], done["approved_by"]) == (str(till.user.pk), str(chief.user.pk))

    refunded(till, orders[2], amount="3.00")
    unchanged(lambda: refund(till, orders[2], amount="0.01"))

    unchanged(lambda: refund(chief, orders[3], amount="2.01"))
    refunded(chief, orders[3], amount="2.00")
    with tenant_scope(shop):
        period = Period(shift=done["shift"])
        assert sum_in_period(till.user, "refund_amount", period) == 5
        assert sum_in_period(chief.user, "refund_amount", period) == 10
        assert sum_in_period(boss.user, "refund_amount", period) == 0


def test_an_approver_whose_sum_is_full_is_not_enough(till, chief, boss, sale, limits, unchanged):
    """Each amount is within the approver's limit; together they are not."""
    limits(manager={"refund_amount": "10"})
    orders = [sale("6.00"), sale("6.00")]
    approvals = [
        approval_for(unchanged(lambda order=order: refund(till, order)), till, chief)
        for order in orders
    ]
    refunded(till, orders[0], approval=approvals[0])

    answer = unchanged(lambda: refund(till, orders[1], approval=approvals[1]))

    assert state(approvals[1]) == "approved"
    done = refunded(till, orders[1], approval=approval_for(answer, till, boss))
    assert done["approved_by"] == str(boss.user.pk)


# --- out of the drawer ---------------------------------------------------------------------------

OUT = pytest.mark.parametrize("type", ["paid_out", "drop"])


@OUT
def test_cash_out_of_the_drawer_holds_in_sum(type, till, chief, tills, limits, unchanged):
    """600 are refused, and so are three times 500: of cashiers and of managers with a number."""
    limit = f"{type}_amount"
    limits(cashier={limit: "500"}, manager={limit: "500"})
    shift = opened(till, "5000.00")
    for person in (till, chief):
        unchanged(lambda person=person: move(person, shift, type, "500.01"))
        for _ in range(2):
            assert move(person, shift, type, "250.00").status_code == 201
        answer = unchanged(lambda person=person: move(person, shift, type, "0.01"))
        assert answer["action"] == type
        assert answer["object"] == {"shift": shift["id"]}
        assert (answer["amount"], "method" in answer) == ("0.01", False)
    other = opened(tills[0], "5000.00")
    assert move(chief, other, type, "500.00").status_code == 201


def test_paid_out_and_dropped_are_two_sums(till, limits):
    limits(cashier={"paid_out_amount": "500"})
    shift = opened(till, "5000.00")

    for type in ("paid_out", "drop"):
        assert move(till, shift, type, "500.00").status_code == 201
    assert move(till, shift, "paid_in", "9000.00").status_code == 201
    assert move(till, shift, "no_sale").status_code == 201


def test_of_a_new_shop_a_cashier_drops_so_much_and_a_manager_what_there_is(till, chief, unchanged):
    shift = opened(till, "5000.00")
    assert move(till, shift, "drop", "500.00").status_code == 201
    unchanged(lambda: move(till, shift, "drop", "0.01"))

    assert move(chief, shift, "drop", "4500.00").status_code == 201


@OUT
def test_cash_out_of_the_drawer_takes_an_approval_of_its_own(
    type, till, chief, shop, limits, unchanged
):
    limits(cashier={"drop_amount": "0"}, manager={"drop_amount": "500"})
    shift = opened(till, "5000.00")
    other = {"paid_out": "drop", "drop": "paid_out"}[type]
    about = {"object": {"shift": shift["id"]}, "amount": "400.00"}
    for misfit in (
        given(chief, asked(till, other, **about)),
        given(chief, asked(till, type, **about | {"object": {"shift": new_id()}})),
        given(chief, asked(till, type, **about | {"amount": "399.99"})),
    ):
        call = lambda misfit=misfit: move(  # noqa: E731
            till, shift, type, "400.00", approval=misfit["id"]
        )
        unchanged(call, "approval_not_valid")

    answer = unchanged(lambda: move(till, shift, type, "400.00"))
    approval = approval_for(answer, till, chief)
    done = move(till, shift, type, "400.00", approval=approval)

    assert done.status_code == 201
    assert done.json()["approved_by"] == str(chief.user.pk)
    unchanged(lambda: move(chief, shift, type, "100.01"))
    assert move(chief, shift, type, "100.00").status_code == 201
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="approval_used")
    assert event.facts["action"] == type


def test_nobody_approves_a_drop_above_their_own_limit(till, chief, limits, problem):
    limits(manager={"drop_amount": "600"})
    request = asked(till, "drop", object={"shift": new_id()}, amount="600.01")

    problem(chief.post(f"approvals/{request['id']}/approve/"), 403, "above_own_limit")


# --- the method that was approved ----------------------------------------------------------------


def test_an_approval_for_the_way_it_was_paid_issues_no_store_credit(till, chief, sale, unchanged):
    order = sale("5.00")
    approval = approval_for(unchanged(lambda: refund(till, order)), till, chief)
    for method in ("store_credit", "voucher", "other", "cash"):
        call = lambda method=method: refund(  # noqa: E731
            till, order, method=method, reference="MINE", approval=approval
        )
        unchanged(call, "approval_not_valid")
    assert state(approval) == "approved"

    assert refunded(till, order, approval=approval)["payouts"][0]["method"] == "cash"


def test_an_approval_for_store_credit_is_for_nothing_else(till, chief, sale, shop, unchanged):
    order = sale("5.00")
    answer = unchanged(lambda: refund(till, order, method="store_credit"))
    assert answer["method"] == "store_credit"
    approval = approval_for(answer, till, chief)
    for more in ({}, {"method": "cash"}):
        call = lambda more=more: refund(till, order, approval=approval, **more)  # noqa: E731
        unchanged(call, "approval_not_valid")

    done = refunded(till, order, method="store_credit", approval=approval)

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


def test_as_it_was_paid_is_onto_the_code_that_paid(till, chief, boss, goods, sale, shop, problem):
    credit = boss.post("store-credits/", {"id": new_id(), "amount": "5.00", "code": "THEIRS"})
    assert credit.status_code == 201
    order = till.sold(line(goods("5.00")), payments=[credit_payment("5.00", "THEIRS")])
    approval = given(chief, asked(till, "refund", object={"order": order["id"]}))["id"]
    before = everything(shop)

    call = refund(till, order, reference="MINE", approval=approval)

    problem(call, 400, "invalid", {"reference": "other_credit"})
    assert everything(shop) == before
    done = refunded(till, order, reference="THEIRS", approval=approval)
    assert done["payouts"][0]["method"] == "store_credit"
    with tenant_scope(shop):
        balances = dict(StoreCredit.objects.values_list("code", "balance"))
    assert balances == {"THEIRS": 5}


# --- what a card declined ------------------------------------------------------------------------


@pytest.fixture
def half_declined(boss, till, goods, gateway):
    """An admin's refund of 20.00, of which a card declined 12.00."""
    order = till.sold(line(goods("20.00")), payments=[card("8.00"), card("12.00")])
    gateway.returns = [DECLINED, CAPTURED]
    pending = refunded(boss, order)
    assert pending["status"] == "pending"
    return pending


def test_what_an_admin_gave_back_to_a_card_a_manager_pays_out_up_to_the_own_limit(
    chief, boss, half_declined, limits, unchanged
):
    limits(manager={"refund_amount": "11.99"})
    answer = unchanged(lambda: resolve_refund(chief, half_declined, method="cash"))
    assert (answer["action"], answer["amount"], answer["method"]) == ("refund", "12.00", "cash")
    approval = approval_for(answer, chief, boss)
    call = lambda: resolve_refund(  # noqa: E731
        chief, half_declined, method="store_credit", approval=approval
    )
    unchanged(call, "approval_not_valid")

    done = resolve_refund(chief, half_declined, method="cash", approval=approval)

    assert done.json()["status"] == "done"


def test_and_whoever_gave_it_back_needs_nobody(boss, chief, half_declined, limits):
    limits(manager={"refund_amount": "0"})
    assert resolve_refund(boss, half_declined, method="cash").json()["status"] == "done"

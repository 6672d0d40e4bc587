"""Limits in money hold in sum: of one order, and of one person in one shift or business day."""

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
from tests.support.order_approvals import get_approval_state
from tests.support.refunds import (
    create_refund,
    credit_payment,
    request_refund,
    resolve_refund,
    snapshot_refund_rows,
)
from tests.support.shifts import close_shift, open_shift, record_movement
from tests.support.till import Till, card, cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(shop, configure_shop):
    """`limits(manager={"refund_amount": "10"})`: the shop with other limits."""

    def change(**of_roles):
        return configure_shop(limits=shop.merge_limits(of_roles))

    return change


@pytest.fixture
def sale(till, make_product):
    """`sale("9.00")`: a sale of so much, paid in cash."""

    def sell(price="10.00", at=till, pay=cash):
        return at.sold(line(make_product(price)), payments=[pay(price)])

    return sell


@pytest.fixture
def boss(admin):
    return Person(admin)


@pytest.fixture
def unchanged(shop, problem):
    """`unchanged(call)`: refused with what to ask for, and nothing is written."""

    def check(call, code="approval_required"):
        before = snapshot_refund_rows(shop)
        answer = problem(call(), 403, code)
        assert snapshot_refund_rows(shop) == before
        return answer

    return check


def approval_for(answer, asker, giver):
    """What the refusal says to ask for, to the letter, asked and given."""
    request = {name: answer.get(name) for name in ("object", "amount", "method")}
    return grant_approval(giver, request_approval(asker, answer["action"], **request))["id"]


# --- of one order --------------------------------------------------------------------------------


def test_many_small_refunds_of_an_order_are_one_large_one(
    manager_client, till, sale, limits, unchanged
):
    """Three times 1000 is 3000, also over several shifts."""
    limits(manager={"refund_amount": "1000"})
    shift, order = open_shift(till, "5000.00"), sale("3000.00")
    unchanged(lambda: request_refund(manager_client, order))
    create_refund(manager_client, order, amount="600.00")
    answer = unchanged(lambda: request_refund(manager_client, order, amount="400.01"))
    assert (answer["action"], answer["amount"], answer["method"]) == (
        "refund",
        "400.01",
        "original",
    )
    assert answer["object"] == {"order": order["id"]}
    assert close_shift(manager_client, shift, "7400.00").status_code == 200
    open_shift(till, "7400.00")

    unchanged(lambda: request_refund(manager_client, order, amount="400.01"))
    create_refund(manager_client, order, amount="400.00")
    unchanged(lambda: request_refund(manager_client, order, amount="0.01"))


def test_an_order_is_given_back_in_parts_by_several_people_up_to_the_limit_of_one(
    manager_client, shop, sale, limits, unchanged
):
    limits(manager={"refund_amount": "10"})
    order, other = sale("20.00"), Person(UserFactory(tenant=shop, manager=True))
    create_refund(manager_client, order, amount="6.00")

    unchanged(lambda: request_refund(other, order, amount="4.01"))
    create_refund(other, order, amount="4.00")


def test_what_costs_nothing_comes_back_whatever_went_before(
    till, manager_client, make_product, limits, unchanged
):
    """No approval could be asked for it: an amount of zero is none."""
    order = till.sold(
        line(make_product("0.00")), line(make_product("5.00")), payments=[cash("5.00")]
    )
    free, paid = ([{"line": each["id"], "quantity": "1"}] for each in order["lines"])
    create_refund(manager_client, order, amount="1.00")
    unchanged(lambda: request_refund(till, order, amount="1.00"))

    assert create_refund(till, order, lines=free)["total"] == "0.00"
    unchanged(lambda: request_refund(till, order, lines=paid))


def test_what_coins_add_to_a_refund_counts_too(
    manager_client, till, shop, configure_shop, make_product, limits, unchanged
):
    """0.50 is paid out as 1.00: five of them are 5.00, of an order and of a person."""
    configure_shop("SEK", cash_rounding_increment=Decimal("1.00"))
    limits(manager={"refund_amount": "5"})
    first, second = (
        till.sold(line(make_product("20.00")), payments=[cash("20.00")]) for _ in range(2)
    )
    other = Person(UserFactory(tenant=shop, manager=True))

    def ensure_refused(person, order, amount, needed):
        answer = unchanged(lambda: request_refund(person, order, amount=amount))
        assert answer["amount"] == needed

    for _ in range(4):
        back = create_refund(manager_client, first, amount="0.50")
        assert back["payouts"][0]["paid"] == "1.00"
    ensure_refused(manager_client, second, "1.50", "2.00")
    ensure_refused(other, first, "1.50", "2.00")
    create_refund(other, first, amount="0.50")
    create_refund(manager_client, second, amount="0.50")
    for order in (first, second):
        ensure_refused(manager_client, order, "0.01", "0.01")
    with tenant_scope(shop):
        period = LimitPeriod(store=till.register.store)
        assert sum_in_period(manager_client.user, "refund_amount", period) == 5


def test_what_coins_take_off_a_refund_counts_as_refunded(
    manager_client, till, configure_shop, make_product, limits, unchanged
):
    configure_shop("SEK", cash_rounding_increment=Decimal("1.00"))
    limits(manager={"refund_amount": "5"})
    order = till.sold(line(make_product("20.00")), payments=[cash("20.00")])
    back = create_refund(manager_client, order, amount="4.40")
    assert back["payouts"][0]["paid"] == "4.00"

    answer = unchanged(lambda: request_refund(manager_client, order, amount="0.61"))
    assert answer["amount"] == "1.00"
    create_refund(manager_client, order, amount="0.49")


# --- of one person -------------------------------------------------------------------------------


def test_many_refunds_of_a_person_in_a_shift_are_one_large_one(
    manager_client, shop, till, sale, limits, unchanged
):
    limits(manager={"refund_amount": "10"})
    shift = open_shift(till, "100.00")
    orders = [sale("6.00") for _ in range(3)]
    create_refund(manager_client, orders[0])

    unchanged(lambda: request_refund(manager_client, orders[1]))
    create_refund(manager_client, orders[1], amount="4.00")
    unchanged(lambda: request_refund(manager_client, orders[2], amount="0.01"))
    create_refund(Person(UserFactory(tenant=shop, manager=True)), orders[2], amount="6.00")

    assert close_shift(manager_client, shift, "102.00").status_code == 200
    open_shift(till, "102.00")
    create_refund(manager_client, orders[1], amount="2.00")


def test_another_drawer_is_another_sum(manager_client, tills, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    for each in tills[:2]:
        open_shift(each, "100.00")
    here, there = (sale("9.00", at=each) for each in tills[:2])
    create_refund(manager_client, here)

    create_refund(manager_client, there)
    elsewhere = str(tills[1].register.pk)
    one_more = sale("2.00", at=tills[0])
    unchanged(lambda: request_refund(manager_client, one_more, register=elsewhere))
    unchanged(lambda: request_refund(manager_client, one_more))


def test_without_shifts_it_is_the_business_day_of_the_store(
    manager, shop, make_product, limits, unchanged
):
    """The store's day begins at 04:00 in Berlin, at 03:00 UTC in winter; registers share it."""
    limits(manager={"refund_amount": "10"})
    main, second = (StoreFactory(tenant=shop, name=name, day_starts_at="04:00") for name in "AB")
    registers = [
        RegisterFactory(tenant=shop, store=store, number=number)
        for number, store in enumerate([main, main, second], start=20)
    ]
    product = make_product("6.00", stock=None, track_stock=False)
    with time_machine.travel(datetime(2026, 3, 3, 2, 30, tzinfo=UTC), tick=False) as clock:
        first, same_day, elsewhere = (
            Till(manager, each).sold(line(product), payments=[cash("6.00")]) for each in registers
        )
        create_refund(Person(manager), first)

        unchanged(lambda: request_refund(Person(manager), same_day))
        create_refund(Person(manager), elsewhere)
        clock.shift(timedelta(minutes=29, seconds=59))
        unchanged(lambda: request_refund(Person(manager), same_day))
        clock.shift(timedelta(seconds=1))
        create_refund(Person(manager), same_day)


def test_where_a_shift_was_closed_the_day_still_holds(
    manager_client, till, sale, limits, unchanged
):
    limits(manager={"refund_amount": "10"})
    shift, orders = open_shift(till, "100.00"), [sale("9.00"), sale("2.00")]
    create_refund(manager_client, orders[0])
    assert close_shift(manager_client, shift, "102.00").status_code == 200

    unchanged(lambda: request_refund(manager_client, orders[1]))
    create_refund(manager_client, orders[1], amount="1.00")


def test_what_a_card_declined_counts_for_nobody(manager_client, gateway, sale, limits):
    limits(manager={"refund_amount": "10"})
    order = sale("10.00", pay=card)
    gateway.returns = [DECLINED, CAPTURED]
    assert create_refund(manager_client, order)["status"] == "failed"

    assert create_refund(manager_client, order)["status"] == "done"


def test_what_waits_for_the_gateway_counts(manager_client, gateway, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    gateway.returns = [TIMED_OUT]
    assert create_refund(manager_client, sale("6.00", pay=card))["status"] == "pending"
    order = sale("6.00")

    unchanged(lambda: request_refund(manager_client, order))
    create_refund(manager_client, order, amount="4.00")


def test_store_credit_counts_like_cash(manager_client, sale, limits, unchanged):
    limits(manager={"refund_amount": "10"})
    first, second = sale("6.00"), sale("6.00")
    create_refund(manager_client, first, method="store_credit")

    unchanged(lambda: request_refund(manager_client, second))
    unchanged(lambda: request_refund(manager_client, second, method="store_credit"))


def test_null_is_unlimited_and_an_admin_always(manager_client, boss, sale, limits):
    limits(manager={"refund_amount": "0"})
    create_refund(boss, sale("2000.00"))
    limits(manager={"refund_amount": None})
    for _ in range(2):
        create_refund(manager_client, sale("2000.00"))


# --- what was approved ---------------------------------------------------------------------------


def test_what_was_approved_counts_for_whoever_approved_it(
    till, manager_client, boss, shop, sale, limits, unchanged
):
    limits(cashier={"refund_amount": "5"}, manager={"refund_amount": "10"})
    open_shift(till, "100.00")
    orders = [sale("8.00") for _ in range(4)]
    create_refund(till, orders[0], amount="2.00")
    answer = unchanged(lambda: request_refund(till, orders[1]))
    approval = approval_for(answer, till, manager_client)
    done = create_refund(till, orders[1], approval=approval)
    assert (done["by"], done["approved_by"]) == (str(till.user.pk), str(manager_client.user.pk))

    create_refund(till, orders[2], amount="3.00")
    unchanged(lambda: request_refund(till, orders[2], amount="0.01"))

    unchanged(lambda: request_refund(manager_client, orders[3], amount="2.01"))
    create_refund(manager_client, orders[3], amount="2.00")
    with tenant_scope(shop):
        period = LimitPeriod(shift=done["shift"])
        assert sum_in_period(till.user, "refund_amount", period) == 5
        assert sum_in_period(manager_client.user, "refund_amount", period) == 10
        assert sum_in_period(boss.user, "refund_amount", period) == 0


def test_an_approver_whose_sum_is_full_is_not_enough(
    till, manager_client, boss, sale, limits, unchanged
):
    """Each amount is within the approver's limit; together they are not."""
    limits(manager={"refund_amount": "10"})
    orders = [sale("6.00"), sale("6.00")]
    approvals = [
        approval_for(
            unchanged(lambda order=order: request_refund(till, order)), till, manager_client
        )
        for order in orders
    ]
    create_refund(till, orders[0], approval=approvals[0])

    answer = unchanged(lambda: request_refund(till, orders[1], approval=approvals[1]))

    assert get_approval_state(approvals[1]) == "approved"
    done = create_refund(till, orders[1], approval=approval_for(answer, till, boss))
    assert done["approved_by"] == str(boss.user.pk)


# --- out of the drawer ---------------------------------------------------------------------------

OUT = pytest.mark.parametrize("type", ["paid_out", "drop"])


@OUT
def test_cash_out_of_the_drawer_holds_in_sum(type, till, manager_client, tills, limits, unchanged):
    """600 are refused, and so are three times 500: of cashiers and of managers with a number."""
    limit = f"{type}_amount"
    limits(cashier={limit: "500"}, manager={limit: "500"})
    shift = open_shift(till, "5000.00")
    for person in (till, manager_client):
        unchanged(lambda person=person: record_movement(person, shift, type, "500.01"))
        for _ in range(2):
            assert record_movement(person, shift, type, "250.00").status_code == 201
        answer = unchanged(lambda person=person: record_movement(person, shift, type, "0.01"))
        assert answer["action"] == type
        assert answer["object"] == {"shift": shift["id"]}
        assert (answer["amount"], "method" in answer) == ("0.01", False)
    other = open_shift(tills[0], "5000.00")
    assert record_movement(manager_client, other, type, "500.00").status_code == 201


def test_paid_out_and_dropped_are_two_sums(till, limits):
    limits(cashier={"paid_out_amount": "500"})
    shift = open_shift(till, "5000.00")

    for type in ("paid_out", "drop"):
        assert record_movement(till, shift, type, "500.00").status_code == 201
    assert record_movement(till, shift, "paid_in", "9000.00").status_code == 201
    assert record_movement(till, shift, "no_sale").status_code == 201


def test_of_a_new_shop_a_cashier_drops_so_much_and_a_manager_what_there_is(
    till, manager_client, unchanged
):
    shift = open_shift(till, "5000.00")
    assert record_movement(till, shift, "drop", "500.00").status_code == 201
    unchanged(lambda: record_movement(till, shift, "drop", "0.01"))

    assert record_movement(manager_client, shift, "drop", "4500.00").status_code == 201


@OUT
def test_cash_out_of_the_drawer_takes_an_approval_of_its_own(
    type, till, manager_client, shop, limits, unchanged
):
    limits(cashier={"drop_amount": "0"}, manager={"drop_amount": "500"})
    shift = open_shift(till, "5000.00")
    other = {"paid_out": "drop", "drop": "paid_out"}[type]
    about = {"object": {"shift": shift["id"]}, "amount": "400.00"}
    for misfit in (
        grant_approval(manager_client, request_approval(till, other, **about)),
        grant_approval(
            manager_client, request_approval(till, type, **about | {"object": {"shift": new_id()}})
        ),
        grant_approval(
            manager_client, request_approval(till, type, **about | {"amount": "399.99"})
        ),
    ):
        call = lambda misfit=misfit: record_movement(  # noqa: E731
            till, shift, type, "400.00", approval=misfit["id"]
        )
        unchanged(call, "approval_not_valid")

    answer = unchanged(lambda: record_movement(till, shift, type, "400.00"))
    approval = approval_for(answer, till, manager_client)
    done = record_movement(till, shift, type, "400.00", approval=approval)

    assert done.status_code == 201
    assert done.json()["approved_by"] == str(manager_client.user.pk)
    unchanged(lambda: record_movement(manager_client, shift, type, "100.01"))
    assert record_movement(manager_client, shift, type, "100.00").status_code == 201
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="approval_used")
    assert event.facts["action"] == type


def test_nobody_approves_a_drop_above_their_own_limit(till, manager_client, limits, problem):
    limits(manager={"drop_amount": "600"})
    request = request_approval(till, "drop", object={"shift": new_id()}, amount="600.01")

    problem(manager_client.post(f"approvals/{request['id']}/approve/"), 403, "above_own_limit")


# --- the method that was approved ----------------------------------------------------------------


def test_an_approval_for_the_way_it_was_paid_issues_no_store_credit(
    till, manager_client, sale, unchanged
):
    order = sale("5.00")
    approval = approval_for(unchanged(lambda: request_refund(till, order)), till, manager_client)
    for method in ("store_credit", "voucher", "other", "cash"):
        call = lambda method=method: request_refund(  # noqa: E731
            till, order, method=method, reference="MINE", approval=approval
        )
        unchanged(call, "approval_not_valid")
    assert get_approval_state(approval) == "approved"

    assert create_refund(till, order, approval=approval)["payouts"][0]["method"] == "cash"


def test_an_approval_for_store_credit_is_for_nothing_else(
    till, manager_client, sale, shop, unchanged
):
    order = sale("5.00")
    answer = unchanged(lambda: request_refund(till, order, method="store_credit"))
    assert answer["method"] == "store_credit"
    approval = approval_for(answer, till, manager_client)
    for more in ({}, {"method": "cash"}):
        call = lambda more=more: request_refund(till, order, approval=approval, **more)  # noqa: E731
        unchanged(call, "approval_not_valid")

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


def test_as_it_was_paid_is_onto_the_code_that_paid(
    till, manager_client, boss, make_product, sale, shop, problem
):
    credit = boss.post("store-credits/", {"id": new_id(), "amount": "5.00", "code": "THEIRS"})
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


# --- what a card declined ------------------------------------------------------------------------


@pytest.fixture
def half_declined(boss, till, make_product, gateway):
    """An admin's refund of 20.00, of which a card declined 12.00."""
    order = till.sold(line(make_product("20.00")), payments=[card("8.00"), card("12.00")])
    gateway.returns = [DECLINED, CAPTURED]
    pending = create_refund(boss, order)
    assert pending["status"] == "pending"
    return pending


def test_what_an_admin_gave_back_to_a_card_a_manager_pays_out_up_to_the_own_limit(
    manager_client, boss, half_declined, limits, unchanged
):
    limits(manager={"refund_amount": "11.99"})
    answer = unchanged(lambda: resolve_refund(manager_client, half_declined, method="cash"))
    assert (answer["action"], answer["amount"], answer["method"]) == ("refund", "12.00", "cash")
    approval = approval_for(answer, manager_client, boss)
    call = lambda: resolve_refund(  # noqa: E731
        manager_client, half_declined, method="store_credit", approval=approval
    )
    unchanged(call, "approval_not_valid")

    done = resolve_refund(manager_client, half_declined, method="cash", approval=approval)

    assert done.json()["status"] == "done"


def test_and_whoever_gave_it_back_needs_nobody(boss, manager_client, half_declined, limits):
    limits(manager={"refund_amount": "0"})
    assert resolve_refund(boss, half_declined, method="cash").json()["status"] == "done"

"""Spending an approval: on its deed and no other, by whom and where it was given for, once."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import ApprovalNotValid
from accounts.models import Approval
from accounts.services.approvals import APPROVED_LIFETIME, consume_approval_of
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, TerminalFactory
from tests.support.approvals import list_approval_events

ORDER = uuid.UUID("0190b4e0-0000-7000-8000-00000000beef")
Action = Approval.Action


@pytest.fixture
def approved(cashier, manager):
    """`approved(action=...)`: leave of a moment ago for up to 10.00 on the order."""

    def make(**more):
        return ApprovalFactory(
            **{
                "requested_by": cashier,
                "action": Action.REFUND,
                "object": {"order": str(ORDER)},
                "amount": Decimal("10.00"),
                "status": Approval.Status.APPROVED,
                "decided_by": manager,
                "decided_at": timezone.now(),
                "expires_at": timezone.now() + APPROVED_LIFETIME,
            }
            | more
        )

    return make


@pytest.fixture
def use(cashier):
    """Use it as it was given, but for what a case changes."""

    def spend(approval, **changes):
        given = {
            "action": Action.REFUND,
            "object": {"order": ORDER},
            "amount": Decimal("10.00"),
            "method": "original",
            "by": cashier,
            "terminal_id": None,
        }
        return consume_approval_of(getattr(approval, "pk", approval), **(given | changes))

    return spend


def state(approval):
    (row,) = Approval.objects.filter(pk=approval.pk).values()
    return row


def ensure_refused(use, approval, **changes):
    before = state(approval)
    with pytest.raises(ApprovalNotValid):
        use(approval, **changes)
    assert state(approval) == before


def test_what_fits_is_used_up(clock, in_shop, approved, use, cashier, manager):
    approval = approved()

    assert use(approval) == manager

    approval.refresh_from_db()
    assert (approval.status, approval.used_at) == ("used", timezone.now())
    assert approval.version == 2
    (event,) = list_approval_events(in_shop)
    assert (event.event, event.actor, event.target) == ("approval_used", cashier.pk, approval.pk)
    assert event.facts == {
        "action": "refund",
        "object": {"order": str(ORDER)},
        "amount": "10.00",
        "method": "original",
        "approver": str(manager.pk),
    }


def test_118_it_is_used_once(in_shop, approved, use):
    approval = approved()
    use(approval)

    ensure_refused(use, approval)
    assert len(list_approval_events(in_shop)) == 1


def test_less_than_was_given_will_do(in_shop, approved, use, manager):
    assert use(approved(), amount=Decimal("0.01")) == manager


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("10.01")},
        {"amount": Decimal("100.00")},
        {"amount": None},
        {"method": ""},
        {"method": "cash"},
        {"method": "store_credit"},
        {"object": {"order": uuid.UUID(int=1)}},
        {"object": {"shift": ORDER}},
        {"object": {"order": ORDER, "register": ORDER}},
        {"object": {}},
        {"action": Action.DISCOUNT},
        {"action": Action.VOID},
        {"terminal_id": uuid.UUID(int=1)},
    ],
    ids=str,
)
def test_119_it_is_for_nothing_else_and_for_no_more(in_shop, approved, use, changes):
    ensure_refused(use, approved(), **changes)
    assert list_approval_events(in_shop) == []


def test_119_it_is_for_nobody_else(in_shop, approved, use, other_cashier, manager):
    for somebody in (other_cashier, manager):
        ensure_refused(use, approved(), by=somebody)


def test_119_it_counts_at_the_till_where_it_was_asked_for(in_shop, approved, use, register, store):
    here = TerminalFactory(register=register)
    there = TerminalFactory(register__tenant=in_shop, register__store=store)
    approval = approved(terminal=here)

    for terminal_id in (there.pk, None):
        ensure_refused(use, approval, terminal_id=terminal_id)
    use(approval, terminal_id=here.pk)


def test_119_that_of_another_shop_is_like_one_that_nobody_has(in_shop, foreign, approved, use):
    theirs = approved(requested_by=foreign.cashier, decided_by=foreign.manager)

    for approval in (theirs, uuid.uuid4()):
        with pytest.raises(ApprovalNotValid):
            use(approval, by=foreign.cashier)

    with tenant_scope(foreign.tenant):
        assert state(theirs)["status"] == "approved"
    assert list_approval_events(in_shop) == []


@pytest.mark.parametrize(
    "state",
    [
        {"status": "pending", "decided_by": None, "decided_at": None},
        {"status": "denied"},
        {"status": "used", "used_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=["pending", "denied", "used", "expired"],
)
def test_only_what_was_given_and_is_not_yet_used_counts(in_shop, approved, use, state):
    ensure_refused(use, approved(**state))


def test_two_minutes_later_it_is_too_late(clock, in_shop, approved, use):
    approval, late = approved(), approved()

    clock.shift(APPROVED_LIFETIME - timedelta(seconds=1))
    use(approval)
    clock.shift(timedelta(seconds=1))
    ensure_refused(use, late)


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"role": "cashier"}], ids=["deactivated", "demoted"]
)
def test_120_whoever_gave_it_must_still_be_somebody_who_may(
    in_shop, approved, use, manager, change
):
    approval = approved()
    for name, value in change.items():
        setattr(manager, name, value)
    manager.save_changes(*change)

    ensure_refused(use, approval)
    assert list_approval_events(in_shop) == []


def test_an_admins_leave_is_an_admins(in_shop, approved, use, admin):
    approver = use(approved(decided_by=admin))

    assert approver.may_refund(Decimal(1_000_000))


def test_without_an_amount_none_was_given(in_shop, approved, use, manager):
    void = {"action": Action.VOID, "amount": None, "method": ""}

    ensure_refused(use, approved(**void), action=Action.VOID, method="", amount=Decimal("0.00"))
    assert use(approved(**void), **void) == manager


def test_a_deed_that_fails_leaves_it_to_be_used(in_shop, approved, use):
    approval = approved()
    before = state(approval)

    with transaction.atomic():
        use(approval)
        transaction.set_rollback(True)

    assert state(approval) == before
    assert list_approval_events(in_shop) == []
    use(approval)


def test_using_it_takes_one_update_one_look_and_one_line_in_the_books(
    in_shop, approved, use, statements
):
    approval = approved()

    with statements(3):
        use(approval)


def test_nobody_can_be_made_to_have_approved_a_request_of_his_own(in_shop, approved, cashier):
    """Whatever the code does: the database refuses it."""
    with pytest.raises(Exception, match="nobody_approves_his_own_request"), transaction.atomic():
        approved(decided_by=cashier)


def test_nothing_is_approved_by_nobody(in_shop, approved):
    with pytest.raises(Exception, match="approval_is_decided_by_somebody"), transaction.atomic():
        approved(decided_by=None)


def test_a_use_has_its_time(in_shop, approved):
    with pytest.raises(Exception, match="approval_is_used_once"), transaction.atomic():
        approved(status="used")

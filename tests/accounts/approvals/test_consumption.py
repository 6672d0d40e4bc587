"""Consume an approval once, for the action, user and terminal that it was given for."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import ApprovalNotValid
from accounts.models import Approval
from accounts.services.approvals import APPROVED_LIFETIME, consume_approval
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, TerminalFactory
from tests.support.approvals import list_approval_events

ORDER = uuid.UUID("0190b4e0-0000-7000-8000-00000000beef")
Action = Approval.Action


@pytest.fixture
def approved(cashier, manager):
    """Return a factory of approvals, just given, for up to 10.00 on the order."""

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
    """Return a function that consumes an approval with its own values and the given changes."""

    def spend(approval, **changes):
        given = {
            "action": Action.REFUND,
            "object": {"order": ORDER},
            "amount": Decimal("10.00"),
            "method": "original",
            "by": cashier,
            "terminal_id": None,
        }
        return consume_approval(getattr(approval, "pk", approval), **(given | changes)).decided_by

    return spend


def state(approval):
    (row,) = Approval.objects.filter(pk=approval.pk).values()
    return row


def ensure_refused(use, approval, **changes):
    before = state(approval)
    with pytest.raises(ApprovalNotValid):
        use(approval, **changes)
    assert state(approval) == before


def test_matching_approval_is_consumed(clock, in_shop, approved, use, cashier, manager):
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


def test_attack_118_approval_is_consumed_once(in_shop, approved, use):
    approval = approved()
    use(approval)

    ensure_refused(use, approval)
    assert len(list_approval_events(in_shop)) == 1


def test_smaller_amount_than_approved_is_accepted(in_shop, approved, use, manager):
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
def test_attack_119_other_action_object_method_or_amount_is_refused(
    in_shop, approved, use, changes
):
    ensure_refused(use, approved(), **changes)
    assert list_approval_events(in_shop) == []


def test_attack_119_other_user_cannot_consume_an_approval(
    in_shop, approved, use, other_cashier, manager
):
    for somebody in (other_cashier, manager):
        ensure_refused(use, approved(), by=somebody)


def test_attack_119_approval_is_consumed_only_at_the_requesting_terminal(
    in_shop, approved, use, register, store
):
    here = TerminalFactory(register=register)
    there = TerminalFactory(register__tenant=in_shop, register__store=store)
    approval = approved(terminal=here)

    for terminal_id in (there.pk, None):
        ensure_refused(use, approval, terminal_id=terminal_id)
    use(approval, terminal_id=here.pk)


def test_attack_119_approval_of_another_shop_is_treated_as_unknown(in_shop, foreign, approved, use):
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
def test_pending_denied_used_or_expired_approval_is_refused(in_shop, approved, use, state):
    ensure_refused(use, approved(**state))


def test_approval_expires_two_minutes_after_the_decision(clock, in_shop, approved, use):
    approval, late = approved(), approved()

    clock.shift(APPROVED_LIFETIME - timedelta(seconds=1))
    use(approval)
    clock.shift(timedelta(seconds=1))
    ensure_refused(use, late)


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"role": "cashier"}], ids=["deactivated", "demoted"]
)
def test_attack_120_approver_who_lost_the_right_invalidates_the_approval(
    in_shop, approved, use, manager, change
):
    approval = approved()
    for name, value in change.items():
        setattr(manager, name, value)
    manager.save_changes(*change)

    ensure_refused(use, approval)
    assert list_approval_events(in_shop) == []


def test_approval_of_an_admin_has_the_limits_of_an_admin(in_shop, approved, use, admin):
    approver = use(approved(decided_by=admin))

    assert approver.may_move_money("refund_amount", Decimal(1_000_000))


def test_approval_without_an_amount_covers_no_amount(in_shop, approved, use, manager):
    void = {"action": Action.VOID, "amount": None, "method": ""}

    ensure_refused(use, approved(**void), action=Action.VOID, method="", amount=Decimal("0.00"))
    assert use(approved(**void), **void) == manager


def test_rolled_back_action_does_not_consume_the_approval(in_shop, approved, use):
    approval = approved()
    before = state(approval)

    with transaction.atomic():
        use(approval)
        transaction.set_rollback(True)

    assert state(approval) == before
    assert list_approval_events(in_shop) == []
    use(approval)


def test_consuming_an_approval_takes_three_statements(in_shop, approved, use, statements):
    approval = approved()

    with statements(3):
        use(approval)


def test_database_rejects_an_approver_who_is_the_requester(in_shop, approved, cashier):
    """The database enforces the constraint without the application."""
    with pytest.raises(Exception, match="nobody_approves_his_own_request"), transaction.atomic():
        approved(decided_by=cashier)


def test_database_rejects_an_approved_request_without_approver(in_shop, approved):
    with pytest.raises(Exception, match="approval_is_decided_by_somebody"), transaction.atomic():
        approved(decided_by=None)


def test_database_rejects_a_used_approval_without_time(in_shop, approved):
    with pytest.raises(Exception, match="approval_is_used_once"), transaction.atomic():
        approved(status="used")

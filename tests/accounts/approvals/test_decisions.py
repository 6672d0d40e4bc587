"""Approve or deny a request: who may decide, by which authentication, and only once."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession
from accounts.models.session import MAX_AUTHENTICATION_AGE
from accounts.services.approvals import APPROVED_LIFETIME, PENDING_LIFETIME
from tests.architecture.test_schema import ensure_documented
from tests.factories.accounts import (
    PASSWORD,
    ApprovalFactory,
    AuthSessionFactory,
)
from tests.support.approvals import (
    both,
    decide,
    grant_approval,
    list_approval_event_names,
    list_approval_events,
    renew_session,
    request_approval,
    snapshot_approval,
)
from tests.support.token_refresh import MORNING

pytestmark = pytest.mark.once


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


# --- from the approver's own session -----------------------------------------------------------


def test_approval_by_a_manager_is_valid_for_two_minutes(clock, till, manager_client, manager):
    approval = request_approval(till)
    clock.shift(60)

    response = decide(manager_client, approval)

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    ensure_documented(response, "post", "approval-approve")
    assert response.json() == approval | {
        "status": "approved",
        "decided_by": {"id": str(manager.pk), "name": str(manager)},
        "decided_at": "2026-03-02T08:01:00Z",
        "expires_at": "2026-03-02T08:03:00Z",
        "version": 2,
    }
    clock.shift(APPROVED_LIFETIME)
    assert till.get(f"approvals/{approval['id']}/").json()["status"] == "expired"


def test_manager_denies_a_request(clock, till, manager_client, manager):
    approval = request_approval(till)

    response = decide(manager_client, approval, "deny")

    ensure_documented(response, "post", "approval-deny")
    assert response.json() == approval | {
        "status": "denied",
        "decided_by": {"id": str(manager.pk), "name": str(manager)},
        "decided_at": "2026-03-02T08:00:00Z",
        "version": 2,
    }
    clock.shift(PENDING_LIFETIME)
    assert renew_session(till).get(f"approvals/{approval['id']}/").json()["status"] == "denied"


@both
def test_decision_is_recorded_in_the_audit_log(till, manager_client, manager, cashier, shop, how):
    approval = request_approval(till)

    decide(manager_client, approval, how)

    event = list_approval_events(shop)[-1]
    assert event.event == {"approve": "approval_given", "deny": "approval_denied"}[how]
    assert (event.actor, event.target) == (manager.pk, uuid.UUID(approval["id"]))
    assert event.facts == {
        "action": "discount",
        "object": approval["object"],
        "amount": "5.00",
        "requested_by": str(cashier.pk),
    }


@both
def test_decision_with_an_old_authentication_requires_reauthentication(
    clock, till, manager_client, problem, how
):
    approval = request_approval(till)
    before = snapshot_approval(approval)
    clock.shift(MAX_AUTHENTICATION_AGE)

    response = decide(manager_client, approval, how)

    assert problem(response, 401, "insufficient_user_authentication")["max_age"] == 300
    challenge = response["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="300"' in challenge
    assert snapshot_approval(approval) == before
    assert manager_client.post("auth/reauth/", {"password": PASSWORD}).status_code == 200
    assert decide(manager_client, approval, how).status_code == 200


def test_decision_just_before_the_maximum_authentication_age_is_accepted(
    clock, till, manager_client
):
    approval = request_approval(till)
    clock.shift(MAX_AUTHENTICATION_AGE - timedelta(seconds=1))

    assert grant_approval(manager_client, approval)["status"] == "approved"


@both
def test_attack_120_cashier_cannot_decide(till, client_of, other_cashier, shop, problem, how):
    own, others = request_approval(till), request_approval(client_of(other_cashier))
    before = [snapshot_approval(own), snapshot_approval(others)]

    problem(decide(till, own, how), 403, "permission_denied")
    problem(decide(till, others, how), 404, "not_found")

    assert [snapshot_approval(own), snapshot_approval(others)] == before
    assert list_approval_event_names(shop) == ["approval_requested"] * 2


@both
def test_attack_120_requester_cannot_decide_on_their_own_request(
    manager_client, admin_client, shop, problem, how
):
    for person in (manager_client, admin_client):
        approval = request_approval(person)
        before = snapshot_approval(approval)

        problem(decide(person, approval, how), 403, "own_request")

        assert snapshot_approval(approval) == before
    assert set(list_approval_event_names(shop)) == {"approval_requested"}


def test_another_approver_decides_on_a_managers_request(
    manager_client, admin_client, client_of, other_manager
):
    assert grant_approval(admin_client, request_approval(manager_client))["status"] == "approved"
    assert (
        grant_approval(client_of(other_manager), request_approval(admin_client))["status"]
        == "approved"
    )


@both
def test_attack_120_manager_of_another_shop_gets_404(till, foreign, client_of, problem, how):
    approval = request_approval(till)
    before = snapshot_approval(approval)

    for person in (foreign.admin, foreign.manager):
        problem(decide(client_of(person), approval, how), 404, "not_found")

    assert snapshot_approval(approval) == before


# --- limits of the approver --------------------------------------------------------------------


@pytest.mark.parametrize(("action", "limit"), [("refund", "1000.00"), ("paid_out", "500.00")])
def test_manager_cannot_approve_above_their_own_limit(
    till, manager_client, admin_client, shop, problem, action, limit
):
    above = f"{limit[:-1]}1"
    within, beyond = (
        request_approval(till, action, amount=limit),
        request_approval(till, action, amount=above),
    )
    before = snapshot_approval(beyond)

    assert grant_approval(manager_client, within)["amount"] == limit
    problem(decide(manager_client, beyond), 403, "above_own_limit")
    assert snapshot_approval(beyond) == before
    assert grant_approval(admin_client, beyond)["amount"] == above


def test_manager_can_deny_a_request_above_their_own_limit(till, manager_client):
    beyond = request_approval(till, "refund", amount="1000.01")

    assert decide(manager_client, beyond, "deny").json()["status"] == "denied"


@pytest.mark.parametrize("action", ["discount", "price_override", "void"])
def test_percentage_limits_are_not_checked_when_approving(till, manager_client, action):
    amount = None if action == "void" else "99999.00"

    assert (
        grant_approval(manager_client, request_approval(till, action, amount=amount))["status"]
        == "approved"
    )


# --- once --------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("status", ["approved", "denied", "used", "expired"])
def test_decided_or_expired_request_cannot_be_decided_again(
    cashier, manager_client, admin_client, manager, problem, status, how
):
    now = timezone.now()
    done = {
        "expired": {"expires_at": now},
        "used": {"status": "used", "decided_by": manager, "decided_at": now, "used_at": now},
    }
    more = done.get(status, {"status": status, "decided_by": manager, "decided_at": now})
    approval = {"id": ApprovalFactory(requested_by=cashier, **more).pk}
    before = snapshot_approval(approval)

    response = decide(admin_client, approval, how)

    assert problem(response, 409, "approval_not_pending")["approval_status"] == status
    assert snapshot_approval(approval) == before


@both
def test_decision_with_an_outdated_if_match_is_rejected(till, manager_client, problem, how):
    approval = request_approval(till)
    before = snapshot_approval(approval)

    problem(decide(manager_client, approval, how, If_Match='"2"'), 412, "version_conflict")
    assert snapshot_approval(approval) == before
    assert decide(manager_client, approval, how, If_Match='"1"').status_code == 200


def test_ended_session_cannot_decide(till, manager, client_of, problem):
    approval = request_approval(till)
    session = AuthSessionFactory(
        user=manager, revoked_at=MORNING, revoke_reason=AuthSession.EndReason.LOGOUT
    )

    answer = decide(type(till)(manager, session), approval)

    problem(answer, 401, "token_not_valid")
    assert snapshot_approval(approval)["status"] == "pending"

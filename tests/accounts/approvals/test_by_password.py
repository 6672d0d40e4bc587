"""Approve with a manager's password at the cashier's terminal, without a log-in."""

import pytest

from accounts.models import User
from accounts.models.session import MAX_AUTHENTICATION_AGE
from accounts.services import approvals
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, UserFactory
from tests.support.approvals import (
    both,
    decide,
    grant_approval,
    list_approval_event_names,
    list_approval_events,
    request_approval,
    snapshot_approval,
)
from tests.support.users import LOG_IN, build_credentials, count_sessions

NOBODY = "0190b4e0-0000-7000-8000-00000000dead"
MINE = {"username": "mgr", "password": PASSWORD}


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


@pytest.mark.parametrize("username", ["mgr", "MGR", "adm"])
@both
def test_manager_password_at_the_cashiers_terminal_decides(
    till, manager, admin, shop, how, username
):
    approval = request_approval(till)
    before = count_sessions()

    answer = decide(till, approval, how, {"username": username, "password": PASSWORD})

    assert answer.status_code == 200
    approver = admin if username == "adm" else manager
    assert answer.json()["decided_by"]["id"] == str(approver.pk)
    assert list_approval_events(shop)[-1].actor == approver.pk
    assert count_sessions() == before
    assert till.get("auth/me/").json()["username"] == "c1"


def test_manager_password_decides_after_the_cashiers_authentication_expired(
    clock, cashier, client_of, manager
):
    till = client_of(cashier)
    approval = request_approval(till)
    clock.shift(MAX_AUTHENTICATION_AGE)

    assert decide(till, approval, body=MINE).status_code == 200


@both
def test_wrong_credentials_get_the_same_error_and_are_recorded(
    till, manager, shop, foreign, problem, how
):
    UserFactory(tenant=shop, username="gone", manager=True, is_active=False)
    approval = request_approval(till)
    before = snapshot_approval(approval)
    wrong = [
        ("mgr", "wrong"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
    ]

    answers = [
        decide(till, approval, how, {"username": username, "password": password})
        for username, password in wrong
    ]

    for answer in answers:
        problem(answer, 401, "invalid_credentials")
    assert snapshot_approval(approval) == before
    assert list_approval_event_names(shop) == ["approval_requested"] + ["approval_failed"] * 3


def test_attack_120_cashier_credentials_cannot_decide(till, other_cashier, shop, problem):
    approval = request_approval(till)
    before = snapshot_approval(approval)

    for username in ("c1", "c2"):
        answer = decide(till, approval, body={"username": username, "password": PASSWORD})
        problem(answer, 403, "permission_denied")

    assert snapshot_approval(approval) == before


def test_attack_120_requesters_own_credentials_cannot_decide(manager_client, problem):
    approval = request_approval(manager_client)
    before = snapshot_approval(approval)

    problem(decide(manager_client, approval, body=MINE), 403, "own_request")

    assert snapshot_approval(approval) == before


def test_attack_120_credentials_of_another_shop_cannot_decide(till, foreign, shop, problem):
    """The other shop has the same usernames, and this shop has no manager."""
    foreign.manager.set_password("nine purple herons fly")
    foreign.manager.save()
    approval = request_approval(till)
    before = snapshot_approval(approval)

    answer = decide(till, approval, body={"username": "mgr", "password": "nine purple herons fly"})

    problem(answer, 401, "invalid_credentials")
    assert snapshot_approval(approval) == before


def test_attack_120_temporary_password_cannot_decide(till, shop, problem):
    UserFactory(tenant=shop, username="new", manager=True, must_change_password=True)
    approval = request_approval(till)
    before = snapshot_approval(approval)

    answer = decide(till, approval, body={"username": "new", "password": PASSWORD})

    problem(answer, 403, "password_change_required")
    assert snapshot_approval(approval) == before


def test_wrong_passwords_count_towards_the_login_limit(clock, till, manager, anonymous, problem):
    approval = request_approval(till)
    for _ in range(5):
        answer = decide(till, approval, body=MINE | {"password": "wrong"})
        problem(answer, 401, "invalid_credentials")

    problem(decide(till, approval, body=MINE), 429, "too_many_attempts")
    problem(anonymous.post(LOG_IN, build_credentials(username="mgr")), 429, "too_many_attempts")
    clock.shift(2)
    assert decide(till, approval, body=MINE).status_code == 200


def test_decided_request_checks_no_password(till, manager_client, manager, hashes, problem):
    approval = grant_approval(manager_client, request_approval(till))
    hashes.restart()

    problem(decide(till, approval, body=MINE), 409, "approval_not_pending")

    assert hashes.count == 0


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"username": "mgr"}, {"": "one_of"}),
        ({"password": PASSWORD}, {"": "one_of"}),
        ({"username": "mgr", "pin": "802417"}, {"": "one_of"}),
        (MINE | {"pin": "802417"}, {"": "one_of"}),
        ({"pin": "802417"}, {"": "one_of"}),
        ({"user": "mgr", "pin": "802417"}, {"user": "invalid"}),
        ({"user": NOBODY, "pin": 802417}, {"pin": "invalid"}),
        ({"user": NOBODY, "pin": "1234 6"}, {"pin": "invalid"}),
        ({"username": "mgr", "password": None}, {"password": "null"}),
        ({"username": 1, "password": PASSWORD}, {"username": "invalid"}),
        (MINE | {"tenant": "green"}, {"tenant": "unknown_field"}),
        ([], {"": "invalid"}),
    ],
    ids=str,
)
def test_incomplete_or_mixed_credentials_are_rejected(till, manager, problem, body, errors):
    approval = request_approval(till)
    before = snapshot_approval(approval)

    problem(decide(till, approval, body=body), 400, "invalid", errors)

    assert snapshot_approval(approval) == before


def demote(manager):
    User.objects.filter(pk=manager.pk).update(role="cashier")


def deactivate(manager):
    User.objects.filter(pk=manager.pk).update(is_active=False)


def require_password_change(manager):
    User.objects.filter(pk=manager.pk).update(must_change_password=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (demote, "permission_denied"),
        (deactivate, "permission_denied"),
        (require_password_change, "password_change_required"),
    ],
)
@both
def test_approver_who_loses_the_right_during_the_check_cannot_decide(
    how, change, code, till, manager, problem, monkeypatch
):
    approval = request_approval(till)
    before = snapshot_approval(approval)
    check = approvals.identify_approver

    def check_and_change(*args):
        by = check(*args)
        with across_tenants():
            change(manager)
        return by

    monkeypatch.setattr(approvals, "identify_approver", check_and_change)

    problem(decide(till, approval, how, MINE), 403, code)

    assert snapshot_approval(approval) == before

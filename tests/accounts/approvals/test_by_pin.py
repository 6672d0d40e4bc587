"""Approve with a manager's PIN, only at the terminal that requested the approval."""

import pytest

from accounts.models import AuthSession, Posting
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.approvals import (
    both,
    decide,
    list_approval_event_names,
    list_approval_events,
    request_approval,
    snapshot_approval,
)
from tests.support.terminals import PIN, WRONG_PIN, PairedTerminal, give_pin
from tests.support.users import LOG_IN, build_credentials, count_sessions


@pytest.fixture
def till(pin_pad, cashier):
    """Return a client of the cashier, logged in by PIN at the terminal."""
    give_pin(cashier)
    return pin_pad.till_of(cashier)


@pytest.fixture
def other_till(cashier, manager, store):
    return PairedTerminal(RegisterFactory(tenant=store.tenant, store=store), manager).till_of(
        cashier
    )


@pytest.fixture
def manager_with_pin(manager):
    return with_pin(manager)


def with_pin(user):
    give_pin(user)
    return user


def build_body(user, digits=PIN):
    return {"user": str(user.pk), "pin": digits}


@both
def test_manager_pin_at_the_cashiers_terminal_decides_without_a_login(
    till, manager_with_pin, shop, how
):
    approval = request_approval(till)
    before = count_sessions()

    answer = decide(till, approval, how, build_body(manager_with_pin))

    assert answer.status_code == 200
    assert answer.json()["decided_by"]["id"] == str(manager_with_pin.pk)
    assert list_approval_events(shop)[-1].actor == manager_with_pin.pk
    assert count_sessions() == before
    assert till.get("auth/me/").json()["username"] == "c1"
    with tenant_scope(shop):
        assert not AuthSession.objects.filter(user=manager_with_pin).exists()


@both
def test_manager_takes_over_the_terminal_decides_and_the_cashier_returns(
    pin_pad, till, cashier, manager_with_pin, how
):
    """The manager does not have to enter credentials in the cashier's session."""
    approval = request_approval(till)

    answer = decide(pin_pad.till_of(manager_with_pin), approval, how)

    assert answer.status_code == 200
    again = pin_pad.till_of(cashier).get(f"approvals/{approval['id']}/")
    assert again.json() == answer.json()


@both
def test_pin_is_accepted_only_at_the_requesting_terminal(
    till, other_till, client_of, cashier, manager_with_pin, problem, how
):
    here, elsewhere = request_approval(till), request_approval(client_of(cashier))
    before = [snapshot_approval(here), snapshot_approval(elsewhere)]

    for person, approval in [
        (other_till, here),
        (client_of(cashier), here),
        (client_of(cashier), elsewhere),
        (till, elsewhere),
    ]:
        answer = decide(person, approval, how, build_body(manager_with_pin))
        problem(answer, 400, "invalid", {"pin": "not_at_a_terminal"})

    assert [snapshot_approval(here), snapshot_approval(elsewhere)] == before


def test_wrong_pins_and_users_get_the_same_error_and_are_recorded(
    till, manager_with_pin, shop, foreign, problem
):
    without = UserFactory(tenant=shop, manager=True)
    gone = with_pin(UserFactory(tenant=shop, manager=True, is_active=False))
    elsewhere = with_pin(UserFactory(tenant=shop, manager=True))
    with tenant_scope(shop):
        Posting(user=elsewhere, store=StoreFactory(tenant=shop)).save(force_insert=True)
    theirs = with_pin(foreign.manager)
    approval = request_approval(till)
    before = snapshot_approval(approval)

    for given in [
        build_body(manager_with_pin, WRONG_PIN),
        *(build_body(person) for person in (without, gone, elsewhere, theirs)),
    ]:
        problem(decide(till, approval, body=given), 401, "invalid_credentials")

    assert snapshot_approval(approval) == before
    assert list_approval_event_names(shop) == ["approval_requested"] + ["approval_failed"] * 5


def test_attack_120_cashier_pin_cannot_decide(till, cashier, other_cashier, problem):
    approval = request_approval(till)
    before = snapshot_approval(approval)

    for person in (cashier, with_pin(other_cashier)):
        problem(decide(till, approval, body=build_body(person)), 403, "permission_denied")

    assert snapshot_approval(approval) == before


def test_attack_120_requesters_own_pin_cannot_decide(pin_pad, manager_with_pin, problem):
    till = pin_pad.till_of(manager_with_pin)
    approval = request_approval(till)

    problem(decide(till, approval, body=build_body(manager_with_pin)), 403, "own_request")

    assert snapshot_approval(approval)["status"] == "pending"


def test_attack_122_five_wrong_pins_lock_only_that_users_pin(
    till, client_of, manager_with_pin, admin, anonymous, problem, shop
):
    approval = request_approval(till)
    for _ in range(5):
        problem(
            decide(till, approval, body=build_body(manager_with_pin, WRONG_PIN)),
            401,
            "invalid_credentials",
        )

    problem(decide(till, approval, body=build_body(manager_with_pin)), 429, "pin_closed")
    assert snapshot_approval(approval)["status"] == "pending"
    # Other approvers are not locked at this terminal, and the manager can log in elsewhere.
    assert decide(till, approval, body=build_body(with_pin(admin))).status_code == 200
    assert anonymous.post(LOG_IN, build_credentials(username="mgr")).status_code == 200


def test_attack_122_password_decides_while_the_pin_is_locked(till, manager_with_pin):
    approval = request_approval(till)
    for _ in range(6):
        decide(till, approval, body=build_body(manager_with_pin, WRONG_PIN))

    answer = decide(till, approval, body={"username": "mgr", "password": PASSWORD})

    assert answer.status_code == 200

"""Simultaneous decisions and uses of one approval take effect once."""

from decimal import Decimal

import pytest

from accounts.exceptions import ApprovalNotPending
from accounts.models import Approval
from accounts.services import approvals
from accounts.services.approvals import consume_approval
from tenants.scope import tenant_context, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.approvals import (
    decide,
    grant_approval,
    list_approval_event_names,
    reload_approval,
    request_approval,
    snapshot_approval,
)
from tests.support.parallel import run_concurrently, run_times, statuses

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


@pytest.fixture
def manager_clients(shop, client_of):
    return [client_of(UserFactory(tenant=shop, manager=True)) for _ in range(8)]


def test_one_of_many_simultaneous_decisions_succeeds(till, manager_clients, shop):
    approval = request_approval(till)
    hows = ["approve", "deny"] * 4

    answers = run_concurrently(
        [
            lambda manager_client=manager_client, how=how: decide(manager_client, approval, how)
            for manager_client, how in zip(manager_clients, hows, strict=True)
        ]
    )

    assert statuses(answers) == {200: 1, 409: 7}
    (answer,) = (each.json() for each in answers if each.status_code == 200)
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["code"] for each in refused} == {"approval_not_pending"}
    assert {each["approval_status"] for each in refused} == {answer["status"]}
    assert snapshot_approval(approval)["status"] == answer["status"]
    assert str(snapshot_approval(approval)["decided_by_id"]) == answer["decided_by"]["id"]
    decided = {"approved": "approval_given", "denied": "approval_denied"}[answer["status"]]
    assert list_approval_event_names(shop) == ["approval_requested", decided]


def test_attack_118_one_of_many_simultaneous_uses_succeeds(till, manager_clients, shop, cashier):
    approval = grant_approval(manager_clients[0], request_approval(till, "refund", amount="10.00"))
    order = Approval.Action.REFUND, {"order": snapshot_approval(approval)["object"]["order"]}

    def spend():
        with tenant_scope(shop):
            return consume_approval(
                approval["id"],
                action=order[0],
                object=order[1],
                amount=Decimal("10.00"),
                method="original",
                by=cashier,
                terminal_id=None,
            ).decided_by

    outcomes = run_times(10, spend)

    assert statuses(outcomes)["ApprovalNotValid"] == 9
    assert list_approval_event_names(shop) == [
        "approval_requested",
        "approval_given",
        "approval_used",
    ]


def test_decision_with_an_outdated_instance_is_refused(till, manager_clients, shop):
    approval = request_approval(till)
    read_before = reload_approval(approval)
    grant_approval(manager_clients[0], approval)
    before = snapshot_approval(approval)

    with tenant_context(shop), pytest.raises(ApprovalNotPending):
        approvals.decide(
            read_before, Approval.Status.DENIED, session=manager_clients[1].session, ip=None
        )

    assert snapshot_approval(approval) == before

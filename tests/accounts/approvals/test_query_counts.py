"""Statement counts and query plans of approvals."""

import pytest

from tests.factories.accounts import PASSWORD, ApprovalFactory, UserFactory
from tests.support.approvals import (
    APPROVALS,
    build_request,
    decide,
    log_in_at_register,
    request_approval,
)
from tests.support.query_plans import (
    MINUTES,
    SINCE,
    analyze,
    explain_pages,
    for_both_pages,
    multiply_rows,
)
from tests.support.terminals import PIN, give_pin

# The user, the shop and the session are loaded in one statement.
SESSION = 1
# Create the rows of the rate-limit counters, lock them, update them.
COUNT = 3


@pytest.fixture
def till(cashier, register):
    return log_in_at_register(cashier, register)


def test_creating_a_request_takes_three_statements(till, statements):
    body = build_request()

    with statements(SESSION + 3):
        assert till.post(APPROVALS, body).status_code == 201


@pytest.mark.parametrize("how", ["approve", "deny"])
def test_decision_from_the_approvers_session_takes_five_statements(
    till, manager_client, how, statements
):
    """The request; then the approver as stored now, the decision, the request, the audit event."""
    approval = request_approval(till)

    with statements(SESSION + 1 + 4):
        assert decide(manager_client, approval, how).status_code == 200


def test_decision_by_password_adds_the_statements_of_a_credential_check(till, manager, statements):
    """Count the attempt, load the user, reset the count; no session is created."""
    approval = request_approval(till)

    with statements(SESSION + 1 + COUNT + 1 + COUNT + 4):
        body = {"username": "mgr", "password": PASSWORD}
        assert decide(till, approval, body=body).status_code == 200


def test_decision_by_pin_also_loads_the_terminal(till, manager, statements):
    approval = request_approval(till)
    give_pin(manager)
    body = {"user": str(manager.pk), "pin": PIN}

    with statements(SESSION + 1 + 1 + 1 + COUNT + COUNT + 4):
        assert decide(till, approval, body=body).status_code == 200


@pytest.mark.parametrize("count", [1, 30])
def test_list_takes_one_statement_for_any_length(manager_client, shop, count, statements):
    for _ in range(count):
        ApprovalFactory(requested_by=UserFactory(tenant=shop))

    with statements(SESSION + 1):
        assert len(manager_client.get(APPROVALS).json()["results"]) == count


def test_detail_takes_one_statement(till, statements):
    approval = request_approval(till)

    with statements(SESSION + 1):
        assert till.get(f"{APPROVALS}{approval['id']}/").status_code == 200


# --- plans -------------------------------------------------------------------------------------


@pytest.fixture
def many(cashier, foreign):
    for row in (
        ApprovalFactory(requested_by=cashier),
        ApprovalFactory(requested_by=foreign.cashier),
    ):
        multiply_rows(row, created_at=MINUTES, updated_at=MINUTES)
    analyze(type(row))


@pytest.mark.postgres
@pytest.mark.usefixtures("many")
def test_lists_of_managers_use_the_time_index(manager_client):
    expected = [
        ({}, {"approval_by_time"}),
        ({"ordering": "created_at"}, {"approval_by_time"}),
        ({"status": "pending"}, {"approval_by_time"}),
        ({"action": "discount"}, {"approval_by_time"}),
        (SINCE, {"approval_updated"}),
    ]

    found = explain_pages(
        manager_client, APPROVALS, "accounts_approval", [query for query, _ in expected]
    )

    assert found == for_both_pages(expected)


@pytest.mark.postgres
@pytest.mark.usefixtures("many")
def test_list_of_a_cashier_uses_an_index_without_a_full_sort(till, shop):
    """One of many cashiers; rows of the same time may be sorted incrementally."""
    colleague = ApprovalFactory(requested_by=UserFactory(tenant=shop))
    multiply_rows(colleague, created_at=MINUTES, updated_at=MINUTES)
    analyze(type(colleague))

    found = explain_pages(till, APPROVALS, "accounts_approval", [{}])

    assert all(walk & {"approval_asked", "approval_by_time"} for walk in found.values())
    assert not any("Sort" in walk or "Seq Scan" in walk for walk in found.values())

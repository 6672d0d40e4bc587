"""How often the database is asked for approvals, and that a long list stays quick."""

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

# Whoever asks is found in one statement, with shop and session.
SESSION = 1
# Make the rows of the counts, lock them, write them.
COUNT = 3


@pytest.fixture
def till(cashier, register):
    return log_in_at_register(cashier, register)


@pytest.fixture
def manager_client(manager, client_of):
    return client_of(manager)


def test_asking_writes_the_request_and_the_books_and_shows_it(till, statements):
    body = build_request()

    with statements(SESSION + 3):
        assert till.post(APPROVALS, body).status_code == 201


@pytest.mark.parametrize("how", ["approve", "deny"])
def test_a_decision_of_ones_own_looks_twice_and_writes_twice(till, manager_client, how, statements):
    """The request; then who decides as they are now, the decision, the request, the books."""
    approval = request_approval(till)

    with statements(SESSION + 1 + 4):
        assert decide(manager_client, approval, how).status_code == 200


def test_by_a_password_it_is_that_of_a_log_in_more(till, manager, statements):
    """Counted, the person, forgiven; no session."""
    approval = request_approval(till)

    with statements(SESSION + 1 + COUNT + 1 + COUNT + 4):
        body = {"username": "mgr", "password": PASSWORD}
        assert decide(till, approval, body=body).status_code == 200


def test_by_a_pin_it_is_the_terminal_more(till, manager, statements):
    approval = request_approval(till)
    give_pin(manager)
    body = {"user": str(manager.pk), "pin": PIN}

    with statements(SESSION + 1 + 1 + 1 + COUNT + COUNT + 4):
        assert decide(till, approval, body=body).status_code == 200


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_is_one_statement_however_long(manager_client, shop, count, statements):
    for _ in range(count):
        ApprovalFactory(requested_by=UserFactory(tenant=shop))

    with statements(SESSION + 1):
        assert len(manager_client.get(APPROVALS).json()["results"]) == count


def test_so_is_one_of_them(till, statements):
    approval = request_approval(till)

    with statements(SESSION + 1):
        assert till.get(f"{APPROVALS}{approval['id']}/").status_code == 200


# --- plans ---------------------------------------------------------------------------------------


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
def test_managers_walk_all_of_them_by_time(manager_client):
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
def test_cashiers_walk_their_own(till, shop):
    """Of one of many cashiers; those of the same moment are put in order."""
    colleague = ApprovalFactory(requested_by=UserFactory(tenant=shop))
    multiply_rows(colleague, created_at=MINUTES, updated_at=MINUTES)
    analyze(type(colleague))

    found = explain_pages(till, APPROVALS, "accounts_approval", [{}])

    assert all(walk & {"approval_asked", "approval_by_time"} for walk in found.values())
    assert not any("Sort" in walk or "Seq Scan" in walk for walk in found.values())

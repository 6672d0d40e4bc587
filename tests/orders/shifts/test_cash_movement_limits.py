"""Limits of paid-outs and drops apply to sums."""

import pytest

from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.approvals import grant_approval, request_approval
from tests.support.order_approvals import approve
from tests.support.shifts import open_shift, record_movement
from tests.support.till import new_id

pytestmark = pytest.mark.django_db


EACH_WAY_OUT = pytest.mark.parametrize("type", ["paid_out", "drop"])


@EACH_WAY_OUT
def test_cash_movement_limit_applies_to_the_sum_of_a_shift(
    type, till, manager_client, tills, set_limits, refused_by_limit
):
    """600 is refused, and so is 250 three times, for cashiers and managers with a limit."""
    limit = f"{type}_amount"
    set_limits(cashier={limit: "500"}, manager={limit: "500"})
    shift = open_shift(till, "5000.00")
    for person in (till, manager_client):
        refused_by_limit(lambda person=person: record_movement(person, shift, type, "500.01"))
        for _ in range(2):
            assert record_movement(person, shift, type, "250.00").status_code == 201
        answer = refused_by_limit(
            lambda person=person: record_movement(person, shift, type, "0.01")
        )
        assert answer["action"] == type
        assert answer["object"] == {"shift": shift["id"]}
        assert (answer["amount"], "method" in answer) == ("0.01", False)
    other_type = open_shift(tills[0], "5000.00")
    assert record_movement(manager_client, other_type, type, "500.00").status_code == 201


def test_paid_out_and_drop_have_separate_sums(till, set_limits):
    set_limits(cashier={"paid_out_amount": "500"})
    shift = open_shift(till, "5000.00")

    for type in ("paid_out", "drop"):
        assert record_movement(till, shift, type, "500.00").status_code == 201
    assert record_movement(till, shift, "paid_in", "9000.00").status_code == 201
    assert record_movement(till, shift, "no_sale").status_code == 201


def test_default_drop_limits_of_cashier_and_manager(till, manager_client, refused_by_limit):
    shift = open_shift(till, "5000.00")
    assert record_movement(till, shift, "drop", "500.00").status_code == 201
    refused_by_limit(lambda: record_movement(till, shift, "drop", "0.01"))

    assert record_movement(manager_client, shift, "drop", "4500.00").status_code == 201


@EACH_WAY_OUT
def test_cash_movement_needs_an_approval_of_its_own_type_shift_and_amount(
    type, till, manager_client, shop, set_limits, refused_by_limit
):
    set_limits(cashier={"drop_amount": "0"}, manager={"drop_amount": "500"})
    shift = open_shift(till, "5000.00")
    other_type = {"paid_out": "drop", "drop": "paid_out"}[type]
    approval_for = {"object": {"shift": shift["id"]}, "amount": "400.00"}
    for other_approval in (
        grant_approval(manager_client, request_approval(till, other_type, **approval_for)),
        grant_approval(
            manager_client,
            request_approval(till, type, **approval_for | {"object": {"shift": new_id()}}),
        ),
        grant_approval(
            manager_client, request_approval(till, type, **approval_for | {"amount": "399.99"})
        ),
    ):
        call = lambda other_approval=other_approval: record_movement(  # noqa: E731
            till, shift, type, "400.00", approval=other_approval["id"]
        )
        refused_by_limit(call, "approval_not_valid")

    answer = refused_by_limit(lambda: record_movement(till, shift, type, "400.00"))
    approval = approve(answer, till, manager_client)
    done = record_movement(till, shift, type, "400.00", approval=approval)

    assert done.status_code == 201
    assert done.json()["approved_by"] == str(manager_client.user.pk)
    refused_by_limit(lambda: record_movement(manager_client, shift, type, "100.01"))
    assert record_movement(manager_client, shift, type, "100.00").status_code == 201
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="approval_used")
    assert event.facts["action"] == type


def test_approval_of_a_drop_above_the_own_limit_is_refused(
    till, manager_client, set_limits, problem
):
    set_limits(manager={"drop_amount": "600"})
    request = request_approval(till, "drop", object={"shift": new_id()}, amount="600.01")

    problem(manager_client.post(f"approvals/{request['id']}/approve/"), 403, "above_own_limit")

"""Several people decide, or one approval is used, at the same moment: it happens once."""

from decimal import Decimal

import pytest

from accounts.exceptions import ApprovalNotPending
from accounts.models import Approval
from accounts.services import approvals
from accounts.services.approvals import use_approval
from tenants.scope import tenant_context, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.approvals import asked, decide, given, kept, names, stored
from tests.support.parallel import at_once, statuses, times

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


@pytest.fixture
def chiefs(shop, client_of):
    return [client_of(UserFactory(tenant=shop, manager=True)) for _ in range(8)]


def test_of_many_who_decide_at_once_one_does(till, chiefs, shop):
    approval = asked(till)
    hows = ["approve", "deny"] * 4

    answers = at_once(
        [
            lambda chief=chief, how=how: decide(chief, approval, how)
            for chief, how in zip(chiefs, hows, strict=True)
        ]
    )

    assert statuses(answers) == {200: 1, 409: 7}
    (answer,) = (each.json() for each in answers if each.status_code == 200)
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["code"] for each in refused} == {"approval_not_pending"}
    assert {each["approval_status"] for each in refused} == {answer["status"]}
    assert kept(approval)["status"] == answer["status"]
    assert str(kept(approval)["decided_by_id"]) == answer["decided_by"]["id"]
    decided = {"approved": "approval_given", "denied": "approval_denied"}[answer["status"]]
    assert names(shop) == ["approval_requested", decided]


def test_118_of_many_deeds_at_once_one_uses_it(till, chiefs, shop, cashier):
    approval = given(chiefs[0], asked(till, "refund", amount="10.00"))
    order = Approval.Action.REFUND, {"order": kept(approval)["object"]["order"]}

    def spend():
        with tenant_scope(shop):
            return use_approval(
                approval["id"],
                action=order[0],
                object=order[1],
                amount=Decimal("10.00"),
                method="original",
                by=cashier,
                terminal_id=None,
            )

    outcomes = times(10, spend)

    assert statuses(outcomes)["ApprovalNotValid"] == 9
    assert names(shop) == ["approval_requested", "approval_given", "approval_used"]


def test_a_decision_from_an_older_reading_changes_nothing(till, chiefs, shop):
    approval = asked(till)
    read_before = stored(approval)
    given(chiefs[0], approval)
    before = kept(approval)

    with tenant_context(shop), pytest.raises(ApprovalNotPending):
        approvals.decide(read_before, Approval.Status.DENIED, session=chiefs[1].session, ip=None)

    assert kept(approval) == before

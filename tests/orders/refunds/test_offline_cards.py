"""Refunds of cards charged offline, which the gateway does not know."""

import pytest

from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import (
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.till import card, cash

pytestmark = pytest.mark.django_db


@pytest.fixture
def card_sale(till, make_product, gateway):
    """Return an offline sale of 5.00: 2.00 in cash, then 3.00 by an unverified card."""
    payments = [cash("2.00"), card("3.00", reference="terminal 7")]
    return upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product(), quantity="2"), payments=payments),
    )


@pytest.mark.parametrize("way", [{}, {"amount": "3.00"}])
def test_offline_card_is_not_refunded_to_the_card_and_other_methods_are_listed(
    way, manager_client, card_sale, gateway, shop, problem
):
    before = snapshot_refund_rows(shop)

    refusal = problem(request_refund(manager_client, card_sale, **way), 409, "card_not_ours")

    assert snapshot_refund_rows(shop) == before
    assert gateway.refunds == []
    assert refusal["payments"] == [card_sale["payments"][1]["id"]]
    assert refusal["methods"] == ["cash", "voucher", "store_credit", "other"]


@pytest.mark.parametrize("method", ["cash", "other"])
def test_offline_card_is_refunded_by_another_method(method, admin, card_sale, gateway, shop):
    refund = create_refund(Person(admin), card_sale, method=method)

    assert (refund["status"], refund["total"]) == ("done", "5.00")
    assert {each["method"] for each in refund["payouts"]} == {method}
    assert gateway.refunds == []
    ensure_refunds_consistent(shop)


def test_offline_card_refund_in_cash_needs_approval_of_an_admin(
    till, manager_client, admin, card_sale, gateway, shop, problem
):
    """The charge of the card is not confirmed, so a manager needs approval too."""
    assert card_sale["flags"] == ["card_unverified"]
    before = snapshot_refund_rows(shop)
    for person in (till, manager_client):
        refusal = problem(
            request_refund(person, card_sale, method="cash"), 403, "approval_required"
        )
        assert (refusal["action"], refusal["amount"]) == ("refund", "5.00")
    assert snapshot_refund_rows(shop) == before
    requested = {name: refusal[name] for name in ("action", "object", "amount", "method")}
    approval = grant_approval(Person(admin), request_approval(manager_client, **requested))["id"]

    refund = create_refund(manager_client, card_sale, method="cash", approval=approval)

    assert (refund["status"], refund["approved_by"]) == ("done", str(admin.pk))
    ensure_refunds_consistent(shop)


def test_refund_covered_by_cash_is_paid_in_cash(till, manager_client, make_product, gateway, shop):
    payments = [card("3.00"), cash("2.00")]
    order = upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product(), quantity="2"), payments=payments),
    )

    refund = create_refund(manager_client, order, amount="2.00")

    assert [each["method"] for each in refund["payouts"]] == ["cash"]
    assert gateway.refunds == []
    ensure_refunds_consistent(shop)


def test_online_card_is_refunded_by_the_gateway(till, manager_client, make_product, gateway):
    gateway.returns = [CAPTURED]
    sold = till.sold(build_offline_line(make_product()), payments=[card("2.50")])

    assert create_refund(manager_client, sold)["status"] == "done"
    assert len(gateway.refunds) == 1

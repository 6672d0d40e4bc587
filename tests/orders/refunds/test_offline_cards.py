"""A card that a till charged without a connection: our gateway never saw it, and is not asked."""

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
def by_card(till, make_product, gateway):
    """Two for 5.00: 2.00 in cash first, then 3.00 by a card terminal of its own."""
    payments = [cash("2.00"), card("3.00", reference="terminal 7")]
    return upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product(), quantity="2"), payments=payments),
    )


@pytest.mark.parametrize("way", [{}, {"amount": "3.00"}])
def test_it_goes_back_to_no_card_and_the_refusal_names_the_other_ways(
    way, manager_client, by_card, gateway, shop, problem
):
    before = snapshot_refund_rows(shop)

    told = problem(request_refund(manager_client, by_card, **way), 409, "card_not_ours")

    assert snapshot_refund_rows(shop) == before
    assert gateway.refunds == []
    assert told["payments"] == [by_card["payments"][1]["id"]]
    assert told["methods"] == ["cash", "voucher", "store_credit", "other"]


@pytest.mark.parametrize("method", ["cash", "other"])
def test_it_goes_back_by_hand(method, admin, by_card, gateway, shop):
    back = create_refund(Person(admin), by_card, method=method)

    assert (back["status"], back["total"]) == ("done", "5.00")
    assert {each["method"] for each in back["payouts"]} == {method}
    assert gateway.refunds == []
    ensure_refunds_consistent(shop)


def test_it_becomes_cash_only_with_a_second_person(
    till, manager_client, admin, by_card, gateway, shop, problem
):
    """Nobody has confirmed that the card was charged: a manager alone does not do."""
    assert by_card["flags"] == ["card_unverified"]
    before = snapshot_refund_rows(shop)
    for person in (till, manager_client):
        told = problem(request_refund(person, by_card, method="cash"), 403, "approval_required")
        assert (told["action"], told["amount"]) == ("refund", "5.00")
    assert snapshot_refund_rows(shop) == before
    about = {name: told[name] for name in ("action", "object", "amount", "method")}
    approval = grant_approval(Person(admin), request_approval(manager_client, **about))["id"]

    back = create_refund(manager_client, by_card, method="cash", approval=approval)

    assert (back["status"], back["approved_by"]) == ("done", str(admin.pk))
    ensure_refunds_consistent(shop)


def test_what_the_cash_of_it_covers_goes_back_in_cash(
    till, manager_client, make_product, gateway, shop
):
    payments = [card("3.00"), cash("2.00")]
    order = upload_one_booked(
        till,
        build_offline_sale(1, build_offline_line(make_product(), quantity="2"), payments=payments),
    )

    back = create_refund(manager_client, order, amount="2.00")

    assert [each["method"] for each in back["payouts"]] == ["cash"]
    assert gateway.refunds == []
    ensure_refunds_consistent(shop)


def test_a_card_of_a_sale_with_a_connection_goes_back_by_the_gateway(
    till, manager_client, make_product, gateway
):
    gateway.returns = [CAPTURED]
    sold = till.sold(build_offline_line(make_product()), payments=[card("2.50")])

    assert create_refund(manager_client, sold)["status"] == "done"
    assert len(gateway.refunds) == 1

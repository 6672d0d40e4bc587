"""A card that a till charged without a connection: our gateway never saw it, and is not asked."""

import pytest

from tests.support.api import Person
from tests.support.approvals import asked, given
from tests.support.gateway import CAPTURED
from tests.support.offline import booked_one, charged, sale
from tests.support.refunds import ensure_sound, everything, refund, refunded
from tests.support.till import card, cash

pytestmark = pytest.mark.django_db


@pytest.fixture
def by_card(till, goods, gateway):
    """Two for 5.00: 2.00 in cash first, then 3.00 by a card terminal of its own."""
    payments = [cash("2.00"), card("3.00", reference="terminal 7")]
    return booked_one(till, sale(1, charged(goods(), quantity="2"), payments=payments))


@pytest.mark.parametrize("way", [{}, {"amount": "3.00"}])
def test_it_goes_back_to_no_card_and_the_refusal_names_the_other_ways(
    way, chief, by_card, gateway, shop, problem
):
    before = everything(shop)

    told = problem(refund(chief, by_card, **way), 409, "card_not_ours")

    assert everything(shop) == before
    assert gateway.refunds == []
    assert told["payments"] == [by_card["payments"][1]["id"]]
    assert told["methods"] == ["cash", "voucher", "store_credit", "other"]


@pytest.mark.parametrize("method", ["cash", "other"])
def test_it_goes_back_by_hand(method, admin, by_card, gateway, shop):
    back = refunded(Person(admin), by_card, method=method)

    assert (back["status"], back["total"]) == ("done", "5.00")
    assert {each["method"] for each in back["payouts"]} == {method}
    assert gateway.refunds == []
    ensure_sound(shop)


def test_it_becomes_cash_only_with_a_second_person(
    till, chief, admin, by_card, gateway, shop, problem
):
    """Nobody has confirmed that the card was charged: a manager alone does not do."""
    assert by_card["flags"] == ["card_unverified"]
    before = everything(shop)
    for person in (till, chief):
        told = problem(refund(person, by_card, method="cash"), 403, "approval_required")
        assert (told["action"], told["amount"]) == ("refund", "5.00")
    assert everything(shop) == before
    about = {name: told[name] for name in ("action", "object", "amount", "method")}
    approval = given(Person(admin), asked(chief, **about))["id"]

    back = refunded(chief, by_card, method="cash", approval=approval)

    assert (back["status"], back["approved_by"]) == ("done", str(admin.pk))
    ensure_sound(shop)


def test_what_the_cash_of_it_covers_goes_back_in_cash(till, chief, goods, gateway, shop):
    payments = [card("3.00"), cash("2.00")]
    order = booked_one(till, sale(1, charged(goods(), quantity="2"), payments=payments))

    back = refunded(chief, order, amount="2.00")

    assert [each["method"] for each in back["payouts"]] == ["cash"]
    assert gateway.refunds == []
    ensure_sound(shop)


def test_a_card_of_a_sale_with_a_connection_goes_back_by_the_gateway(till, chief, goods, gateway):
    gateway.returns = [CAPTURED]
    sold = till.sold(charged(goods()), payments=[card("2.50")])

    assert refunded(chief, sold)["status"] == "done"
    assert len(gateway.refunds) == 1

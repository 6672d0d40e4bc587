"""When cards decline what goes back to them: all of it, or one part of several."""

import pytest

from tenants.scope import tenant_scope
from tests.orders.drawers import close, opened
from tests.orders.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.orders.refunds import ensure_sound, everything, refund, refunded, resolve_refund
from tests.orders.till import card, line


@pytest.fixture
def by_card(till, goods, gateway):
    """Two for 5.00, paid by card."""
    return till.sold(line(goods("2.50"), "2"), payments=[card("5.00")])


@pytest.fixture
def by_two_cards(till, goods, gateway):
    """Two for 5.01, of which two cards paid 3.00 and 2.01."""
    return till.sold(line(goods("5.01")), payments=[card("3.00"), card("2.01")])


def statuses(shown):
    return shown["status"], [each["status"] for each in shown["payouts"]]


def test_where_all_cards_decline_nothing_has_happened(chief, by_two_cards, gateway, shop):
    gateway.returns = [DECLINED, DECLINED]

    failed = refunded(chief, by_two_cards)

    assert statuses(failed) == ("failed", ["declined", "declined"])
    assert chief.get(f"orders/{by_two_cards['id']}/").json()["refunded_total"] == "0.00"
    ensure_sound(shop)


def test_what_one_of_two_cards_declined_goes_back_the_way_that_a_manager_names(
    till, chief, by_two_cards, gateway, shop, shop_in, problem
):
    """Nothing more is true before: the rest is owed, and no cash has left the drawer."""
    shop_in(cash_rounding_increment="0.05")
    shift = opened(till, "100.00")
    gateway.returns = [DECLINED, CAPTURED]
    pending = refunded(chief, by_two_cards)
    assert statuses(pending) == ("pending", ["declined", "done"])
    assert pending["receipt_number"] is None
    before = everything(shop)

    told = problem(resolve_refund(chief, pending), 409, "payout_declined")
    problem(refund(chief, by_two_cards), 409, "illegal_transition")
    problem(
        resolve_refund(chief, pending, method="card"), 400, "invalid", {"method": "invalid_choice"}
    )
    problem(close(chief, shift, "100.00"), 409, "payments_unclear")

    assert told["payouts"] == [pending["payouts"][0]["id"]]
    assert everything(shop) == before

    done = resolve_refund(chief, pending, method="cash").json()

    assert statuses(done) == ("done", ["done", "done"])
    assert [(each["method"], each["paid"]) for each in done["payouts"]] == [
        ("cash", "2.00"),
        ("card", "3.00"),
    ]
    assert (done["total"], done["cash_rounding"]) == ("5.01", "-0.01")
    assert close(chief, shift, "98.00").status_code == 200
    ensure_sound(shop)


def test_or_onto_store_credit(chief, by_two_cards, gateway, shop):
    gateway.returns = [CAPTURED, DECLINED]
    pending = refunded(chief, by_two_cards)

    done = resolve_refund(chief, pending, method="store_credit", reference="GIFT-1").json()

    assert statuses(done) == ("done", ["done", "done"])
    (credit,) = chief.get("store-credits/", {"code": "GIFT-1"}).json()["results"]
    assert credit["balance"] == "3.00"
    ensure_sound(shop)


def test_cashiers_resolve_nothing(till, chief, by_card, gateway, shop, problem):
    gateway.returns = [TIMED_OUT]
    pending = refunded(chief, by_card)
    before = everything(shop)

    problem(resolve_refund(till, pending, method="cash"), 403, "permission_denied")

    assert everything(shop) == before


def test_what_is_settled_is_not_looked_up(chief, by_card, gateway, shop, problem):
    done = refunded(chief, by_card)
    before = everything(shop)

    assert problem(resolve_refund(chief, done), 409, "refund_settled")["refund_status"] == "done"
    assert everything(shop) == before


def test_goods_come_back_once_the_gateway_has_answered(chief, by_card, gateway, shop, store):
    gateway.returns = [TIMED_OUT]
    with tenant_scope(shop):
        product = by_card["lines"][0]["product"]
    pending = refunded(chief, by_card)
    assert pending["status"] == "pending"
    resolve_refund(chief, pending)
    levels = chief.get("stock/", {"product": product}).json()["results"]
    assert [each["quantity"] for each in levels] == ["10"]

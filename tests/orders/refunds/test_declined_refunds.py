"""When cards decline what goes back to them: all of it, or one part of several."""

import pytest

from orders.models import ChainEntry, Payout
from orders.services.refunds import payouts
from tenants.scope import tenant_scope
from tests.factories.orders import StoreCreditFactory
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.refunds import (
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    resolve_refund,
    snapshot_refund_rows,
)
from tests.support.reports import fetch_report
from tests.support.shifts import close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, line


@pytest.fixture
def by_card(till, make_product, gateway):
    """Two for 5.00, paid by card."""
    return till.sold(line(make_product("2.50"), "2"), payments=[card("5.00")])


@pytest.fixture
def by_two_cards(till, make_product, gateway):
    """Two for 5.01, of which two cards paid 3.00 and 2.01."""
    return till.sold(line(make_product("5.01")), payments=[card("3.00"), card("2.01")])


def statuses(shown):
    return shown["status"], [each["status"] for each in shown["payouts"]]


def test_where_all_cards_decline_nothing_has_happened(manager_client, by_two_cards, gateway, shop):
    gateway.returns = [DECLINED, DECLINED]

    failed = create_refund(manager_client, by_two_cards)

    assert statuses(failed) == ("failed", ["declined", "declined"])
    assert manager_client.get(f"orders/{by_two_cards['id']}/").json()["refunded_total"] == "0.00"
    ensure_refunds_consistent(shop)


def test_what_one_of_two_cards_declined_goes_back_the_way_that_a_manager_names(
    till, manager_client, by_two_cards, gateway, shop, configure_shop, problem
):
    """Nothing more is true before: the rest is owed, and no cash has left the drawer."""
    configure_shop(cash_rounding_increment="0.05")
    shift = open_shift(till, "100.00")
    gateway.returns = [DECLINED, CAPTURED]
    pending = create_refund(manager_client, by_two_cards)
    assert statuses(pending) == ("pending", ["declined", "done"])
    assert pending["receipt_number"] is None
    before = snapshot_refund_rows(shop)

    told = problem(resolve_refund(manager_client, pending), 409, "payout_declined")
    problem(request_refund(manager_client, by_two_cards), 409, "illegal_transition")
    problem(
        resolve_refund(manager_client, pending, method="card"),
        400,
        "invalid",
        {"method": "invalid_choice"},
    )
    problem(close_shift(manager_client, shift, "100.00"), 409, "payments_unclear")

    assert told["payouts"] == [pending["payouts"][0]["id"]]
    assert snapshot_refund_rows(shop) == before

    done = resolve_refund(manager_client, pending, method="cash").json()

    assert statuses(done) == ("done", ["done", "done"])
    assert [(each["method"], each["paid"]) for each in done["payouts"]] == [
        ("cash", "2.00"),
        ("card", "3.00"),
    ]
    assert (done["total"], done["cash_rounding"]) == ("5.01", "-0.01")
    assert close_shift(manager_client, shift, "98.00").status_code == 200
    ensure_refunds_consistent(shop)


def test_or_onto_store_credit(manager_client, by_two_cards, gateway, shop):
    gateway.returns = [CAPTURED, DECLINED]
    StoreCreditFactory(tenant=shop, code="GIFT-1", balance=0)
    pending = create_refund(manager_client, by_two_cards)
    wrong = resolve_refund(manager_client, pending, method="store_credit", reference="GIFT-2")
    assert wrong.json()["code"] == "insufficient_store_credit"

    done = resolve_refund(manager_client, pending, method="store_credit", reference="GIFT-1").json()

    assert statuses(done) == ("done", ["done", "done"])
    (credit,) = manager_client.get("store-credits/", {"code": "GIFT-1"}).json()["results"]
    assert credit["balance"] == "3.00"
    ensure_refunds_consistent(shop)


def test_cashiers_resolve_nothing(till, manager_client, by_card, gateway, shop, problem):
    gateway.returns = [TIMED_OUT]
    pending = create_refund(manager_client, by_card)
    before = snapshot_refund_rows(shop)

    problem(resolve_refund(till, pending, method="cash"), 403, "permission_denied")

    assert snapshot_refund_rows(shop) == before


def test_what_is_settled_is_not_looked_up(manager_client, by_card, gateway, shop, problem):
    done = create_refund(manager_client, by_card)
    before = snapshot_refund_rows(shop)

    assert (
        problem(resolve_refund(manager_client, done), 409, "refund_settled")["refund_status"]
        == "done"
    )
    assert snapshot_refund_rows(shop) == before


def test_goods_come_back_once_the_gateway_has_answered(
    manager_client, by_card, gateway, shop, store
):
    gateway.returns = [TIMED_OUT]
    with tenant_scope(shop):
        product = by_card["lines"][0]["product"]
    pending = create_refund(manager_client, by_card)
    assert pending["status"] == "pending"
    resolve_refund(manager_client, pending)
    levels = manager_client.get("stock/", {"product": product}).json()["results"]
    assert [each["quantity"] for each in levels] == ["10"]


# --- what did not happen --------------------------------------------------------------------------


@pytest.fixture
def standing(manager_client, shop):
    """`standing(order, shift)`: every figure that a refund changes, from wherever it is shown."""

    def look(order, shift):
        shown = manager_client.get(f"orders/{order['id']}/").json()
        kept = {name: value for name, value in shown.items() if name not in CHANGED}
        with tenant_scope(shop):
            sealed = list(ChainEntry.objects.order_by("sequence").values_list("content", "hash"))
        by_group = {
            group: fetch_report(manager_client, group_by=group)
            for group in ("tax", "method", "product")
        }
        return (
            fetch_shift_report(manager_client, shift),
            kept,
            sealed,
            by_group,
            manager_client.get("stock/").json()["results"],
        )

    return look


CHANGED = ("version", "refunds", "updated_at")
NOT_GIVEN_BACK = {"at once": [DECLINED], "when looked up": [TIMED_OUT, DECLINED]}


@pytest.fixture
def given_back_before(till, manager_client, make_product, gateway, configure_shop):
    """A shift with refunds that were given, so that no figure is zero, and an order with more."""
    configure_shop(cash_rounding_increment="0.05")
    shift, product = open_shift(till, "100.00"), make_product("14.83", stock="10")
    other = till.sold(line(product), payments=[cash("14.85")])
    order = till.sold(line(product), payments=[card("10.00"), cash("4.85")])
    create_refund(manager_client, other)
    create_refund(manager_client, order, amount="4.83", method="cash")
    return shift, order


@pytest.mark.parametrize("when", NOT_GIVEN_BACK)
def test_a_refund_that_the_card_declines_is_in_no_figure(
    when, manager_client, gateway, shop, given_back_before, standing
):
    shift, order = given_back_before
    before = standing(order, shift)
    x, shown = before[:2]
    assert (x["refunds"]["count"], x["refunds"]["cash_rounding"]) == (2, "0.04")
    assert {"0.00"}.isdisjoint([x["refunds"]["tax_total"], shown["tax_total"]])
    assert (shown["refunded_total"], shown["cash_rounding"]) == ("4.85", "0.02")

    gateway.returns = list(NOT_GIVEN_BACK[when])
    failed = create_refund(manager_client, order)
    if failed["status"] == "pending":
        assert fetch_shift_report(manager_client, shift) == x
        failed = resolve_refund(manager_client, failed).json()

    assert (failed["status"], failed["receipt_number"]) == ("failed", None)
    assert standing(order, shift) == before
    assert close_shift(manager_client, shift, x["cash"]["expected"]).status_code == 200
    z = fetch_shift_report(manager_client, shift, "z")
    assert {name: z[name] for name in x} == x
    ensure_refunds_consistent(shop)


def test_the_taxes_of_a_refund_that_failed_come_back_with_the_next(
    till, manager_client, make_product, gateway
):
    sold = till.sold(line(make_product("11.90")), payments=[card("11.90")])
    gateway.returns = [DECLINED]
    failed = create_refund(manager_client, sold, amount="5.95")

    done = create_refund(manager_client, sold)

    assert (failed["status"], done["status"]) == ("failed", "done")
    assert (done["total"], done["tax_total"]) == ("11.90", "1.90")
    (line_back,) = done["lines"]
    assert line_back["tax_total"] == "1.90"


def test_money_that_went_once_is_no_contradiction(
    till, manager_client, make_product, gateway, shop
):
    """Two ask for it at the same moment, and the gateway says to both that it went."""
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    def went_meanwhile(asked):
        with tenant_scope(shop):
            payouts.look_up_payout(Payout.objects.get(pk=asked.key), by=manager_client.user)
        return CAPTURED

    gateway.returns = [TIMED_OUT, went_meanwhile, CAPTURED]
    pending = create_refund(manager_client, sold)

    resolve_refund(manager_client, pending)

    assert (
        manager_client.get("audit/", {"event": "paid_out_after_declined"}).json()["results"] == []
    )
    assert till.shown(sold)["refunded_total"] == "2.50"

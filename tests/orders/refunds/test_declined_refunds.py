"""Refunds to cards that decline: completely, or one of several."""

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
def card_sale(till, make_product, gateway):
    """Return an order of 5.00 paid by card."""
    return till.sold(line(make_product("2.50"), "2"), payments=[card("5.00")])


@pytest.fixture
def two_card_sale(till, make_product, gateway):
    """Return an order of 5.01 paid by two cards, 3.00 and 2.01."""
    return till.sold(line(make_product("5.01")), payments=[card("3.00"), card("2.01")])


def all_statuses(shown):
    return shown["status"], [each["status"] for each in shown["payouts"]]


def test_refund_declined_by_all_cards_fails_and_changes_nothing(
    manager_client, two_card_sale, gateway, shop
):
    gateway.returns = [DECLINED, DECLINED]

    failed = create_refund(manager_client, two_card_sale)

    assert all_statuses(failed) == ("failed", ["declined", "declined"])
    assert manager_client.get(f"orders/{two_card_sale['id']}/").json()["refunded_total"] == "0.00"
    ensure_refunds_consistent(shop)


def test_payout_declined_by_one_of_two_cards_is_resolved_in_cash(
    till, manager_client, two_card_sale, gateway, shop, configure_shop, problem
):
    """Until then the refund is pending and no cash has left the drawer."""
    configure_shop(cash_rounding_increment="0.05")
    shift = open_shift(till, "100.00")
    gateway.returns = [DECLINED, CAPTURED]
    pending = create_refund(manager_client, two_card_sale)
    assert all_statuses(pending) == ("pending", ["declined", "done"])
    assert pending["receipt_number"] is None
    before = snapshot_refund_rows(shop)

    refusal = problem(resolve_refund(manager_client, pending), 409, "payout_declined")
    problem(request_refund(manager_client, two_card_sale), 409, "illegal_transition")
    problem(
        resolve_refund(manager_client, pending, method="card"),
        400,
        "invalid",
        {"method": "invalid_choice"},
    )
    problem(close_shift(manager_client, shift, "100.00"), 409, "payments_unclear")

    assert refusal["payouts"] == [pending["payouts"][0]["id"]]
    assert snapshot_refund_rows(shop) == before

    done = resolve_refund(manager_client, pending, method="cash").json()

    assert all_statuses(done) == ("done", ["done", "done"])
    assert [(each["method"], each["paid"]) for each in done["payouts"]] == [
        ("cash", "2.00"),
        ("card", "3.00"),
    ]
    assert (done["total"], done["cash_rounding"]) == ("5.01", "-0.01")
    assert close_shift(manager_client, shift, "98.00").status_code == 200
    ensure_refunds_consistent(shop)


def test_declined_payout_is_resolved_to_store_credit(manager_client, two_card_sale, gateway, shop):
    gateway.returns = [CAPTURED, DECLINED]
    StoreCreditFactory(tenant=shop, code="GIFT-1", balance=0)
    pending = create_refund(manager_client, two_card_sale)
    wrong = resolve_refund(manager_client, pending, method="store_credit", reference="GIFT-2")
    assert wrong.json()["code"] == "insufficient_store_credit"

    done = resolve_refund(manager_client, pending, method="store_credit", reference="GIFT-1").json()

    assert all_statuses(done) == ("done", ["done", "done"])
    (credit,) = manager_client.get("store-credits/", {"code": "GIFT-1"}).json()["results"]
    assert credit["balance"] == "3.00"
    ensure_refunds_consistent(shop)


def test_cashier_cannot_resolve_refunds(till, manager_client, card_sale, gateway, shop, problem):
    gateway.returns = [TIMED_OUT]
    pending = create_refund(manager_client, card_sale)
    before = snapshot_refund_rows(shop)

    problem(resolve_refund(till, pending, method="cash"), 403, "permission_denied")

    assert snapshot_refund_rows(shop) == before


def test_completed_refund_cannot_be_resolved(manager_client, card_sale, gateway, shop, problem):
    done = create_refund(manager_client, card_sale)
    before = snapshot_refund_rows(shop)

    assert (
        problem(resolve_refund(manager_client, done), 409, "refund_settled")["refund_status"]
        == "done"
    )
    assert snapshot_refund_rows(shop) == before


def test_pending_refund_restocks_when_the_gateway_confirms(
    manager_client, card_sale, gateway, shop, store
):
    gateway.returns = [TIMED_OUT]
    with tenant_scope(shop):
        product = card_sale["lines"][0]["product"]
    pending = create_refund(manager_client, card_sale)
    assert pending["status"] == "pending"
    resolve_refund(manager_client, pending)
    levels = manager_client.get("stock/", {"product": product}).json()["results"]
    assert [each["quantity"] for each in levels] == ["10"]


# --- failed refunds -------------------------------------------------------------------------------


@pytest.fixture
def snapshot_amounts(manager_client, shop):
    """`snapshot_amounts(order, shift)`: every amount that a refund changes."""

    def snapshot(order, shift):
        shown = manager_client.get(f"orders/{order['id']}/").json()
        unchanged = {name: value for name, value in shown.items() if name not in CHANGING_FIELDS}
        with tenant_scope(shop):
            chain = list(ChainEntry.objects.order_by("sequence").values_list("content", "hash"))
        by_group = {
            group: fetch_report(manager_client, group_by=group)
            for group in ("tax", "method", "product")
        }
        return (
            fetch_shift_report(manager_client, shift),
            unchanged,
            chain,
            by_group,
            manager_client.get("stock/").json()["results"],
        )

    return snapshot


CHANGING_FIELDS = ("version", "refunds", "updated_at")
DECLINES = {"at once": [DECLINED], "when looked up": [TIMED_OUT, DECLINED]}


@pytest.fixture
def shift_with_refunds(till, manager_client, make_product, gateway, configure_shop):
    """Return a shift with completed refunds and an order with more to refund."""
    configure_shop(cash_rounding_increment="0.05")
    shift, product = open_shift(till, "100.00"), make_product("14.83", stock="10")
    other = till.sold(line(product), payments=[cash("14.85")])
    order = till.sold(line(product), payments=[card("10.00"), cash("4.85")])
    create_refund(manager_client, other)
    create_refund(manager_client, order, amount="4.83", method="cash")
    return shift, order


@pytest.mark.parametrize("when", DECLINES)
def test_declined_refund_changes_no_amount(
    when, manager_client, gateway, shop, shift_with_refunds, snapshot_amounts
):
    shift, order = shift_with_refunds
    before = snapshot_amounts(order, shift)
    x, shown = before[:2]
    assert (x["refunds"]["count"], x["refunds"]["cash_rounding"]) == (2, "0.04")
    assert {"0.00"}.isdisjoint([x["refunds"]["tax_total"], shown["tax_total"]])
    assert (shown["refunded_total"], shown["cash_rounding"]) == ("4.85", "0.02")

    gateway.returns = list(DECLINES[when])
    failed = create_refund(manager_client, order)
    if failed["status"] == "pending":
        assert fetch_shift_report(manager_client, shift) == x
        failed = resolve_refund(manager_client, failed).json()

    assert (failed["status"], failed["receipt_number"]) == ("failed", None)
    assert snapshot_amounts(order, shift) == before
    assert close_shift(manager_client, shift, x["cash"]["expected"]).status_code == 200
    z = fetch_shift_report(manager_client, shift, "z")
    assert {name: z[name] for name in x} == x
    ensure_refunds_consistent(shop)


def test_tax_of_a_failed_refund_is_refunded_by_the_next(
    till, manager_client, make_product, gateway
):
    sold = till.sold(line(make_product("11.90")), payments=[card("11.90")])
    gateway.returns = [DECLINED]
    failed = create_refund(manager_client, sold, amount="5.95")

    done = create_refund(manager_client, sold)

    assert (failed["status"], done["status"]) == ("failed", "done")
    assert (done["total"], done["tax_total"]) == ("11.90", "1.90")
    (refunded_line,) = done["lines"]
    assert refunded_line["tax_total"] == "1.90"


def test_payout_captured_twice_is_no_contradiction(
    till, manager_client, make_product, gateway, shop
):
    """Two look-ups run at the same time, and the gateway answers both that it paid."""
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    def look_up_meanwhile(request):
        with tenant_scope(shop):
            payouts.look_up_payout(Payout.objects.get(pk=request.key), by=manager_client.user)
        return CAPTURED

    gateway.returns = [TIMED_OUT, look_up_meanwhile, CAPTURED]
    pending = create_refund(manager_client, sold)

    resolve_refund(manager_client, pending)

    assert (
        manager_client.get("audit/", {"event": "paid_out_after_declined"}).json()["results"] == []
    )
    assert till.shown(sold)["refunded_total"] == "2.50"

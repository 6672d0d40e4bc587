"""Refunds that fail after they were completed: the bank did not accept the money."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.gateways import Answer, Outcome
from orders.models import ChainEntry, Order, Payout, Refund, Shift, StockMovement
from orders.services.refunds import payouts
from orders.services.verification import verify_chains
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.gateway import CAPTURED, DECLINED
from tests.support.parallel import run_concurrently, run_times
from tests.support.refunds import create_refund, ensure_refunds_consistent, request_refund
from tests.support.reports import fetch_report
from tests.support.shifts import (
    by_method,
    close_shift,
    ensure_difference_explained,
    fetch_shift_report,
    open_shift,
)
from tests.support.till import card, cash, get_stock_level, line

FAILED = Answer(Outcome.DECLINED, reference="gw-1", reason="lost_or_stolen_card")
GROUPS = ("hour", "day", "product", "category", "cashier", "register", "store", "method", "tax")


@pytest.fixture
def apple(make_product):
    return make_product("2.50", stock="10")


@pytest.fixture
def fail_payout(shop, gateway, manager):
    """`fail_payout(refund, place)`: the gateway says that a payout failed after it was done."""

    def fail(refund, place=0, answer=FAILED):
        gateway.returns = [answer]
        with tenant_scope(shop):
            payout = Payout.objects.get(pk=refund["payouts"][place]["id"])
            return payouts.look_up_payout(payout, by=manager)

    return fail


def list_kinds(shop):
    with tenant_scope(shop):
        return list(ChainEntry.objects.order_by("sequence").values_list("kind", flat=True))


@pytest.fixture
def order(till, apple, gateway):
    """Return an order of two apples paid by card."""
    return till.sold(line(apple, "2"), payments=[card("5.00")])


def test_failed_refund_can_be_refunded_again(
    order, till, manager_client, apple, shop, store, fail_payout
):
    refund = create_refund(manager_client, order)

    fail_payout(refund)

    failed = manager_client.get(f"refunds/{refund['id']}/").json()
    assert (failed["status"], failed["payouts"][0]["status"]) == ("failed", "declined")
    assert failed["receipt_number"] == refund["receipt_number"]
    assert failed["completed_at"] == refund["completed_at"] < failed["reversed_at"]
    shown = till.shown(order)
    assert (shown["status"], shown["refunded_total"]) == ("completed", "0.00")
    assert shown["lines"][0]["refunded_quantity"] == "0"
    assert get_stock_level(apple, store)[0] == 8
    with tenant_scope(shop):
        (event,) = AuditEvent.objects.filter(event="refund_failed_after_done")
    assert event.facts == {"payout": refund["payouts"][0]["id"], "amount": "5.00"}

    create_refund(manager_client, order, method="cash")

    assert till.shown(order)["status"] == "refunded"
    assert get_stock_level(apple, store)[0] == 10
    ensure_refunds_consistent(shop)


def test_waste_of_a_failed_refund_does_not_count(order, manager_client, fail_payout):
    lines = [{"line": order["lines"][0]["id"], "quantity": "1", "restock": False}]
    refunds = [create_refund(manager_client, order, lines=lines) for _ in range(2)]

    fail_payout(refunds[0])

    report = manager_client.get("reports/waste/").json()
    (row,) = report["rows"]
    assert (row["key"], row["quantity"]) == ("returned", "1")
    assert [row["times"], row["times_without_cost"], report["times"]] == [1, 1, 1]


def test_failure_is_subtracted_in_the_next_shift_after_the_z_report(
    till, manager_client, apple, gateway, shop, fail_payout
):
    first = open_shift(till, "100.00")
    sold = till.sold(line(apple, "2"), payments=[card("5.00")])
    refund = create_refund(manager_client, sold)
    assert close_shift(manager_client, first, "100.00").status_code == 200
    z = fetch_shift_report(manager_client, first, "z")

    fail_payout(refund)

    assert fetch_shift_report(manager_client, first, "z") == z
    assert list_kinds(shop) == ["receipt", "refund", "z_report", "reversal"]
    second = open_shift(till, "100.00")
    x = fetch_shift_report(manager_client, second)
    figures = {"count": 1, "tax_total": "0.80", "cash_rounding": "0.00", "total": "5.00"}
    assert (x["failed_refunds"], x["refunds"]["count"]) == (figures, 0)
    assert by_method(x["payments"], "refunded") == {"card": Decimal("-5.00")}
    assert by_method(x["expected"], "amount") == {"cash": 100, "card": 5}
    assert [tax["amount"] for tax in x["taxes"]] == ["0.80"]
    assert close_shift(manager_client, second, "100.00").status_code == 200
    ensure_difference_explained(fetch_shift_report(manager_client, second, "z"))
    printed = manager_client.get(f"shifts/{second['id']}/z-report/", {"format": "text"})
    assert "Failed refunds (1)" in printed.content.decode()
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("group", GROUPS)
def test_reports_subtract_the_failure_when_it_became_known(
    order, group, manager_client, shop, fail_payout
):
    refund = create_refund(manager_client, order)
    with tenant_scope(shop):
        now = timezone.now().astimezone(Order.objects.get().store.clock)
        for model in (Order, Refund):
            model.objects.update(completed_at=now - timedelta(days=2))
    day, today = f"{now - timedelta(days=2):%F}", f"{now:%F}"
    days = {"group_by": group, "from": day, "to": day}
    then = fetch_report(manager_client, **days)

    fail_payout(refund)

    assert fetch_report(manager_client, **days) == then
    assert then["total"]["refunded_total"] == "5.00"
    report = fetch_report(manager_client, **days | {"from": today, "to": today})
    whole = fetch_report(manager_client, **days | {"to": today})
    assert [row["refunded_total"] for row in report["rows"]] in (["-5.00"], [None])
    figures = ("refunds", "refunded_total", "refunded_tax_total", "net_total")
    assert [report["total"][name] for name in figures] == [0, "-5.00", "-0.80", "5.00"]
    assert [whole["total"][name] for name in figures] == [1, "0.00", "0.00", "5.00"]


def test_failure_is_booked_in_the_shift_of_the_refund_while_it_is_not_closed(
    order, till, manager_client, shop, fail_payout
):
    shift = open_shift(till, "100.00")
    refund = create_refund(manager_client, order)

    fail_payout(refund)

    x = fetch_shift_report(manager_client, shift)
    assert (x["refunds"]["count"], x["failed_refunds"]["count"]) == (1, 1)
    assert by_method(x["payments"], "refunded") == {"card": Decimal("0.00")}
    assert close_shift(manager_client, shift, "100.00").status_code == 200
    ensure_refunds_consistent(shop)


def test_refund_outside_of_shifts_is_reversed_outside_of_shifts(
    order, till, manager_client, apple, gateway, shop, fail_payout
):
    refund = create_refund(manager_client, order)
    shift = open_shift(till, "100.00")

    fail_payout(refund)

    assert fetch_shift_report(manager_client, shift)["failed_refunds"]["count"] == 0
    ensure_refunds_consistent(shop)


@pytest.fixture
def half_failed(till, manager_client, apple, gateway, configure_shop, fail_payout):
    """Return an order refunded by card and in cash, after the card failed in a later shift.

    The customer has 3.00 in cash, and has to get 2.00 otherwise.
    """
    configure_shop(cash_rounding_increment="0.05")
    first = open_shift(till, "100.00")
    sold = till.sold(line(apple, "2"), payments=[card("2.00"), cash("3.00")])
    refund = create_refund(manager_client, sold)
    assert close_shift(manager_client, first, "100.00").status_code == 200
    fail_payout(refund, [each["method"] for each in refund["payouts"]].index("card"))
    return sold


def test_payouts_that_did_not_fail_are_booked_as_another_refund(half_failed, till, shop):
    failed, again = till.shown(half_failed)["refunds"]

    assert (failed["status"], again["status"]) == ("failed", "done")
    assert again["receipt_number"] == failed["receipt_number"] + 1
    assert [(each["method"], each["paid"]) for each in again["payouts"]] == [("cash", "3.00")]
    assert till.shown(half_failed)["refunded_total"] == "3.00"
    assert list_kinds(shop)[-2:] == ["reversal", "refund"]
    ensure_refunds_consistent(shop)


def test_rest_of_a_partly_failed_refund_is_refunded_with_the_goods(
    half_failed, till, manager_client, apple, shop, store
):
    second = open_shift(till, "100.00")
    x = fetch_shift_report(manager_client, second)
    assert by_method(x["payments"], "refunded") == {"card": Decimal("-2.00"), "cash": Decimal(0)}
    assert x["cash"]["expected"] == "100.00"

    rest = create_refund(manager_client, half_failed, method="cash")

    assert (rest["total"], till.shown(half_failed)["status"]) == ("2.00", "refunded")
    assert get_stock_level(apple, store)[0] == 10
    assert close_shift(manager_client, second, "98.00").status_code == 200
    ensure_difference_explained(fetch_shift_report(manager_client, second, "z"))
    ensure_refunds_consistent(shop)


def test_second_card_of_a_refund_fails_later_too(
    till, manager_client, apple, gateway, shop, fail_payout
):
    order = till.sold(line(apple, "2"), payments=[card("3.00"), card("2.00")])
    gateway.returns = [Answer(Outcome.CAPTURED, "gw-1"), Answer(Outcome.CAPTURED, "gw-2")]
    refund = create_refund(manager_client, order)
    fail_payout(refund, 0)
    assert till.shown(order)["refunded_total"] == refund["payouts"][1]["paid"]

    fail_payout(refund, 1, Answer(Outcome.DECLINED, "gw-2"))

    shown = till.shown(order)
    assert [each["status"] for each in shown["refunds"]] == ["failed", "failed"]
    assert (shown["status"], shown["refunded_total"]) == ("completed", "0.00")
    assert list_kinds(shop) == ["receipt", "refund", "reversal", "refund", "reversal"]
    ensure_refunds_consistent(shop)


def test_wasted_goods_and_amounts_without_goods_are_reversed(
    till, manager_client, apple, gateway, shop, store, fail_payout
):
    order = till.sold(line(apple, "2"), payments=[card("5.00")])
    wasted = create_refund(
        manager_client,
        order,
        lines=[{"line": order["lines"][0]["id"], "quantity": "1", "restock": False}],
    )
    amount = create_refund(manager_client, order, amount="1.00")

    fail_payout(wasted)
    fail_payout(amount)

    assert till.shown(order)["refunded_total"] == "0.00"
    assert get_stock_level(apple, store)[0] == 8
    with tenant_scope(shop):
        moved = StockMovement.objects.filter(refund__isnull=False).order_by("pk")
        assert sorted((each.type, each.quantity) for each in moved) == [
            ("return", -1),
            ("return", 1),
            ("waste", -1),
            ("waste", 1),
        ]
    ensure_refunds_consistent(shop)


def test_repeated_news_changes_nothing(order, till, manager_client, apple, shop, fail_payout):
    refund = create_refund(manager_client, order)

    for _ in range(3):
        fail_payout(refund)

    assert list_kinds(shop) == ["receipt", "refund", "reversal"]
    assert get_stock_level(apple, till.register.store)[0] == 8
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="refund_failed_after_done").count() == 1


def test_gateway_that_does_not_know_the_refund_reverses_nothing(
    order, till, manager_client, shop, fail_payout
):
    refund = create_refund(manager_client, order)
    before = till.shown(order)

    for answer in (DECLINED, CAPTURED, Answer(Outcome.UNKNOWN), Answer(Outcome.PENDING, "gw-1")):
        fail_payout(refund, answer=answer)

    assert till.shown(order) == before
    assert list_kinds(shop) == ["receipt", "refund"]


def test_reprinted_receipt_still_shows_what_was_paid_out(order, manager_client, fail_payout):
    refund = create_refund(manager_client, order)
    path = f"refunds/{refund['id']}/receipt/"
    before = manager_client.get(path, {"format": "json"}).json()

    fail_payout(refund)

    assert manager_client.get(path, {"format": "json"}).json() == before


def test_changed_or_missing_reversal_is_detected(order, manager_client, shop, fail_payout):
    refund = create_refund(manager_client, order)
    fail_payout(refund)
    with tenant_scope(shop):
        assert list(verify_chains()) == []
        rows = Refund.objects.filter(pk=refund["id"])
        rows.update(reversed_at=timezone.now() + timedelta(days=1))
        assert [finding.kind for finding in verify_chains()] == ["reversal"]
        rows.update(status="done", reversed_at=None)
        assert [finding.kind for finding in verify_chains()] == ["reversal"]


def test_list_of_failed_refunds_shows_it(order, till, manager_client, fail_payout):
    refund = create_refund(manager_client, order)
    fail_payout(refund)

    (found,) = till.get("refunds/", {"status": "failed"}).json()["results"]

    assert (found["id"], found["reversed_at"] is None) == (refund["id"], False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_news_that_arrive_at_once_reverse_once(
    order, till, manager_client, gateway, shop, fail_payout
):
    shift = open_shift(till, "100.00")
    refund = create_refund(manager_client, order)
    gateway.look_up_refund = lambda refund, timeout: FAILED

    run_times(4, lambda: fail_payout(refund))

    assert list_kinds(shop) == ["receipt", "refund", "reversal"]
    assert fetch_shift_report(manager_client, shift)["failed_refunds"]["count"] == 1
    ensure_refunds_consistent(shop)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_failure_while_its_shift_is_closed_is_in_exactly_one_report(
    order, till, manager_client, gateway, shop, fail_payout
):
    """Either the Z report of this shift subtracts it, or the next shift does."""
    first = open_shift(till, "100.00")
    refund = create_refund(manager_client, order)
    gateway.look_up_refund = lambda refund, timeout: FAILED

    run_concurrently(
        [lambda: fail_payout(refund), lambda: close_shift(manager_client, first, "100.00")]
    )

    second = open_shift(till, "100.00")
    with tenant_scope(shop):
        assert Shift.objects.get(pk=first["id"]).status == "closed"
    z = fetch_shift_report(manager_client, first, "z")
    x = fetch_shift_report(manager_client, second)
    assert [z["failed_refunds"]["count"], x["failed_refunds"]["count"]] in ([1, 0], [0, 1])
    ensure_refunds_consistent(shop)


def test_refund_of_a_reversed_refund_needs_its_limit_again(order, manager_client, fail_payout):
    """A failed refund paid nobody: it does not count against the limits of its cashier."""
    refund = create_refund(manager_client, order)
    fail_payout(refund)

    again = request_refund(manager_client, order)

    assert again.status_code == 201
    assert again.json()["receipt_number"] == refund["receipt_number"] + 1


def test_every_card_of_a_refund_may_fail_one_after_the_other(
    till, manager, manager_client, gateway, shop, apple
):
    """The provider asks about the first payouts, which others repeat by then."""
    order = till.sold(line(apple, "3"), payments=[card("2.50"), card("2.50"), card("2.50")])
    gateway.returns = [Answer(Outcome.CAPTURED, reference=f"gw-{n}") for n in range(3)]
    refund = create_refund(manager_client, order)
    with tenant_scope(shop):
        first = list(Payout.objects.filter(refund=refund["id"]).order_by("pk"))
        for payout, refunded in zip(first, ("5.00", "2.50", "0.00"), strict=True):
            reference = payout.gateway_reference
            gateway.returns = [Answer(Outcome.DECLINED, reference=reference, reason="closed")]

            payouts.look_up_payout(payout, by=manager)

            assert Order.objects.get(pk=order["id"]).refunded_total == Decimal(refunded)
        assert [each.status for each in Refund.objects.order_by("created_at")] == ["failed"] * 3
    ensure_refunds_consistent(shop)


def test_card_fails_for_an_order_that_was_paid_with_empties(
    till, manager_client, make_product, gateway, shop, fail_payout
):
    """The cash for the empties stays with the customer, and only the card is owed again."""
    bottle = make_product("10.00", stock="10")
    empty = make_product("0.25", returnable=True)
    sold = till.sold(line(bottle), line(empty, "-12"), payments=[card("7.00")])
    refund = create_refund(manager_client, sold)
    paid = [(each["method"], each["paid"]) for each in refund["payouts"]]
    assert sorted(paid) == [("card", "7.00"), ("cash", "3.00")]

    fail_payout(refund, [method for method, _ in paid].index("card"))

    shown = till.shown(sold)
    failed, again = shown["refunds"]
    assert (failed["status"], again["status"]) == ("failed", "done")
    assert [(each["method"], each["paid"]) for each in again["payouts"]] == [("cash", "3.00")]
    assert shown["refunded_total"] == "3.00"
    ensure_refunds_consistent(shop)

    rest = create_refund(manager_client, sold, method="cash")

    assert [(each["method"], each["paid"]) for each in rest["payouts"]] == [("cash", "7.00")]
    assert till.shown(sold)["status"] == "refunded"
    ensure_refunds_consistent(shop)

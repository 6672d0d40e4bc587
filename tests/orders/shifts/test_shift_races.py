"""Concurrent requests about one shift."""

from decimal import Decimal

import pytest

from orders.models import CashMovement, ChainEntry, Order, Shift
from tenants.scope import tenant_scope
from tests.support.gateway import TIMED_OUT
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.shifts import (
    build_opening,
    close_shift,
    end_shift,
    ensure_difference_explained,
    fetch_shift_report,
    open_shift,
    record_movement,
)
from tests.support.till import card, cash, line, resolve_payment

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def test_concurrent_openings_of_a_register_open_one_shift(till, shop):
    answers = run_times(
        8, lambda: till.post("shifts/", build_opening(till, opening_float="100.00"))
    )

    assert statuses(answers) == {201: 1, 409: 7}
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {
        "shift_already_open"
    }
    with tenant_scope(shop):
        assert Shift.objects.get().status == "open"


def test_opening_sent_many_times_at_once_is_one_shift(till, shop):
    body = build_opening(till, opening_float="100.00")

    answers = run_times(8, lambda: till.post("shifts/", body))

    assert statuses(answers) == {201: 1, 200: 7}
    assert len({each.json()["id"] for each in answers}) == 1
    with tenant_scope(shop):
        assert Shift.objects.count() == 1


def test_one_id_for_openings_at_several_registers_opens_one_shift(tills, shop):
    bodies = [build_opening(till) for till in tills]
    for body in bodies:
        body["id"] = bodies[0]["id"]

    answers = run_concurrently(
        [lambda body=body: tills[0].post("shifts/", body) for body in bodies]
    )

    assert statuses(answers) == {201: 1, 409: 3}
    with tenant_scope(shop):
        assert Shift.objects.count() == 1


@pytest.mark.postgres
def test_concurrent_drops_do_not_exceed_the_drawer(till, manager_client, shop):
    shift = open_shift(till, "100.00")

    answers = run_times(8, lambda: record_movement(manager_client, shift, "drop", "20.00"))

    assert statuses(answers) == {201: 5, 409: 3}
    assert fetch_shift_report(manager_client, shift)["cash"]["expected"] == "0.00"


@pytest.mark.parametrize("required", [True, False])
def test_sale_concurrent_with_the_end_of_a_shift_is_inside_or_outside_of_it(
    required, till, configure_shop, make_product, shop
):
    configure_shop(shifts_required=required)
    shift, product = open_shift(till), make_product("2.50", stock="100")

    def sell():
        return till.sell(line(product), payments=[cash("2.50")])

    before = [sell(), sell()]
    *sales, ended = run_concurrently([*[sell] * 12, lambda: end_shift(till, shift)])

    assert ended.status_code == 200
    refused = [each.json()["code"] for each in sales if each.status_code != 201]
    shifts = [each.json()["shift"] for each in [*before, *sales] if each.status_code == 201]
    inside = shifts.count(shift["id"])
    if required:
        assert set(refused) <= {"no_open_shift"}
        assert inside == len(shifts)
    else:
        assert not refused
        assert inside + shifts.count(None) == len(shifts)
    ensure_z_report(till, shift, inside)
    with tenant_scope(shop):
        assert Order.objects.filter(shift=shift["id"]).count() == inside


def ensure_z_report(till, shift, sales):
    """Assert that the Z report has that many cash sales of 2.50, and the drawer their cash."""
    cash_taken = sales * Decimal("2.50")
    assert close_shift(till, shift, str(100 + cash_taken)).status_code == 200
    z = fetch_shift_report(till, shift, "z")
    assert (z["sales"]["count"], z["payments"][0]["count"]) == (sales, sales)
    assert Decimal(z["sales"]["total"]) == cash_taken
    assert z["counted"][0]["difference"] == "0.00"
    ensure_difference_explained(z)


def test_sale_concurrent_with_a_shift_change_is_in_one_of_the_shifts(
    till, manager_client, configure_shop, make_product
):
    configure_shop(shifts_required=True)
    first, product = open_shift(till), make_product("2.50", stock="100")

    def sell():
        return till.sell(line(product), payments=[cash("2.50")])

    def change_shift():
        assert end_shift(till, first).status_code == 200
        return till.post("shifts/", build_opening(till, opening_float="0.00"))

    *sales, second = run_concurrently([*[sell] * 12, change_shift])
    sold = [each.json()["shift"] for each in sales if each.status_code == 201]
    shifts = [first, second.json()]
    for shift in shifts:
        expected = fetch_shift_report(manager_client, shift)["cash"]["expected"]
        assert close_shift(till, shift, expected).status_code == 200

    counts = [fetch_shift_report(till, shift, "z")["sales"]["count"] for shift in shifts]
    assert counts == [sold.count(shift["id"]) for shift in shifts]
    assert sum(counts) == len(sold)
    assert statuses(sales).keys() <= {201, 409}


def test_concurrent_closes_write_one_z_report(till, shop):
    shift = open_shift(till)

    answers = run_times(6, lambda: close_shift(till, shift, "100.00"))

    assert statuses(answers) == {200: 1, 409: 5}
    with tenant_scope(shop):
        assert ChainEntry.objects.filter(kind="z_report").count() == 1
        assert Shift.objects.get().z_number == 1


def test_z_reports_are_numbered_without_gaps(till, shop, register):
    """Three shifts are closed concurrently, with refused counts in between."""
    shifts = []
    for _ in range(3):
        shifts.append(open_shift(till))
        end_shift(till, shifts[-1])
    wrong = [lambda each=each: close_shift(till, each, "1.00") for each in shifts]
    right = [lambda each=each: close_shift(till, each, "100.00") for each in shifts]

    answers = run_concurrently([*wrong, *right])

    assert statuses(answers)[200] == 3
    with tenant_scope(shop):
        numbers = Shift.objects.order_by("closed_at").values_list("z_number", flat=True)
        assert list(numbers) == [1, 2, 3]
        entries = ChainEntry.objects.filter(register=register).order_by("sequence")
        assert [each.sequence for each in entries] == [1, 2, 3]


def test_cash_movement_concurrent_with_the_close_is_in_the_z_report_or_refused(
    till, manager_client, shop
):
    shift = open_shift(till)

    *moves, closed = run_concurrently(
        [
            *[lambda: record_movement(till, shift, "paid_in", "1.00")] * 6,
            lambda: close_shift(manager_client, shift, "100.00"),
        ]
    )

    assert closed.status_code == 200
    assert statuses(moves).keys() <= {201, 409}
    accepted = statuses(moves)[201]
    assert fetch_shift_report(till, shift, "z")["cash"]["paid_in"] == f"{accepted}.00"
    with tenant_scope(shop):
        assert CashMovement.objects.count() == accepted


def test_card_resolved_concurrently_with_the_close_is_in_the_z_report(
    till, manager_client, make_product, gateway
):
    gateway.answers = [TIMED_OUT]
    shift = open_shift(till)
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    resolved, *closings = run_concurrently(
        [
            lambda: resolve_payment(manager_client, order),
            *[lambda: close_shift(till, shift, "100.00")] * 3,
        ]
    )

    assert resolved.json()["status"] == "completed"
    if 200 not in statuses(closings):
        assert close_shift(till, shift, "100.00").status_code == 200
    z = fetch_shift_report(till, shift, "z")
    assert (z["sales"]["count"], z["payments"][0]["amount"]) == (1, "2.50")
    ensure_difference_explained(z)


def test_payment_canceled_concurrently_with_the_close_is_counted_once(
    till, manager_client, make_product
):
    """It leaves the drawer before the count, or afterwards no counted drawer."""
    shift = open_shift(till)
    order = till.sold(line(make_product("5.00")), payments=[cash("3.00")])
    path = f"payments/{order['payments'][0]['id']}/cancel/"

    canceled, closed = run_concurrently(
        [lambda: manager_client.post(path), lambda: close_shift(manager_client, shift, "103.00")]
    )

    assert (canceled.status_code, closed.status_code) == (200, 200)
    z = fetch_shift_report(till, shift, "z")
    assert (z["cash"]["canceled"], z["cash"]["expected"]) in {
        ("0.00", "103.00"),
        ("3.00", "100.00"),
    }
    ensure_difference_explained(z)


def test_concurrent_x_reports_are_consistent(till, manager_client, make_product):
    shift, product = open_shift(till), make_product("2.50", stock="100")

    def sell():
        return till.sell(line(product), payments=[cash("2.50")])

    answers = run_concurrently([sell] * 8 + [lambda: fetch_shift_report(manager_client, shift)] * 6)

    for x in answers[8:]:
        assert x["sales"]["count"] == sum(each["count"] for each in x["payments"])
        ensure_difference_explained(x)

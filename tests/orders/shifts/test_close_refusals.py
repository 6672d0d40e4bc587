"""Shifts that cannot be ended or closed: nothing changes."""

from decimal import Decimal

import pytest

from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.gateway import TIMED_OUT
from tests.support.shifts import (
    close_shift,
    end_shift,
    fetch_shift_report,
    open_shift,
    record_movement,
    snapshot_shift_rows,
)
from tests.support.till import card, line, new_id, resolve_payment

pytestmark = pytest.mark.once


@pytest.fixture
def shift(till):
    return open_shift(till)


def test_other_cashier_can_neither_end_nor_close_a_shift(other_cashier_client, shift, refused):
    refused(lambda: end_shift(other_cashier_client, shift), 403, "permission_denied")
    refused(lambda: close_shift(other_cashier_client, shift, "100.00"), 403, "permission_denied")


def test_ended_shift_cannot_be_ended_again(till, shift, refused):
    end_shift(till, shift)

    answer = refused(lambda: end_shift(till, shift), 409, "shift_not_in_state")

    assert answer["shift_status"] == "ended"


def test_closed_shift_can_neither_be_ended_nor_closed(till, shift, refused):
    close_shift(till, shift, "100.00")

    refused(lambda: end_shift(till, shift), 409, "shift_not_in_state")
    answer = refused(lambda: close_shift(till, shift, "90.00"), 409, "shift_not_in_state")
    assert answer["shift_status"] == "closed"


def test_ending_and_closing_need_the_current_version(till, shift, refused):
    ended = end_shift(till, shift, If_Match='"1"').json()

    refused(lambda: close_shift(till, shift, "100.00", If_Match='"1"'), 412, "version_conflict")
    assert ended["version"] == 2
    assert close_shift(till, shift, "100.00", If_Match='"2"')["ETag"] == '"3"'


def test_shift_with_an_unknown_card_payment_cannot_be_closed(
    till, manager_client, shift, make_product, gateway, refused
):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    payment = order["payments"][0]["id"]

    answer = refused(lambda: close_shift(till, shift, "100.00"), 409, "payments_unclear")
    assert answer["payments"] == [payment]
    end_shift(till, shift)
    refused(lambda: close_shift(till, shift, "100.00"), 409, "payments_unclear")

    # The payment completes in this shift although the next one is open.
    open_shift(till)
    assert resolve_payment(manager_client, order).json()["shift"] == shift["id"]
    assert close_shift(till, shift, "100.00").status_code == 200
    assert fetch_shift_report(till, shift, "z")["sales"]["total"] == "2.50"


def test_shift_with_an_unknown_refund_cannot_be_closed(
    till, manager_client, shift, make_product, gateway, refused
):
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    gateway.returns = [TIMED_OUT]
    body = {"id": new_id(), "reason": "Broken"}
    refund = manager_client.post(f"orders/{order['id']}/refunds/", body).json()

    answer = refused(lambda: close_shift(till, shift, "100.00"), 409, "payments_unclear")

    assert answer["payments"] == [each["id"] for each in refund["payouts"]]
    manager_client.post(f"refunds/{refund['id']}/resolve/")
    assert close_shift(till, shift, "100.00").status_code == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"counted": "required"}),
        ({"counted": [{"method": "card", "amount": "5.00"}]}, {"counted": "required"}),
        (
            {"counted": [{"method": "cash", "amount": "1.00"}, {"method": "cash", "amount": "2"}]},
            {"counted": "duplicate"},
        ),
        (
            {"counted": [{"method": "gold", "amount": "1.00"}]},
            {"counted[0].method": "invalid_choice"},
        ),
        ({"counted": [{"method": "cash", "amount": "-1.00"}]}, {"counted[0].amount": "min_value"}),
        (
            {"counted": [{"method": "cash", "amount": "1.001"}]},
            {"counted[0].amount": "max_decimal_places"},
        ),
        ({"denominations": [{"value": "0.00", "count": 1}]}, {"denominations[0].value": "zero"}),
        (
            {"denominations": [{"value": "5.00", "count": -1}]},
            {"denominations[0].count": "min_value"},
        ),
        (
            {
                "counted": [{"method": "cash", "amount": "9.00"}],
                "denominations": [{"value": "5.00", "count": 2}],
            },
            {"denominations": "mismatch"},
        ),
        (
            {
                "counted": [{"method": "cash", "amount": "11.00"}],
                "denominations": [{"value": "5.00", "count": 2}],
            },
            {"denominations": "mismatch"},
        ),
        (
            {"denominations": [{"value": "99999999999.99", "count": 1_000_000}]},
            {"denominations": "max_value"},
        ),
    ],
)
def test_invalid_count_is_refused(body, errors, manager_client, shift, refused):
    refused(lambda: close_shift(manager_client, shift, **body), 400, "invalid", errors)


@pytest.mark.parametrize("counted", ["94.99", "105.01"])
def test_count_beyond_the_tolerance_needs_a_manager_and_reveals_nothing(
    counted, till, manager_client, shift, shop, problem
):
    before = snapshot_shift_rows(shop)

    answer = problem(close_shift(till, shift, counted), 403, "count_beyond_tolerance")

    after = snapshot_shift_rows(shop)
    assert {"100.00", "5.01", "-5.01"}.isdisjoint(map(str, answer.values()))
    (audited,) = (row for row in after["AuditEvent"] if row not in before["AuditEvent"])
    assert (audited["event"], audited["facts"]) == (
        "shift_count_refused",
        {"counted": {"cash": counted}},
    )
    assert after | {"AuditEvent": 0} == before | {"AuditEvent": 0}
    assert close_shift(manager_client, shift, counted).status_code == 200


def test_every_refused_count_is_audited(till, shift, shop, problem):
    for counted in ("50.00", "60.00", "70.00"):
        problem(close_shift(till, shift, counted), 403, "count_beyond_tolerance")

    with tenant_scope(shop):
        audited = AuditEvent.objects.filter(event="shift_count_refused").order_by(
            "created_at", "id"
        )
        assert [each.facts["counted"]["cash"] for each in audited] == ["50.00", "60.00", "70.00"]


@pytest.mark.parametrize("counted", ["95.00", "105.00"])
def test_cashier_closes_within_the_tolerance(counted, till, shift):
    assert close_shift(till, shift, counted).status_code == 200


def test_manager_closes_within_the_own_tolerance_and_admin_always(
    manager_client, admin, shift, configure_shop, shop, problem
):
    limits = shop.limits
    limits["manager"]["drawer_difference_amount"] = "10.00"
    configure_shop(limits=limits)

    problem(close_shift(manager_client, shift, "89.99"), 403, "count_beyond_tolerance")

    assert close_shift(Person(admin), shift, "0.00").status_code == 200


def test_tolerance_applies_to_every_counted_method(till, shift, make_product, problem):
    voucher = {"id": new_id(), "method": "voucher", "amount": "10.00"}
    till.sold(line(make_product("10.00")), payments=[voucher])
    counted = [{"method": "cash", "amount": "100.00"}, {"method": "voucher", "amount": "4.00"}]

    problem(close_shift(till, shift, counted=counted), 403, "count_beyond_tolerance")


def test_open_shift_has_no_z_report(till, shift, refused):
    refused(lambda: till.get(f"shifts/{shift['id']}/z-report/"), 409, "shift_not_in_state")


def test_shift_of_another_shop_is_not_found(shift, foreign_admin, refused):
    admin_of_another = Person(foreign_admin)
    path = f"shifts/{shift['id']}/"

    refused(lambda: record_movement(admin_of_another, shift, "no_sale"), 404, "not_found")
    refused(lambda: end_shift(admin_of_another, shift), 404, "not_found")
    refused(lambda: close_shift(admin_of_another, shift, "100.00"), 404, "not_found")
    for letter in "xz":
        refused(lambda x=letter: admin_of_another.get(f"{path}{x}-report/"), 404, "not_found")
    theirs = admin_of_another.get("shifts/").json()["results"]
    assert shift["id"] not in {each["id"] for each in theirs}


def test_amounts_of_a_shift_in_yen_have_no_decimals(till, configure_shop):
    configure_shop("JPY")

    shift = open_shift(till, "5000")
    closed = close_shift(till, shift, "5003").json()

    assert shift["opening_float"] == "5000"
    assert closed["counted"][0]["difference"] == "3"
    assert Decimal(fetch_shift_report(till, shift, "z")["cash"]["expected"]) == 5000

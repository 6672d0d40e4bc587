"""Late offline sales: booked in the open shift and listed on its Z report."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from orders.models import Order, Payment, Shift
from tenants.scope import tenant_scope
from tests.support.offline import (
    ago,
    build_offline_line,
    build_offline_sale,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.shifts import (
    close_shift,
    end_shift,
    ensure_difference_explained,
    fetch_shift_report,
    open_shift,
)
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def yesterday(till, shop):
    """Return a shift of yesterday that was closed without sales."""
    shift = open_shift(till)
    assert end_shift(till, shift).status_code == 200
    set_times(shop, shift, created_at=ago(hours=30), ended_at=ago(hours=24))
    assert close_shift(till, shift, "100.00").status_code == 200
    return shift


def set_times(shop, shift, **times):
    with tenant_scope(shop):
        Shift.objects.filter(pk=shift["id"]).update(**times)


def is_chain_intact():
    out = StringIO()
    call_command("verify_chain", stdout=out)
    return out.getvalue() == "All hash chains are intact.\n"


def test_sale_within_the_open_shift_is_not_late(till, product, shop):
    shift = open_shift(till)
    set_times(shop, shift, created_at=ago(hours=3))

    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=2))
    )

    assert (order["shift"], order["original_shift"]) == (shift["id"], None)
    assert order["flags"] == []
    assert fetch_shift_report(till, shift)["late_sales"] == {"count": 0, "total": "0.00", "of": []}


def test_sale_of_a_closed_shift_is_booked_and_listed_in_the_open_shift(
    till, manager_client, product, yesterday
):
    before = manager_client.get(f"shifts/{yesterday['id']}/z-report/").content
    today = open_shift(till)

    late = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=25))
    )
    between = upload_one_booked(
        till, build_offline_sale(2, build_offline_line(product), sold_at=ago(hours=12))
    )
    upload_one_booked(
        till, build_offline_sale(3, build_offline_line(product), sold_at=ago(seconds=-1))
    )

    assert (late["shift"], late["original_shift"]) == (today["id"], yesterday["id"])
    assert late["flags"] == ["closed_shift", "late"]
    assert (between["shift"], between["original_shift"]) == (today["id"], None)
    assert between["flags"] == ["late"]
    assert close_shift(till, today, "107.50").status_code == 200
    z = fetch_shift_report(manager_client, today, "z")
    assert (z["sales"]["count"], z["sales"]["total"]) == (3, "7.50")
    assert z["late_sales"] == {
        "count": 2,
        "total": "5.00",
        "of": [
            {"shift": None, "count": 1, "total": "2.50"},
            {"shift": yesterday["id"], "count": 1, "total": "2.50"},
        ],
    }
    ensure_difference_explained(z)
    text = manager_client.get(
        f"shifts/{today['id']}/z-report/", {"format": "text"}
    ).content.decode()
    assert "Of these booked late (2)" in text
    assert manager_client.get(f"shifts/{yesterday['id']}/z-report/").content == before


def test_ended_shift_gets_no_late_sales(till, product, shop):
    shift = open_shift(till)
    set_times(shop, shift, created_at=ago(hours=3))
    assert end_shift(till, shift).status_code == 200
    later = open_shift(till)

    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=1))
    )

    assert (order["shift"], order["original_shift"]) == (later["id"], shift["id"])
    assert order["flags"] == ["late"]


def test_offline_sale_without_an_open_shift_is_booked_in_the_next_one(
    till, tills, manager_client, product, yesterday
):
    item = build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=25))
    waiting = upload_one_booked(till, item)
    open_shift(tills[0])
    with_other_shift_open = till.shown(waiting)

    today = open_shift(till)

    assert (waiting["status"], waiting["shift"], with_other_shift_open["shift"]) == (
        "completed",
        None,
        None,
    )
    assert waiting["flags"] == ["closed_shift", "late"]
    shown = till.shown(waiting)
    assert (shown["shift"], shown["original_shift"]) == (today["id"], yesterday["id"])
    assert shown["version"] == waiting["version"] + 1
    assert close_shift(till, today, "102.50").status_code == 200
    z = fetch_shift_report(manager_client, today, "z")
    assert (z["late_sales"]["count"], z["late_sales"]["total"]) == (1, "2.50")
    assert z["cash"]["payments"] == "2.50"
    ensure_difference_explained(z)


def test_offline_sale_is_booked_without_a_shift_although_shifts_are_required(
    till, product, configure_shop
):
    configure_shop("EUR", shifts_required=True)
    refused = till.sell(line(product), payments=[cash("2.50")])

    order = upload_one_booked(till, build_offline_sale(1, build_offline_line(product)))

    assert refused.json()["code"] == "no_open_shift"
    assert (order["status"], order["shift"], order["flags"]) == ("completed", None, ["late"])


def test_waiting_sale_is_booked_in_one_shift_only(till, manager_client, product, shop):
    """These sales are from before the first shift of the register."""
    upload_all_booked(
        till, *(build_offline_sale(number, build_offline_line(product)) for number in (1, 2))
    )
    first = open_shift(till)
    assert close_shift(till, first, "105.00").status_code == 200
    second = open_shift(till)
    assert close_shift(till, second, "100.00").status_code == 200

    assert fetch_shift_report(manager_client, first, "z")["late_sales"]["count"] == 2
    assert fetch_shift_report(manager_client, second, "z")["late_sales"]["count"] == 0
    with tenant_scope(shop):
        assert not Order.objects.filter(shift=None).exists()
        assert not Payment.objects.filter(shift=None).exists()


def test_sale_in_a_shop_without_shifts_is_not_late(till, product):
    assert (
        upload_one_booked(
            till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=9))
        )["flags"]
        == []
    )


def test_chain_with_late_and_waiting_sales_is_intact(till, manager_client, product, shop):
    shift = open_shift(till)
    online = till.sold(line(product), payments=[cash("2.50")])
    assert close_shift(till, shift, "102.50").status_code == 200
    upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product)),
        build_offline_sale(2, build_offline_line(product, "2.00")),
    )
    second = open_shift(till)
    body = {"id": new_id(), "reason": "Bruised"}
    assert manager_client.post(f"orders/{online['id']}/refunds/", body).status_code == 201
    assert close_shift(till, second, "102.50").status_code == 200

    assert is_chain_intact()
    with tenant_scope(shop):
        Order.objects.filter(device_sequence=2).update(device_sequence=3)
    with pytest.raises(CommandError):
        is_chain_intact()

"""Late sales: booked in today's drawer, listed on its Z; no Z that is written ever changes."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from orders.models import Order, Payment, Shift
from tenants.scope import tenant_scope
from tests.support.offline import ago, booked, booked_one, charged, sale
from tests.support.shifts import close, end, ensure_explained, opened, report
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def yesterday(till, shop):
    """A shift of yesterday, closed at noon with nothing in it but its float."""
    shift = opened(till)
    assert end(till, shift).status_code == 200
    moved(shop, shift, created_at=ago(hours=30), ended_at=ago(hours=24))
    assert close(till, shift, "100.00").status_code == 200
    return shift


def moved(shop, shift, **times):
    with tenant_scope(shop):
        Shift.objects.filter(pk=shift["id"]).update(**times)


def whole():
    out = StringIO()
    call_command("verify_chain", stdout=out)
    return out.getvalue() == "All chains are whole.\n"


def test_a_sale_of_the_open_shift_is_not_late(till, product, shop):
    shift = opened(till)
    moved(shop, shift, created_at=ago(hours=3))

    order = booked_one(till, sale(1, charged(product), sold_at=ago(hours=2)))

    assert (order["shift"], order["original_shift"]) == (shift["id"], None)
    assert order["flags"] == []
    assert report(till, shift)["late_sales"] == {"count": 0, "total": "0.00", "of": []}


def test_a_sale_of_a_closed_shift_is_booked_today_and_listed_on_todays_z(
    till, chief, product, yesterday
):
    before = chief.get(f"shifts/{yesterday['id']}/z-report/").content
    today = opened(till)

    late = booked_one(till, sale(1, charged(product), sold_at=ago(hours=25)))
    between = booked_one(till, sale(2, charged(product), sold_at=ago(hours=12)))
    booked_one(till, sale(3, charged(product), sold_at=ago(seconds=-1)))

    assert (late["shift"], late["original_shift"]) == (today["id"], yesterday["id"])
    assert late["flags"] == ["closed_shift", "late"]
    assert (between["shift"], between["original_shift"]) == (today["id"], None)
    assert between["flags"] == ["late"]
    assert close(till, today, "107.50").status_code == 200
    z = report(chief, today, "z")
    assert (z["sales"]["count"], z["sales"]["total"]) == (3, "7.50")
    assert z["late_sales"] == {
        "count": 2,
        "total": "5.00",
        "of": [
            {"shift": None, "count": 1, "total": "2.50"},
            {"shift": yesterday["id"], "count": 1, "total": "2.50"},
        ],
    }
    ensure_explained(z)
    paper = chief.get(f"shifts/{today['id']}/z-report/", {"format": "text"}).content.decode()
    assert "Of these late (2)" in paper
    assert chief.get(f"shifts/{yesterday['id']}/z-report/").content == before


def test_a_shift_that_has_ended_takes_nothing_more(till, product, shop):
    shift = opened(till)
    moved(shop, shift, created_at=ago(hours=3))
    assert end(till, shift).status_code == 200
    later = opened(till)

    order = booked_one(till, sale(1, charged(product), sold_at=ago(hours=1)))

    assert (order["shift"], order["original_shift"]) == (later["id"], shift["id"])
    assert order["flags"] == ["late"]


def test_without_an_open_shift_a_sale_waits_for_the_next_one(
    till, tills, chief, product, yesterday
):
    item = sale(1, charged(product), sold_at=ago(hours=25))
    waiting = booked_one(till, item)
    opened(tills[0])
    elsewhere = till.shown(waiting)

    today = opened(till)

    assert (waiting["status"], waiting["shift"], elsewhere["shift"]) == ("completed", None, None)
    assert waiting["flags"] == ["closed_shift", "late"]
    shown = till.shown(waiting)
    assert (shown["shift"], shown["original_shift"]) == (today["id"], yesterday["id"])
    assert shown["version"] == waiting["version"] + 1
    assert close(till, today, "102.50").status_code == 200
    z = report(chief, today, "z")
    assert (z["late_sales"]["count"], z["late_sales"]["total"]) == (1, "2.50")
    assert z["cash"]["payments"] == "2.50"
    ensure_explained(z)


def test_also_where_nothing_is_sold_without_a_shift(till, product, shop_in):
    shop_in("EUR", shifts_required=True)
    refused = till.sell(line(product), payments=[cash("2.50")])

    order = booked_one(till, sale(1, charged(product)))

    assert refused.json()["code"] == "no_open_shift"
    assert (order["status"], order["shift"], order["flags"]) == ("completed", None, ["late"])


def test_nothing_waits_twice(till, chief, product, shop):
    """Nor does a sale from before the first shift of all."""
    booked(till, *(sale(number, charged(product)) for number in (1, 2)))
    first = opened(till)
    assert close(till, first, "105.00").status_code == 200
    second = opened(till)
    assert close(till, second, "100.00").status_code == 200

    assert report(chief, first, "z")["late_sales"]["count"] == 2
    assert report(chief, second, "z")["late_sales"]["count"] == 0
    with tenant_scope(shop):
        assert not Order.objects.filter(shift=None).exists()
        assert not Payment.objects.filter(shift=None).exists()


def test_a_shop_without_shifts_has_no_late_sales(till, product):
    assert booked_one(till, sale(1, charged(product), sold_at=ago(hours=9)))["flags"] == []


def test_the_chain_is_whole_with_what_came_late_and_what_waited(till, chief, product, shop):
    shift = opened(till)
    online = till.sold(line(product), payments=[cash("2.50")])
    assert close(till, shift, "102.50").status_code == 200
    booked(till, sale(1, charged(product)), sale(2, charged(product, "2.00")))
    again = opened(till)
    body = {"id": new_id(), "reason": "Bruised"}
    assert chief.post(f"orders/{online['id']}/refunds/", body).status_code == 201
    assert close(till, again, "102.50").status_code == 200

    assert whole()
    with tenant_scope(shop):
        Order.objects.filter(device_sequence=2).update(device_sequence=3)
    with pytest.raises(CommandError):
        whole()

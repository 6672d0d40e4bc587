"""The drawer's day."""

from decimal import Decimal

import pytest

from orders.models import ChainEntry, Shift
from tenants.scope import tenant_scope
from tests.orders.till import cash, line, new_id


@pytest.fixture
def opened(till, register):
    body = {"id": new_id(), "register": str(register.pk), "opening_float": "100.00"}
    return till.post("shifts/", body).json()


@pytest.fixture
def sold(till, goods, opened):
    return till.sell(line(goods("2.50"), "2"), payments=[cash("5.00", tendered="10.00")]).json()


def test_a_sale_belongs_to_the_open_shift(opened, sold):
    assert (sold["status"], sold["shift"]) == ("completed", opened["id"])


def test_a_day(till, chief, opened, sold, shop):
    path = f"shifts/{opened['id']}/"
    move = {"id": new_id(), "type": "drop", "amount": "50.00", "reason": "to the safe"}
    assert till.post(f"{path}cash-movements/", move).status_code == 201
    blind = till.get(f"{path}x-report/").json()
    assert (blind["sales"]["total"], blind["cash"], blind["expected"]) == ("5.00", None, None)
    seen = chief.get(f"{path}x-report/").json()
    assert seen["cash"]["expected"] == "55.00"
    assert till.post(f"{path}end/").json()["status"] == "ended"

    closed = till.post(f"{path}close/", {"counted": [{"method": "cash", "amount": "54.90"}]})

    assert closed.status_code == 200, closed.content
    (count,) = closed.json()["counted"]
    assert (count["expected"], count["counted"], count["difference"]) == ("55.00", "54.90", "-0.10")
    z = till.get(f"{path}z-report/").json()
    assert (z["z_number"], z["sales"]["total"], z["cash"]["drops"]) == (1, "5.00", "50.00")
    current = till.get("shifts/current/", {"register": opened["register"]})
    assert current.status_code == 404
    assert current.json()["suggested_float"] == "54.90"
    with tenant_scope(shop):
        assert [each.kind for each in ChainEntry.objects.order_by("sequence")] == [
            "receipt",
            "z_report",
        ]
        assert Shift.objects.get().counted_cash == Decimal("54.90")


def test_without_a_shift_nothing_is_sold_where_shifts_are_required(shop_in, till, goods, problem):
    shop_in(shifts_required=True)

    answer = till.sell(line(goods("2.50")), payments=[cash("2.50")])

    problem(answer, 409, "no_open_shift")

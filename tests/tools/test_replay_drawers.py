"""A replay opens a shift at every till that sells, and its Z reports match the file."""

from decimal import Decimal

import pytest

from accounts.models import User
from orders.models import Order, Shift
from orders.models.columns import ExactSum
from orders.services.shifts.cash_drawer import NewShift, open_shift
from tenants.ids import new_id
from tenants.models import Tenant
from tests.support.replay import DATA, in_shop, replay, replay_with_problems
from tests.tools.replay_baskets import command
from tests.tools.replay_baskets.files import read_articles, read_baskets
from tests.tools.replay_baskets.sale import get_till_number, pays_by_card
from tests.tools.replay_baskets.shop import prepare_shop

pytestmark = pytest.mark.once


def list_z_totals() -> list[tuple[str, int, Decimal]]:
    """Return store, number and sold total of every register with a Z report."""
    with in_shop():
        shifts = Shift.objects.exclude(z_report=None).select_related("register__store")
        rows = {(each.register.store.name, each.register.number): Decimal(0) for each in shifts}
        for each in shifts:
            z = each.z_report["sales"]
            rows[each.register.store.name, each.register.number] += Decimal(z["total"])
    return sorted((store, number, total) for (store, number), total in rows.items())


@pytest.mark.slow
def test_every_selling_till_is_closed_and_its_z_reports_match_the_file(url):
    printed = replay(url)

    totals = list_z_totals()
    with in_shop():
        shifts = list(Shift.objects.all())
        sellers = Order.objects.values_list("register", flat=True).distinct().count()
        sold = {
            (store, number): paid
            for store, number, paid in Order.objects.values_list(
                "store__name", "register__number"
            ).annotate(paid=ExactSum("paid_total"))
        }
    assert {shift.status for shift in shifts} == {"closed"}
    assert {each["difference"] for shift in shifts for each in shift.counted} == {"0.00"}
    assert len(shifts) == sellers
    assert f"{sellers} shifts opened." in printed
    assert sum(total for _, _, total in totals) == Decimal("909.77")
    assert {(s, n): t for s, n, t in totals} == {
        till: paid.quantize(Decimal("0.01")) for till, paid in sold.items()
    }
    assert f"All                 {sellers:8}        909.77        909.77" in printed


@pytest.mark.slow
def test_no_shift_is_opened_without_new_baskets(url):
    replay(url, limit=7)
    with in_shop():
        before = set(Shift.objects.values_list("pk", flat=True))

    again = replay(url, limit=7)
    rest = replay(url, limit=9)
    fewer = replay(url, limit=7)

    assert "\n0 shifts opened." in again
    assert "\n0 shifts opened." in fewer
    with in_shop():
        later = Shift.objects.exclude(pk__in=before)
        registers = {order.register_id for order in Order.objects.filter(shift__in=later)}
        assert 1 <= later.count() == len(registers) <= 2
        assert f"\n{later.count()} shifts opened." in rest


def test_shift_left_open_by_an_aborted_run_is_used_and_closed(url):
    shop = prepare_shop("replay", read_articles(DATA), baskets := read_baskets(DATA, 1))
    (basket,) = baskets
    register = shop.registers[basket.store, get_till_number("replay", basket)]
    with in_shop():
        seller = User.objects.get(username="replay")
        left, _ = open_shift(NewShift(new_id(), register, "left", Decimal("100.00")), by=seller)

    printed = replay(url, limit=1)

    assert "\n0 shifts opened." in printed
    with in_shop():
        assert Order.objects.get().shift_id == left.pk
        assert Shift.objects.get().status == "closed"


@pytest.mark.slow
def test_shift_with_an_unknown_card_payment_stays_open_and_is_reported(url, gateway):
    card = next(each for each in read_baskets(DATA) if pays_by_card("replay", each))
    count = 1 + read_baskets(DATA).index(card)
    gateway.answers = [ConnectionError("no answer")]
    gateway.found = [ConnectionError("no answer")]

    _, failures = replay_with_problems(url, limit=count)

    assert "cannot be closed: 409 payments_unclear." in failures
    assert f"till {get_till_number('replay', card)}: file" in failures
    with in_shop():
        assert Shift.objects.exclude(status="closed").count() == 1

    # The gateway answers again: nothing new is sold, and every shift is closed.
    again = replay(url, limit=count)

    assert f"0 new, {count} already sold" in again
    with in_shop():
        assert not Shift.objects.exclude(status="closed").exists()


@pytest.mark.slow
def test_sales_without_a_z_report_are_reported(url, monkeypatch):
    prepare_shop("replay", read_articles(DATA), read_baskets(DATA, 3))
    # As in a shop without shifts.
    Tenant.objects.update(shifts_required=False)
    monkeypatch.setattr(command, "open_drawers", lambda *args: 0)

    _, failures = replay_with_problems(url, limit=3)

    assert failures.count("Z reports 0.00.") == len(
        {(each.store, get_till_number("replay", each)) for each in read_baskets(DATA, 3)}
    )

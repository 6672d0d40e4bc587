"""Orders and payments of two shifts: each amount is counted once."""

import pytest

from orders.models import Payment
from tenants.scope import tenant_scope
from tests.support.shifts import (
    cancel_first_payment,
    close_shift,
    end_shift,
    ensure_difference_explained,
    fetch_shift_report,
    hold_order,
    open_shift,
)
from tests.support.till import card, cash, line


def test_cash_canceled_at_another_register_leaves_that_drawer(
    till, tills, manager_client, make_product
):
    expected_shift, second = open_shift(till), open_shift(tills[0])
    order = hold_order(till, till.sold(line(make_product("5.00")), payments=[cash("3.00")]))
    tills[0].post(f"orders/{order['id']}/resume/", {"register": str(tills[0].register.pk)})

    cancel_first_payment(manager_client, order)

    assert fetch_shift_report(manager_client, expected_shift)["cash"]["expected"] == "103.00"
    assert fetch_shift_report(manager_client, second)["cash"]["expected"] == "97.00"
    for person, shift, counted in ((till, expected_shift, "103.00"), (tills[0], second, "97.00")):
        assert close_shift(person, shift, counted).json()["counted"][0]["difference"] == "0.00"
        ensure_difference_explained(fetch_shift_report(person, shift, "z"))


def test_cash_canceled_before_the_count_leaves_the_ended_shift(till, manager_client, make_product):
    shift = open_shift(till)
    order = till.sold(line(make_product("5.00")), payments=[cash("3.00")])
    end_shift(till, shift)

    cancel_first_payment(manager_client, order)

    assert fetch_shift_report(manager_client, shift)["cash"]["canceled"] == "3.00"
    assert close_shift(till, shift, "100.00").json()["counted"][0]["difference"] == "0.00"


def test_card_resolved_late_completes_the_order_in_the_shift_of_the_card(
    till, manager_client, make_product, gateway
):
    """The rest was paid in the next shift, which is closed already."""
    gateway.answers = [TimeoutError("no answer")]
    shift = open_shift(till)
    order = till.sold(line(make_product("10.00")), payments=[card("4.00")])
    end_shift(till, shift)
    second = open_shift(till, "0.00")
    till.pay(order, cash("6.00"))
    assert close_shift(till, second, "6.00").status_code == 200

    resolved = manager_client.post(f"payments/{order['payments'][0]['id']}/resolve/").json()
    close_shift(till, shift, "100.00")

    z_reports = [fetch_shift_report(till, each, "z") for each in (shift, second)]
    assert (resolved["status"], resolved["shift"]) == ("completed", shift["id"])
    assert [z["sales"]["total"] for z in z_reports] == ["10.00", "0.00"]
    assert [z["carried"]["paid_ahead"] for z in z_reports] == ["0.00", "6.00"]
    assert [z["carried"]["paid_before"] for z in z_reports] == ["6.00", "0.00"]
    for z in z_reports:
        ensure_difference_explained(z)


def test_edit_completes_an_order_in_the_open_shift(till, make_product):
    """It was paid in a closed shift, so removing the second line completes it."""
    shift = open_shift(till)
    order = till.sold(
        line(make_product("2.50")), line(make_product("1.00")), payments=[cash("2.50")]
    )
    close_shift(till, shift, "102.50")
    second = open_shift(till, "0.00")

    path = f"orders/{order['id']}/lines/{order['lines'][1]['id']}/"
    done = till.delete(path, If_Match="*").json()
    close_shift(till, second, "0.00")

    z = fetch_shift_report(till, second, "z")
    assert (done["status"], done["shift"]) == ("completed", second["id"])
    assert (z["sales"]["total"], z["carried"]["paid_before"]) == ("2.50", "2.50")
    ensure_difference_explained(z)


def test_shift_without_sales_has_a_z_report_of_zeros(till):
    shift = open_shift(till, "0.00")
    close_shift(till, shift, "0.00")

    z = fetch_shift_report(till, shift, "z")

    assert (z["payments"], z["taxes"]) == ([], [])
    assert {z["sales"][name] for name in z["sales"]} == {0, "0.00"}
    assert z["expected"] == [{"method": "cash", "amount": "0.00"}]


@pytest.mark.parametrize("opened_at", ["no register", "other register"])
def test_canceled_cash_leaves_the_drawer_of_the_register_of_the_order(
    opened_at, till, tills, manager_client, make_product, shop
):
    """The order is paid, held, and resumed at another register, where the payment is canceled."""
    shift, other = open_shift(till, "0.00"), tills[0]
    order = till.sold(line(make_product("5.00")), payments=[cash("2.00")])
    hold_order(till, order)
    other.post(f"orders/{order['id']}/resume/", {"register": str(other.register.pk)})
    expected_shift = open_shift(other, "10.00")["id"] if opened_at == "other register" else None

    cancel_first_payment(manager_client, order)

    with tenant_scope(shop):
        payment = Payment.objects.get()
    assert str(payment.shift_id) == shift["id"]
    assert (payment.returned_in_id and str(payment.returned_in_id)) == expected_shift

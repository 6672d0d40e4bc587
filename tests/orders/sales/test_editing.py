"""Editing open orders: every change reprices the order."""

import pytest

from tests.support.till import cash, line, new_id, percent


@pytest.fixture
def order(till, make_product):
    """Return an open order of two apples at 2.50."""
    return till.post("orders/", till.order(line(make_product("2.50"), "2"))).json()


@pytest.fixture
def path(order):
    return f"orders/{order['id']}/"


def get_only_line(order):
    (one,) = order["lines"]
    return one["id"]


def test_add_line_reprices_the_order(till, path, make_product):
    answer = till.post(f"{path}lines/", line(make_product("1.00"), "3"))

    assert answer.status_code == 200
    assert (answer.json()["total"], len(answer.json()["lines"])) == ("8.00", 2)
    assert answer["ETag"] == '"2"'


def test_change_quantity_price_and_note_of_a_line(managers_till, path, order):
    change = {"quantity": "3", "unit_price": "2.00", "note": "bruised"}
    answer = managers_till.patch(f"{path}lines/{get_only_line(order)}/", change, If_Match='"1"')

    assert answer.status_code == 200, answer.content
    changed = answer.json()["lines"][0]
    assert (changed["quantity"], changed["unit_price"], changed["note"]) == ("3", "2.00", "bruised")
    assert (changed["list_price"], answer.json()["total"]) == ("2.50", "6.00")


def test_order_without_lines_stays_open(till, path, order):
    answer = till.delete(f"{path}lines/{get_only_line(order)}/")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["total"]) == ("open", "0.00")


def test_add_and_remove_an_order_discount(till, path, order):
    given = till.post(f"{path}discounts/", percent("10", reason="regular", id=new_id())).json()
    (discount,) = given["discounts"]
    assert (given["total"], discount["amount"]) == ("4.50", "0.50")

    back = till.delete(f"{path}discounts/{discount['id']}/").json()

    assert (back["total"], back["discounts"]) == ("5.00", [])


def test_add_a_line_discount(till, path, order):
    answer = till.post(f"{path}discounts/", percent("10", line=get_only_line(order), id=new_id()))

    assert answer.json()["lines"][0]["discounts"][0]["amount"] == "0.50"
    assert answer.json()["discounts"] == []


def test_hold_resume_and_void_an_order(till, managers_till, path):
    assert till.post(f"{path}hold/").json()["status"] == "held"
    assert till.post(f"{path}resume/", {}).json()["status"] == "open"
    assert managers_till.post(f"{path}void/", {"reason": "changed his mind"}).json()["status"] == (
        "voided"
    )


def test_empty_order_is_filled_and_paid(till, make_product, shop):
    opened = till.post("orders/", till.order()).json()
    assert (opened["status"], opened["total"]) == ("open", "0.00")
    till.post(f"orders/{opened['id']}/lines/", line(make_product("2.50")))

    paid = till.post(f"orders/{opened['id']}/payments/", cash("2.50"))

    assert (paid.status_code, paid.json()["status"]) == (201, "completed")


def test_edited_order_of_zero_stays_open_until_it_is_paid(managers_till, path, order):
    answer = managers_till.post(f"{path}discounts/", percent("100"), Idempotency_Key="all").json()

    assert (answer["status"], answer["total"], answer["due"]) == ("open", "0.00", "0.00")
    assert (answer["receipt_number"], answer["completed_at"]) == (None, None)

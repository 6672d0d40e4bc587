"""Discounts and prices above the cashier's limits: required approval and sale with it."""

import pytest

from tests.support.approvals import (
    decide,
    grant_approval,
    list_approval_event_names,
    new_id,
    request_approval,
    snapshot_approval,
)
from tests.support.order_approvals import assert_no_orders, build_half_off_order, get_approval_state
from tests.support.terminals import OTHER_PIN, PairedTerminal, give_pin
from tests.support.till import ensure_books_balance, get_stock_level, line, percent

# --- required approval ---------------------------------------------------------------------------


def test_order_above_the_limit_names_the_required_approval(till, shop, make_product, problem):
    body = build_half_off_order(till, make_product("10.00"))

    refused = problem(till.post("orders/", body), 403, "approval_required")

    assert refused["action"] == "discount"
    assert refused["object"] == {"order": body["id"]}
    assert refused["amount"] == "10.00"
    assert assert_no_orders(shop)


@pytest.mark.parametrize(
    ("lines", "discounts", "action", "total"),
    [
        # (price, quantity, unit price, discounts of the line)
        ([("10.00", "2", None, ["50"])], [], "discount", "10.00"),
        ([("10.00", "1", None, [])], ["50"], "discount", "5.00"),
        # Discounts within the limit count too.
        ([("10.00", "1", None, ["50"]), ("10.00", "1", None, ["10"])], [], "discount", "6.00"),
        ([("0.01", "1", None, ["20"])], [], "discount", "0.00"),
        ([("10.00", "3", "8.00", [])], [], "price_override", "6.00"),
        ([("10.00", "3", "8.00", ["50"])], [], "price_override", "18.00"),
        ([("10.00", "1", "8.00", []), ("10.00", "1", None, ["50"])], [], "price_override", "7.00"),
        # A raised price of one line does not offset a lowered price of another.
        ([("10.00", "1", "8.00", []), ("10.00", "1", "15.00", [])], [], "price_override", "2.00"),
        ([("10.00", "1", "11.00", [])], [], "price_override", "0.00"),
        # The amount is measured from the list price, not from the raised price.
        ([("10.00", "1", "11.00", [])], ["10"], "price_override", "0.10"),
        ([("1.99", "0.333", "1.00", [])], [], "price_override", "0.33"),
    ],
)
def test_required_approval_amount_is_the_whole_reduction(
    till, make_product, problem, lines, discounts, action, total
):
    wanted = [
        line(
            make_product(price, sold_by="weight"),
            quantity,
            discounts=[percent(each) for each in off],
            **({} if unit_price is None else {"unit_price": unit_price}),
        )
        for price, quantity, unit_price, off in lines
    ]

    response = till.sell(*wanted, discounts=[percent(each) for each in discounts])

    refused = problem(response, 403, "approval_required")
    assert (refused["action"], refused["amount"]) == (action, total)


def test_open_price_is_no_reduction(till, make_product, problem):
    open_price_line = line(make_product("50.00", open_price=True), unit_price="10.00")

    refused = problem(
        till.sell(open_price_line, line(make_product("10.00"), unit_price="9.00")),
        403,
        "approval_required",
    )

    assert refused["amount"] == "1.00"


def test_required_amount_has_the_decimals_of_the_currency(
    configure_shop, till, make_product, problem
):
    configure_shop("JPY")

    response = till.sell(line(make_product("1000"), "3", discounts=[percent("50")]))

    assert problem(response, 403, "approval_required")["amount"] == "1500"


# --- sale with approval --------------------------------------------------------------------------


def test_order_with_approval_is_sold_and_uses_it(till, shop, store, make_product, get_approval):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)

    response = till.post("orders/", body | {"approval": approval})

    assert response.status_code == 201
    order = response.json()
    assert (order["status"], order["total"]) == ("completed", "10.00")
    assert order["cashier"] == str(till.user.pk)
    assert get_approval_state(approval) == "used"
    assert list_approval_event_names(shop) == [
        "approval_requested",
        "approval_given",
        "approval_used",
    ]
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


@pytest.mark.parametrize("price", ["5.00", "15.00"])
def test_price_override_approval_covers_discounts(till, make_product, get_approval, price):
    body = till.order(
        line(make_product("10.00"), unit_price=price),
        line(make_product("10.00"), discounts=[percent("90")]),
    )
    approval = get_approval(body)

    response = till.post("orders/", body | {"approval": approval})

    assert snapshot_approval({"id": approval})["action"] == "price_override"
    assert response.status_code == 201
    assert response.json()["discount_total"] == "9.00"


def test_manager_approves_at_the_terminal_by_pin(till, manager, register, make_product, problem):
    """Both log in by PIN, and only the session names the register."""
    body = build_half_off_order(till, make_product("10.00"))
    del body["register"]
    give_pin(till.user)
    give_pin(manager, OTHER_PIN)
    paired = PairedTerminal(register, manager).till_of(till.user)
    refused = problem(paired.post("orders/", body), 403, "approval_required")
    request = {name: refused[name] for name in ("action", "object", "amount")}
    approval = request_approval(paired, **request)

    decided = decide(paired, approval, body={"user": str(manager.pk), "pin": OTHER_PIN})
    sold = paired.post("orders/", body | {"approval": approval["id"]})

    assert (decided.status_code, sold.status_code) == (200, 201)
    assert sold.json()["cashier"] == str(till.user.pk)
    assert get_approval_state(approval["id"]) == "used"


def test_approval_above_the_required_amount_is_accepted(till, make_product, get_approval):
    body = build_half_off_order(till, make_product("10.00"))
    approval = get_approval(body, amount="99.00")

    assert till.post("orders/", body | {"approval": approval}).status_code == 201


def test_approval_can_be_requested_in_advance(till, make_product, manager_client):
    body = build_half_off_order(till, make_product("10.00"))
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": body["id"]}, amount="10.00")
    )["id"]

    assert till.post("orders/", body | {"approval": approval}).status_code == 201


def test_unneeded_approval_is_not_used(till, make_product, manager_client):
    body = till.order(line(make_product("10.00"), discounts=[percent("10")]))
    approval = grant_approval(manager_client, request_approval(till, object={"order": body["id"]}))[
        "id"
    ]

    assert till.post("orders/", body | {"approval": approval}).status_code == 201
    assert get_approval_state(approval) == "approved"


def test_unneeded_unknown_approval_is_ignored(till, make_product):
    response = till.post("orders/", till.order(line(make_product("10.00")), approval=new_id()))

    assert response.status_code == 201


def test_calculate_accepts_an_approval_and_does_not_use_it(till, make_product, get_approval):
    body = build_half_off_order(till, make_product("10.00"))
    approval = get_approval(body)

    response = till.post("orders/calculate/", body | {"approval": approval})

    assert (response.status_code, response.json()["total"]) == (200, "10.00")
    assert get_approval_state(approval) == "approved"


def test_manager_above_the_own_limit_needs_approval(
    managers_till, client_of, admin, make_product, get_approval
):
    body = managers_till.order(line(make_product("10.00"), unit_price="20.01"))
    approval = get_approval(body, by=managers_till, giver=client_of(admin))

    assert managers_till.post("orders/", body | {"approval": approval}).status_code == 201

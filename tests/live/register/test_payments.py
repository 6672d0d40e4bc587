"""Payments that the server completes, at the browser register: card readers and store credit."""

from decimal import Decimal

import pytest

from tests.support.live.network_cut import NetworkCut

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

BEER, CUCUMBER = "9520010000247", "9520010000018"
TOBIAS = ("Tobias Kern", "593027")
LENA = ("Lena Adam", "482915")


def charge(till, amount=None):
    if amount:
        till.page.fill("input[name=charged]", amount)
    till.press("Charge")


def start_paying(till, *codes):
    for code in codes:
        till.scan(code)
    till.start_paying()


def ensure_drawer_agrees(till, api):
    (shift,) = api.get("shifts/")["results"]
    expected = api.get(f"shifts/{shift['id']}/x-report/")["cash"]["expected"]
    assert till.read_device()["drawer"]["cash"] == expected


def list_payments(order):
    return [(each["method"], each["status"], each["amount"]) for each in order["payments"]]


def test_reader_declines_waits_is_canceled_and_charges_a_part(till, api):
    """The simulator declines .91, and waits for the customer at .95."""
    page = till.page
    start_paying(till, BEER, BEER, CUCUMBER)
    charge(till, "1.91")
    assert "Declined by the card's bank" in till.message
    charge(till, "1.95")
    till.wait_for("main.charging:has-text('present the card')")
    page.keyboard.press("Escape")
    till.wait_for("main.pay:not([aria-busy])")
    assert "Canceled" in till.message
    charge(till, "1.00")
    till.wait_for(".parts li")
    till.press("Exact")
    till.wait_until_sold()

    (order,) = api.list_orders()
    assert order["status"] == "completed"
    assert list_payments(order) == [
        ("card", "declined", "1.91"),
        ("card", "canceled", "1.95"),
        ("card", "captured", "1.00"),
        ("cash", "captured", "2.25"),
    ]
    assert [sale["state"] for sale in till.read_sales()] == ["sent"]
    ensure_drawer_agrees(till, api)


def test_sale_at_the_reader_goes_on_after_the_page_was_closed(till, api):
    page = till.page
    start_paying(till, BEER)
    charge(till, "0.95")
    till.wait_for("main.charging:has-text('present the card')")
    page.reload()
    till.press(TOBIAS[0])
    page.fill("input[name=pin]", TOBIAS[1])
    till.press("Log in")
    till.wait_for("main.charging:has-text('present the card')")

    (order,) = api.list_orders()
    api.post(f"payments/{order['payments'][0]['id']}/resolve/", {})
    till.wait_for("main.pay .parts li")
    till.pay_cash()
    till.wait_until_sold()

    (order,) = api.list_orders()
    assert (order["status"], order["device_sequence"]) == ("completed", 1)


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_card_is_charged_once_although_the_network_is_cut(till, api, moment):
    network = NetworkCut(till.page)
    start_paying(till, BEER)
    network.arm("POST", "orders/", moment)
    charge(till)
    wait_until_cut(till, network)
    network.come_back()
    till.wait_until_sold()

    (order,) = api.list_orders()
    assert list_payments(order) == [("card", "captured", order["total"])]
    till.wait_for_states("sent")


def wait_until_cut(till, network):
    while network.armed:
        till.page.wait_for_timeout(10)
    till.wait_for("main.charging")


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_rest_is_paid_once_although_the_network_is_cut(till, api, moment):
    network = NetworkCut(till.page)
    order = decline_card(till, api)
    network.arm("POST", f"orders/{order}/payments/", moment)
    charge(till, "1.00")
    wait_until_cut(till, network)
    network.come_back()
    till.wait_for("main.pay .parts li")
    till.press("Exact")
    till.wait_until_sold()

    (order,) = api.list_orders()
    assert [status for _, status, _ in list_payments(order)] == ["declined", "captured", "captured"]
    assert list_payments(order)[1] == ("card", "captured", "1.00")
    till.wait_for_states("sent")
    ensure_drawer_agrees(till, api)


def test_lost_charge_that_the_server_refuses_returns_to_the_cart(till, api):
    network = NetworkCut(till.page)
    start_paying(till, BEER)
    network.arm("POST", "orders/", "request")
    charge(till)
    wait_until_cut(till, network)
    product = api.get(f"products/?barcode={BEER}")["results"][0]
    api.send("PATCH", f"products/{product['id']}/", {"is_active": False}, If_Match="*")
    network.come_back()
    till.wait_for("main.pay")

    assert "is not on sale" in till.message
    assert till.read_sales() == api.list_orders() == []
    assert len(till.read_device()["cart"]["lines"]) == 1


def test_sale_that_nobody_pays_is_given_up_with_an_approval(till, api):
    page = till.page
    till.press("Lock")
    till.log_in(*LENA)
    start_paying(till, BEER)
    charge(till, "0.91")
    till.wait_for("button[name=abandon]")
    page.keyboard.press("Escape")
    page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
    page.fill("dialog input[name=pin]", TOBIAS[1])
    till.press("Approve")
    till.wait_for("#search")
    total = till.sell()

    given_up, sold = api.list_orders()
    assert given_up["status"] == "voided"
    assert Decimal(sold["total"]) == total
    assert [each["device_sequence"] for each in (given_up, sold)] == [1, 2]
    ensure_drawer_agrees(till, api)


def decline_card(till, api):
    """Return an order whose card was declined, which is open on the server."""
    start_paying(till, BEER)
    charge(till, "0.91")
    till.wait_for("button[name=abandon]:not([disabled])")
    return api.list_orders()[-1]["id"]


def ensure_voided_sale_is_sold_anew(till, api):
    """Its cart is back on the selling screen, with another id."""
    till.wait_for("#search")
    assert till.message == "The sale was voided. Its cart was restored."
    total = till.sell()
    voided, sold = api.list_orders()
    assert [voided["status"], sold["status"]] == ["voided", "completed"]
    assert Decimal(sold["total"]) == total
    assert [each["device_sequence"] for each in (voided, sold)] == [1, 2]
    till.wait_for_states("sent")
    ensure_drawer_agrees(till, api)


@pytest.mark.parametrize("button", ["abandon", "charge"])
def test_sale_that_was_voided_elsewhere_frees_the_register(till, api, button):
    api.post(f"orders/{decline_card(till, api)}/void/", {"reason": "Left"})

    till.page.click(f"button[name={button}]")

    ensure_voided_sale_is_sold_anew(till, api)


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_sale_is_given_up_although_the_network_is_cut(till, api, moment):
    network = NetworkCut(till.page)
    order = decline_card(till, api)
    network.arm("POST", f"orders/{order}/void/", moment)
    till.page.click("button[name=abandon]")
    till.wait_for("main.charging")
    network.come_back()
    till.wait_for("#search, button[name=abandon]:not([disabled])")
    if till.page.locator("button[name=abandon]").count():
        till.page.click("button[name=abandon]")

    ensure_voided_sale_is_sold_anew(till, api)


def pay_out_empties_as_credit(till):
    """Return the code of the store credit."""
    till.page.fill("#search", "leergut")
    till.page.keyboard.press("Enter")
    till.start_paying()
    till.press("As store credit")
    code: str = till.wait_for("main.done output.code").inner_text()
    till.next()
    return code


def pay_with_credit(till, code):
    till.page.fill("input[name=credit]", code)
    till.press("Show the balance")
    till.wait_for(".balance")
    till.press("Use the credit")
    till.wait_for(".parts li")


def pay_with_voucher(till, number, value):
    till.page.fill("input[name=voucher]", number)
    till.page.fill("input[name=voucher-amount]", value)
    till.press("Take the voucher")
    till.wait_for(".parts li:nth-child(2)")


def test_store_credit_and_voucher_pay_a_part(till, api):
    page = till.page
    code = pay_out_empties_as_credit(till)
    start_paying(till, BEER)
    page.fill("input[name=credit]", "NO-SUCH-CODE")
    till.press("Show the balance")
    assert "no store credit with this code" in till.message
    pay_with_credit(till, code)
    pay_with_voucher(till, "V-17", "0,50")
    till.pay_cash()
    till.wait_until_sold()

    _, order = api.list_orders()
    methods = [method for method, *_ in list_payments(order)]
    assert methods == ["store_credit", "voucher", "cash"]
    assert api.get(f"store-credits/?code={code}")["results"][0]["balance"] == "0.00"
    assert code not in str(till.read_sales())
    ensure_drawer_agrees(till, api)

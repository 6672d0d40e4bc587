"""Receipts at the browser register: found, printed again, sent by e-mail, and refunded."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.support.live.browser import read_amount
from tests.support.live.network_cut import NetworkCut

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

CUCUMBER, BEER, MILK = "9520010000018", "9520010000247", "9520010000032"
LENA = ("Lena Adam", "482915")
TOBIAS = ("Tobias Kern", "593027")


def find(till, code):
    till.page.keyboard.press("F10")
    till.page.fill("input[name=code]", code)
    till.press("Find")
    till.wait_for("main.receipt:not([aria-busy]) h1")


def ensure_printed(till, text):
    """Wait until a print contains the text."""
    till.page.wait_for_function(
        "text => document.getElementById('print').textContent.includes(text)", arg=text
    )
    till.wait_for("main:not([aria-busy])")


def begin_refund(till):
    till.page.keyboard.press("F7")
    till.wait_for("input[name=reason]")
    till.page.fill("input[name=reason]", "Leaking")


def fill_quantity(till, name, quantity):
    line = till.page.locator("form li").filter(has_text=name).first
    line.locator("input").first.fill(quantity)


def read_plan(till):
    """Return what the form says that is paid back, by method, and the total."""
    texts = till.page.locator("form .totals p").all_inner_texts()
    *payouts, total = [read_amount(text.splitlines()[-1]) for text in texts]
    return payouts, total


def refund(till):
    """Send the refund, and return what the form had said."""
    plan = read_plan(till)
    till.press("Refund")
    till.wait_for("main:not([aria-busy]) .refunded h2")
    return plan


def approve(till):
    page = till.page
    page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
    page.fill("dialog input[name=pin]", TOBIAS[1])
    till.press("Approve")
    page.wait_for_selector("dialog", state="detached")


def ensure_refunds_are_as_planned(order, plans):
    made = [
        ([Decimal(each["paid"]) for each in refund["payouts"]], Decimal(refund["total"]))
        for refund in order["refunds"]
    ]
    assert made == plans


def pay_card(till, amount, slip):
    till.page.fill("input[name=amount]", amount)
    till.page.fill("input[name=reference]", slip)
    till.press("The card is charged")


def sell_by_card_and_cash(till):
    for code in (BEER, BEER, BEER, CUCUMBER, MILK):
        till.scan(code)
    total = till.total
    till.start_paying()
    pay_card(till, "2.00", "4711")
    till.wait_for(".parts li")
    till.pay_cash()
    till.wait_until_sold()
    till.next()
    return total


def refund_a_bottle_an_empty_and_the_rest(till):
    """Return what the form said of each of the three refunds."""
    page = till.page
    begin_refund(till)
    fill_quantity(till, "Pils", "1")
    bottle = refund(till)
    till.press("Print the refund receipt")
    ensure_printed(till, "Leaking")

    begin_refund(till)
    fill_quantity(till, "Pfand", "1")
    empty = refund(till)

    begin_refund(till)
    page.keyboard.press("F8")
    page.locator("form li").filter(has_text="Milch").locator("input[type=checkbox]").check()
    page.fill("input[name=reference]", "4712")
    return [bottle, empty, refund(till)]


def list_wasted(order):
    names = {line["id"]: line["name"] for line in order["lines"]}
    lines = [line for refund in order["refunds"] for line in refund["lines"]]
    return [names[each["line"]] for each in lines if not each["restock"]]


def sell_at_the_reader(till, api):
    """Sell by a card that the simulator waits for, as for charges and refunds of .95."""
    till.scan(BEER)
    till.start_paying()
    till.page.fill("input[name=charged]", "0.95")
    till.press("Charge")
    till.wait_for("main.charging:has-text('present the card')")
    (order,) = api.list_orders()
    api.post(f"payments/{order['payments'][0]['id']}/resolve/", {})
    till.wait_for("main.pay .parts li")
    till.pay_cash()
    till.wait_until_sold()
    till.next()
    return order["id"]


def test_refund_that_waits_at_the_reader_is_canceled_there(till, api):
    find(till, sell_at_the_reader(till, api))
    begin_refund(till)
    till.page.keyboard.press("F8")
    refund(till)
    assert "waiting for the card" in till.page.inner_text(".refunded")

    till.press("Cancel at the reader")
    till.wait_for(".refunded:has-text('Nothing was refunded')")

    (order,) = api.list_orders()
    assert [each["status"] for each in order["refunds"]] == ["failed"]
    assert (order["status"], order["refunded_total"]) == ("completed", "0.00")


def test_parts_of_a_sale_are_refunded_as_the_form_says(till, api):
    total = sell_by_card_and_cash(till)
    (order,) = api.list_orders()

    # The QR code of the receipt is the id of the order; a scan on the selling screen finds it.
    till.scan_anywhere(order["id"])
    till.wait_for("main.receipt:not([aria-busy]) h1")
    assert order["number"] in till.page.inner_text("main.receipt")
    plans = refund_a_bottle_an_empty_and_the_rest(till)

    (order,) = api.list_orders()
    assert order["status"] == "refunded"
    ensure_refunds_are_as_planned(order, plans)
    assert sum(plan[1] for plan in plans) == total
    assert ["Milch" in name or "milch" in name for name in list_wasted(order)] == [True]
    (shift,) = api.get("shifts/")["results"]
    expected = api.get(f"shifts/{shift['id']}/x-report/")["cash"]["expected"]
    assert till.read_device()["drawer"]["cash"] == expected


def test_refund_above_the_limit_is_approved_in_place_and_paid_as_store_credit(till, api):
    page = till.page
    total = till.sell(MILK, BEER)
    (order,) = api.list_orders()
    till.press("Lock")
    till.log_in(*LENA)

    find(till, str(order["receipt_number"]))
    begin_refund(till)
    page.fill("input[name=refund-amount]", "1,00")
    page.select_option("select[name=method]", "store_credit")
    plan = read_plan(till)
    till.press("Refund")
    approve(till)
    code = till.wait_for(".refunded output.code").inner_text()

    (order,) = api.list_orders()
    ensure_refunds_are_as_planned(order, [plan])
    assert plan == ([Decimal("1.00")], Decimal("1.00"))
    assert order["refunds"][0]["approved_by"]
    (credit,) = api.get(f"store-credits/?code={code}")["results"]
    assert credit["balance"] == "1.00"
    assert Decimal(order["total"]) == total


def test_sales_are_found_by_amount_printed_as_copy_and_sent_by_mail(till, api):
    page = till.page
    till.sell(MILK)
    total = till.sell(CUCUMBER)
    page.keyboard.press("F10")
    page.fill("input[name=amount]", str(total).replace(".", ","))
    till.press("Search by total")
    till.press("Show")
    till.wait_for("main.receipt:not([aria-busy]) h1")
    for mark in (str(total), "KOPIE 1"):
        page.keyboard.press("F6")
        ensure_printed(till, mark)
    till.press("Send by e-mail")
    page.fill("dialog input[name=email]", "customer@till.example")
    page.locator("dialog").get_by_role("button", name="Send").click()
    assert "customer@till.example" in till.message

    page.keyboard.press("F10")
    page.fill("input[name=code]", "99")
    till.press("Find")
    assert "There is no receipt 99 of Till 1" in till.message


def test_receipts_say_that_they_need_a_connection(till):
    page = till.page
    page.context.set_offline(True)
    page.keyboard.press("F10")
    till.wait_for("text=Receipts and refunds need a connection")
    assert page.locator("main button:not([disabled])").count() == 0
    page.context.set_offline(False)


def test_sale_that_was_refunded_before_its_answer_was_seen_is_sold(till, api):
    page = till.page
    # The server has the sale, and the page is loaded again before it knows that.
    page.route("**/api/v1/orders/", lambda route: route.fetch())
    till.scan(MILK)
    till.start_paying()
    with page.expect_request("**/api/v1/orders/"):
        till.press("Exact")
    while not api.list_orders():
        page.wait_for_timeout(10)
    (order,) = api.list_orders()
    refund = {"id": str(uuid4()), "amount": order["total"], "reason": "Leaking"}
    refund["register"] = order["register"]
    api.post(f"orders/{order['id']}/refunds/", refund)
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    till.log_in(*TOBIAS)

    till.wait_for_states("sent")
    assert till.read_device()["cart"]["lines"] == []


def test_refund_that_is_sent_again_leaves_the_drawer_once(till, api):
    till.sell(MILK, BEER)
    (order,) = api.list_orders()
    find(till, str(order["receipt_number"]))
    begin_refund(till)
    till.page.fill("input[name=refund-amount]", "1.00")
    network = NetworkCut(till.page)
    network.arm("GET", f"orders/{order['id']}/", "request")
    till.press("Refund")
    assert "does not answer" in till.message
    network.come_back()
    refund(till)

    (order,) = api.list_orders()
    assert [each["total"] for each in order["refunds"]] == ["1.00"]
    (shift,) = api.get("shifts/")["results"]
    expected = api.get(f"shifts/{shift['id']}/x-report/")["cash"]["expected"]
    assert till.read_device()["drawer"]["cash"] == expected

"""X report, cash movements and the manager's glance at the browser register."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.support.live.browser import read_amount

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

BEER, MILK = "9520010000247", "9520010000032"
LENA = ("Lena Adam", "482915")


def read_x_report(till):
    till.page.keyboard.press("F4")
    text = till.wait_for("dialog pre.receipt").inner_text()
    till.page.keyboard.press("Escape")
    till.page.wait_for_selector("dialog", state="detached")
    return text


def open_the_drawer(till):
    page = till.page
    page.keyboard.press("F7")
    page.fill("dialog input[name=reason]", "Change for the customer")
    till.press("Save")
    till.wait_for("p.message:has-text('The cash movement is booked')")
    till.press("Print the slip")
    page.wait_for_function(
        "text => document.getElementById('print').textContent.includes(text)",
        arg="Change for the customer",
    )


def leave_a_gap(api):
    """Let a device of the register report its fifth sale, of which three never arrived."""
    register = api.get("registers/")["results"][0]["id"]
    product = api.get(f"products/?barcode={MILK}")["results"][0]["id"]
    line = {"product": product, "quantity": "1"}
    body = {"id": str(uuid4()), "register": register, "lines": [line], "device_sequence": 5}
    api.post("orders/", body | {"payments": [{"method": "cash"}]})


def test_manager_sees_sales_drawer_and_missing_sales(till, api):
    page = till.page
    till.sell(MILK, BEER)
    leave_a_gap(api)
    sold = sum(Decimal(order["total"]) for order in api.list_orders())
    till.press("Menu")
    open_the_drawer(till)

    report = read_x_report(till)
    page.keyboard.press("F8")
    till.wait_for("main.glance:not([aria-busy])")

    assert f"{sold}" in report
    assert f"{Decimal('100.00') + sold}" in report
    assert read_amount(page.inner_text("#today")) == sold
    (shift,) = api.get("shifts/")["results"]
    cash = api.get(f"shifts/{shift['id']}/x-report/")["cash"]
    assert read_amount(page.inner_text("#expected")) == Decimal(cash["expected"])
    assert cash["no_sales"] == 1
    shown = page.inner_text("main")
    assert "Till 1: 3 missing" in shown
    assert "1-T2 \N{EN DASH} 1-T4" in shown
    assert "Everything is on the server" in shown


def test_cashier_counts_blind(till):
    till.sell(MILK)
    till.press("Lock")
    till.log_in(*LENA)
    till.press("Menu")

    report = read_x_report(till)

    assert "Amounts are hidden" in report
    assert "100.00" not in report
    assert till.page.locator("button[name=glance]").count() == 0

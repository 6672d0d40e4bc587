"""The network is cut in the middle of every kind of step: nothing is lost or done twice."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.support.live import browser
from tests.support.live.network_cut import Moment, NetworkCut
from tests.support.live.shop_api import ShopApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

CUCUMBER, BEER, MILK = "9520010000018", "9520010000247", "9520010000032"
GS1_MILK = f"]C101{CUCUMBER.zfill(14)}"
LENA = ("Lena Adam", "482915")
TOBIAS = ("Tobias Kern", "593027")


class Day:
    """A day at the register, in which every step is cut once and then done again as it says."""

    def __init__(self, till: browser.RegisterPage, api: ShopApi, moment: Moment) -> None:
        self.till, self.page, self.api, self.moment = till, till.page, api, moment
        self.network = NetworkCut(till.page)
        self.shown: list[Decimal] = []

    def cut(self, method: str, path: str, step: Callable[[], object]) -> None:
        """Cut the network in a step, wait until the page has noticed, and repair it."""
        self.network.arm(method, path, self.moment)
        step()
        while self.network.armed:
            self.page.wait_for_timeout(10)
        self.till.wait_for("main:not([aria-busy])")
        self.network.come_back()

    def cut_and_repeat(self, method: str, path: str, step: Callable[[], object]) -> None:
        self.cut(method, path, step)
        step()

    def run(self) -> None:
        self.set_up()
        self.open_shift()
        self.log_in()
        self.sell_for_cash()
        self.sell_by_card()
        self.sell_with_an_approval()
        self.scan_what_only_the_server_reads()
        self.upload()
        self.move_cash()
        self.close()

    def set_up(self) -> None:
        self.till.open()
        self.till.wait_for("input[name=tenant]")
        self.cut_and_repeat("POST", "auth/token/", self.log_in_as_manager)
        self.till.wait_for(".choices")
        self.cut("POST", "registers/.*/pair/", lambda: self.till.press("Till 1"))
        assert "does not answer" in self.till.message
        self.cut("GET", "catalog/snapshot/", lambda: self.till.press("Till 1"))
        assert "does not answer" in self.till.message
        self.log_in_as_manager()
        self.till.press("Till 1")
        self.till.wait_for("input[name=float]")

    def log_in_as_manager(self) -> None:
        for name, value in browser.MANAGER.items():
            self.page.fill(f"input[name={name}]", value)
        self.till.press("Log in")

    def open_shift(self) -> None:
        self.cut("POST", "shifts/", self.enter_float)
        self.enter_float()
        self.till.wait_for("#search")

    def enter_float(self) -> None:
        self.page.fill("input[name=float]", "100.00")
        self.till.press("Open the shift")

    def log_in(self) -> None:
        self.till.press("Lock")
        self.till.press(LENA[0])
        self.page.fill("input[name=pin]", LENA[1])
        self.cut("POST", "auth/pin/", lambda: self.till.press("Log in"))
        self.till.press(LENA[0])
        self.page.fill("input[name=pin]", LENA[1])
        self.till.press("Log in")
        self.till.wait_for("#search")

    def sell_for_cash(self) -> None:
        self.till.scan(MILK)
        self.till.start_paying()
        self.note_total()
        self.cut("POST", "orders/", lambda: self.till.press("Exact"))
        self.end_sale()

    def sell_by_card(self) -> None:
        self.till.scan(BEER)
        self.till.start_paying()
        self.note_total()
        self.page.fill("input[name=reference]", "4711")
        self.cut("POST", "orders/calculate/", lambda: self.till.press("The card is charged"))
        self.end_sale()

    def sell_with_an_approval(self) -> None:
        self.till.scan(CUCUMBER)
        self.take_half_off()
        self.page.keyboard.press("F9")
        self.cut("POST", "approvals/", self.approve)
        self.cut("POST", "approvals/.*/approve/", self.approve)
        self.approve()
        self.till.wait_for("main.pay:not([aria-busy])")
        self.note_total()
        self.cut("POST", "orders/", lambda: self.till.press("Exact"))
        self.end_sale()

    def take_half_off(self) -> None:
        self.page.keyboard.press("F7")
        self.page.fill("dialog input[name=value]", "50")
        self.till.press("Save")
        self.page.wait_for_selector("dialog", state="detached")

    def approve(self) -> None:
        self.page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
        self.page.fill("dialog input[name=pin]", TOBIAS[1])
        self.till.press("Approve")

    def scan_what_only_the_server_reads(self) -> None:
        self.cut("POST", "orders/calculate/", lambda: self.page.evaluate(browser.SCAN, GS1_MILK))
        self.till.scan(GS1_MILK)
        self.till.start_paying()
        self.note_total()
        self.till.press("Exact")
        self.end_sale()

    def upload(self) -> None:
        self.network.is_down = True
        self.till.scan(MILK)
        self.till.start_paying()
        self.note_total()
        self.till.press("Exact")
        self.end_sale()
        self.network.is_down = False
        self.cut("POST", "sync/orders/", lambda: None)

    def move_cash(self) -> None:
        self.till.press("Menu")
        self.till.press("Cash in, cash out")
        self.page.fill("dialog input[name=amount]", "7")
        self.page.fill("dialog input[name=reason]", "Change")
        self.cut("POST", "shifts/.*/cash-movements/", lambda: self.till.press("Save"))
        self.till.press("Save")
        self.till.wait_for("p.message:has-text('The cash movement is booked')")

    def close(self) -> None:
        shift = self.api.get("shifts/")["results"][0]["id"]
        self.till.press("Back")
        self.till.press("Lock")
        self.till.log_in(*TOBIAS)
        self.till.press("Menu")
        self.cut("GET", f"shifts/{shift}/x-report/", lambda: self.till.press("Count and close"))
        self.till.press("Count and close")
        self.till.wait_for("form.count")
        self.count()
        self.cut("POST", f"shifts/{shift}/end/", lambda: self.till.press("Close the shift"))
        self.cut("POST", f"shifts/{shift}/close/", lambda: self.till.press("Close the shift"))
        self.cut("GET", f"shifts/{shift}/z-report/", lambda: self.till.press("Close the shift"))
        self.till.press("Close the shift")
        self.till.wait_for("main.closed pre.receipt")

    def count(self) -> None:
        cash = Decimal("107.00") + sum(self.shown) - self.card
        for value in ("50.00", "20.00", "1.00", "0.01"):
            self.page.fill(f'input[name="value {value}"]', str(cash // Decimal(value)))
            cash %= Decimal(value)
        self.page.fill('input[name="method card"]', str(self.card))

    def note_total(self) -> None:
        self.shown.append(browser.read_amount(self.page.inner_text(".due output")))

    def end_sale(self) -> None:
        self.till.wait_until_sold()
        self.till.next()

    @property
    def card(self) -> Decimal:
        return self.shown[1]


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_each_step_is_done_once_although_the_network_is_cut_in_it(base, api, moment):
    with browser.run_browser() as context:
        day = Day(browser.RegisterPage(context.new_page(), base), api, moment)
        day.run()
        assert day.till.errors == []

    orders = api.list_orders()
    assert [Decimal(order["total"]) for order in orders] == day.shown
    assert [order["device_sequence"] for order in orders] == list(range(1, len(day.shown) + 1))
    (shift,) = api.get("shifts/")["results"]
    z_report = api.get(f"shifts/{shift['id']}/z-report/")
    assert z_report["sales"]["count"] == len(day.shown)
    assert all(Decimal(each["difference"]) == 0 for each in z_report["counted"]), z_report
    assert Decimal(z_report["cash"]["paid_in"]) == Decimal(7)

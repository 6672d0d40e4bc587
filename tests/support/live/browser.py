"""The browser register in chromium, used as a person uses it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

WIDE = {"width": 1280, "height": 800}
MANAGER = {"tenant": "corner", "username": "manager", "password": "demo-manager-password"}
TIMEOUT = 20_000
# Processes of tests run as root, whom chromium refuses a sandbox.
OPTIONS = {"args": ["--no-sandbox", "--disable-dev-shm-usage"]}
# A refusal that the register expects, such as no open shift, is logged by the browser too.
EXPECTED = re.compile(r"Failed to load resource: (the server responded with a status of 4|net::)")

SCAN = """code => {
  for (const key of [...code, "Enter"]) {
    const options = { key, bubbles: true, cancelable: true };
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", options));
  }
}"""


def launch(playwright: Playwright, **options: Any) -> Browser:
    return playwright.chromium.launch(executable_path=which("chromium"), **OPTIONS, **options)


def launch_kept(playwright: Playwright, folder: Path, **options: Any) -> BrowserContext:
    """Start a browser that keeps its storage in a folder, as on a device."""
    return playwright.chromium.launch_persistent_context(
        str(folder), executable_path=which("chromium"), locale="en-GB", **OPTIONS, **options
    )


@contextmanager
def run_browser(**options: Any) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser.new_context(**{"locale": "en-GB", "viewport": WIDE, **options})
        finally:
            browser.close()


class RegisterPage:
    """The page of the register, and what people do on it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.errors: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            self.errors.append(message.text)

    def open(self) -> None:
        self.page.goto(f"{self.base}/till/")

    def press(self, name: str) -> None:
        """Click a button by the beginning of its name."""
        self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first.click()

    def set_up(self, register: str = "Till 1", opening_float: str = "100.00") -> None:
        """Pair the device as a manager, open a shift, and wait until the page is kept."""
        self.open()
        self.pair(register)
        self.open_shift(opening_float)
        self.page.evaluate("async () => { await navigator.serviceWorker.ready; }")

    def pair(self, register: str = "Till 1") -> None:
        for name, value in MANAGER.items():
            self.page.fill(f"input[name={name}]", value)
        self.press("Log in")
        self.press(register)

    def open_shift(self, opening_float: str = "100.00") -> None:
        self.page.fill("input[name=float]", opening_float)
        self.press("Open the shift")
        self.wait_for("#search")

    def log_in(self, name: str, pin: str) -> None:
        self.press(name)
        self.page.fill("input[name=pin]", pin)
        self.press("Log in")
        self.wait_for("#search")

    def scan(self, code: str) -> None:
        """Type a code as a scanner does, and wait until it is in the cart.

        In one step, because a busy machine would pause between the keys as a person does.
        """
        before = self.page.locator("ol.lines").inner_text()
        self.scan_anywhere(code)
        self.page.wait_for_function(
            "before => document.querySelector('ol.lines').innerText !== before", arg=before
        )

    def scan_anywhere(self, code: str) -> None:
        """Type a code as a scanner does, whatever it does."""
        self.page.evaluate(SCAN, code)

    @property
    def total(self) -> Decimal:
        return read_amount(self.page.locator("#total").inner_text())

    def start_paying(self) -> None:
        self.page.keyboard.press("F9")
        self.wait_for("main.pay")

    def pay_cash(self, tendered: str | None = None) -> Decimal:
        """Pay the rest, exactly or with more; return the change that is shown."""
        if tendered is None:
            self.press("Exact")
        else:
            self.page.fill("input[name=tendered]", tendered)
            self.press("Take cash")
        return self.read_change() if tendered else Decimal(0)

    def read_change(self) -> Decimal:
        return read_amount(self.page.locator("#change").inner_text())

    def wait_until_sold(self) -> None:
        self.wait_for("main.done")

    def wait_for(self, selector: str) -> Any:
        """Return the element once it is shown, or say what the page shows instead."""
        try:
            return self.page.wait_for_selector(selector)
        except PlaywrightError as error:
            shown = self.page.inner_text("body")
            raise AssertionError(f"no {selector}: {shown}\n{self.errors}") from error

    def next(self) -> None:
        self.press("Next customer")
        self.wait_for("#search")

    def sell(self, *codes: str) -> Decimal:
        """Sell by scans for the exact cash; return the total that was shown."""
        for code in codes:
            self.scan(code)
        total = self.total
        self.start_paying()
        self.pay_cash()
        self.wait_until_sold()
        self.next()
        return total

    def read_sales(self) -> list[dict[str, Any]]:
        """Return what the device keeps of its sales."""
        return self.page.evaluate(
            """() => new Promise((resolve, reject) => {
                const opening = indexedDB.open("till");
                opening.onerror = () => reject(opening.error);
                opening.onsuccess = () => {
                  const sales = opening.result.transaction("sales").objectStore("sales").getAll();
                  sales.onsuccess = () => { opening.result.close(); resolve(sales.result); };
                };
            })"""
        )

    def read_device(self) -> dict[str, Any]:
        """Return what the device keeps besides catalog and sales, by key."""
        return self.page.evaluate(
            """() => new Promise((resolve, reject) => {
                const opening = indexedDB.open("till");
                opening.onerror = () => reject(opening.error);
                opening.onsuccess = () => {
                  const device = opening.result.transaction("device").objectStore("device");
                  const kept = {};
                  device.openCursor().onsuccess = ({ target: { result: row } }) => {
                    if (row) { kept[row.key] = row.value; return row.continue(); }
                    opening.result.close();
                    resolve(kept);
                  };
                };
            })"""
        )

    @property
    def message(self) -> str:
        """Return what the page says, once it says something."""
        return self.wait_for(".message:not(.empty)").inner_text()

    def wait_for_states(self, *states: str) -> None:
        """Wait until the sales of the device have these states, in the order of their numbers."""
        for _ in range(200):
            sales = sorted(self.read_sales(), key=lambda sale: sale["device_sequence"])
            if [sale["state"] for sale in sales] == list(states):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError([(sale["state"], sale.get("errors")) for sale in sales])


def read_amount(text: str) -> Decimal:
    """Return the amount of a text such as `€1,234.50`."""
    sign = "-" if text.strip()[0] in "-\N{MINUS SIGN}" else ""
    return Decimal(sign + re.sub(r"[^0-9.]", "", text))

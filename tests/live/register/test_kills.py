"""Browser and server are killed: each sale that the screen called done is sold once."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from threading import Timer

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Playwright

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import Product
from tenants.scope import across_tenants
from tests.support.live import browser
from tests.support.live.proxy import Proxy, run_proxy
from tests.support.live.server import TILL, Server
from tests.support.live.shop_api import ShopApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

CODES = ("9520010000018", "9520010000247", "9520010000032", "2100101005374")
TOBIAS = ("Tobias Kern", "593027")
SALES = 200
KILLS = 12
SEED = 20261130
# The server ends in these ways, at these sales.
ENDS = {20: signal.SIGKILL, 40: signal.SIGTERM, 60: signal.SIGKILL}

# Sells by the keys of a scanner from whatever the screen shows, until it is locked or `count` sales
# are done. What the screen calls done is reported before the next customer.
SELL = """async ([codes, count, seed]) => {
  let state = seed;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const find = (selector) => document.querySelector(selector);
  const wait = () => new Promise((resolve) => setTimeout(resolve, 4));
  const press = (key) => (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const scan = (code) => [...code, "Enter"].forEach(press);
  const splitCard = () => {
    const form = find("section[aria-labelledby=card-title] form:has([name=reference])");
    form.amount.value = "0.50";
    form.reference.value = "4711";
    form.requestSubmit();
  };
  const steps = {
    sell() {
      const lines = document.querySelectorAll("ol.lines li").length;
      if (lines > random() * 3) press("F9");
      else scan(codes[Math.floor(random() * codes.length)]);
    },
    pay() {
      const said = find(".message:not(.empty)");
      if (said) throw new Error(said.textContent);
      if (!find(".parts li") && random() < 0.2) splitCard();
      else find(".notes button").click();
    },
    async done() {
      const lines = find("pre.receipt").textContent.trim().split("\\n");
      await window.noteDone([lines.at(-1).trim(), find("#change").textContent]);
      count -= 1;
      press("Enter");
    },
  };
  while (count > 0) {
    const screen = find("main:not([aria-busy])")?.className;
    if (screen === "lock") return;
    await steps[screen]?.();
    await wait();
  }
}"""


class Device:
    """A browser that keeps its storage, and what its screen has called done."""

    def __init__(self, playwright: Playwright, folder: Path, base: str) -> None:
        self.playwright, self.folder, self.base = playwright, folder, base
        self.done: list[str] = []
        self.errors: list[str] = []

    @contextmanager
    def run(self) -> Iterator[browser.RegisterPage]:
        context = browser.launch_kept(self.playwright, self.folder)
        context.expose_binding("noteDone", lambda _, done: self.done.append(done[0]))
        register = browser.RegisterPage(context.pages[0], self.base)
        register.open()
        try:
            yield register
        finally:
            self.errors += register.errors
            with suppress(PlaywrightError):
                context.close()

    def enter(self, register: browser.RegisterPage) -> None:
        """Log in, or go on without the server."""
        register.wait_for("main.lock .choices")
        if register.page.locator("text=There is no connection").count():
            register.press("Go on as Tobias Kern")
        else:
            register.press(TOBIAS[0])
            register.page.fill("input[name=pin]", TOBIAS[1])
            register.press("Log in")
        register.wait_for("main.sell, main.pay, main.done")

    def kill(self) -> None:
        """Kill all processes of the browser at once, as a power cut does."""
        for group in {os.getpgid(process) for process in find_processes(self.folder)}:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def find_processes(profile: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if b"chromium" in command and str(profile).encode() in command:
                yield int(process.name)


class RestartedServer:
    """A server that is replaced by another one on the same database, at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = self.start()
        self.server.until(self.server.is_live)

    def start(self) -> Server:
        environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING"}
        return Server(self.folder / "server.log", TILL, **environment)

    def restart(self, how: int, network: Proxy) -> None:
        """End it, and start another one, for which nobody waits."""
        self.server.stop(how)
        self.server = self.start()
        network.target = "127.0.0.1", self.server.port


@pytest.fixture
def restarted(django_db_setup: None, tmp_path: Path) -> Iterator[RestartedServer]:
    """Return a server with the demo shop, whose products do not run out."""
    ensure_demo_shop(CORNER)
    with across_tenants():
        Product.objects.update(track_stock=False)
    restarted = RestartedServer(tmp_path)
    yield restarted
    restarted.server.stop(signal.SIGINT)


def sell_until_killed(register: browser.RegisterPage, count: int, seed: int) -> None:
    """Sell until `count` sales are done, or the browser is gone."""
    try:
        register.page.evaluate(SELL, [CODES, count, seed])
    except PlaywrightError as error:
        if "closed" not in error.message and "crashed" not in error.message:
            raise


def test_killed_browser_and_server_lose_and_repeat_no_sale_of_200(restarted, tmp_path):
    proxy = run_proxy("127.0.0.1", restarted.server.port)
    with proxy as network, browser.sync_playwright() as playwright:
        device = Device(playwright, tmp_path / "profile", f"http://127.0.0.1:{network.port}")
        with device.run() as register:
            register.set_up()
        sell_and_kill(device, restarted, network)
        sales, drawer = sell_the_rest(device)
    assert device.errors == []
    assert len(device.done) == len(set(device.done)) >= SALES
    api = ShopApi(f"http://127.0.0.1:{restarted.server.port}")
    ensure_each_is_sold_once(api, device.done, sales, drawer)


def sell_and_kill(device: Device, restarted: RestartedServer, network: Proxy) -> None:
    """Kill the browser after random times, and at some sales the server too."""
    chances = random.Random(SEED)  # noqa: S311
    ends = dict(ENDS)
    for number in range(KILLS):
        with device.run() as register:
            device.enter(register)
            failures = [Timer(chances.uniform(0.3, 1.5), device.kill)]
            if ends and len(device.done) >= min(ends):
                end, delay = ends.pop(min(ends)), chances.uniform(0.1, 0.3)
                failures.append(Timer(delay, restarted.restart, (end, network)))
            for each in failures:
                each.start()
            sell_until_killed(register, SALES, seed=number)
            for each in failures:
                each.join()
    restarted.server.until(restarted.server.is_live)


def sell_the_rest(device: Device) -> tuple[list[dict], dict]:
    with device.run() as register:
        device.enter(register)
        sell_until_killed(register, SALES - len(device.done), seed=SEED)
        return wait_until_sent(register), register.read_device()["drawer"]


@pytest.fixture
def network(base: str) -> Iterator[Proxy]:
    with run_proxy("127.0.0.1", int(base.rpartition(":")[2])) as network:
        yield network


def lose_the_answer_and_the_browser(device: Device, register: browser.RegisterPage) -> None:
    """Pay by card and cash; the server has the sale, and the screen has not shown it."""
    asked: list[int] = []
    register.page.route("**/api/v1/orders/", lambda route: asked.append(route.fetch().status))
    register.scan(CODES[0])
    register.start_paying()
    register.page.fill("input[name=amount]", "0.50")
    register.page.fill("input[name=reference]", "4711")
    register.press("The card is charged")
    register.wait_for(".parts li")
    register.press("Exact")
    while not asked:
        register.page.wait_for_timeout(10)
    device.kill()


@pytest.fixture
def device(network: Proxy, tmp_path: Path) -> Iterator[Device]:
    with browser.sync_playwright() as playwright:
        device = Device(playwright, tmp_path / "profile", f"http://127.0.0.1:{network.port}")
        with device.run() as register:
            register.set_up()
        with device.run() as register:
            device.enter(register)
            lose_the_answer_and_the_browser(device, register)
        yield device
        assert device.errors == []


def test_sale_whose_answer_and_browser_are_lost_is_found_at_the_next_log_in(device, api):
    with device.run() as register:
        device.enter(register)
        kept = register.read_device()
        assert kept["cart"]["lines"] == kept["parts"] == []
        register.sell(CODES[1])
        sales, drawer = wait_until_sent(register), register.read_device()["drawer"]

    ensure_each_is_sold_once(api, [sales[0]["id"]], sales, drawer)
    assert len(sales) == 2


def test_sale_whose_answer_and_browser_are_lost_is_completed_without_a_connection(
    device, api, network
):
    network.refuse()
    with device.run() as register:
        device.enter(register)
        register.wait_for("main.done:has-text('Sold without a connection')")
        register.next()
        register.sell(CODES[1])
        network.come_back()
        register.wait_for(".connection:has-text('Online again: lock and log in')")
        register.press("Lock")
        register.log_in(*TOBIAS)
        sales, drawer = wait_until_sent(register), register.read_device()["drawer"]

    ensure_each_is_sold_once(api, [sales[0]["id"]], sales, drawer)
    assert len(sales) == 2


def wait_until_sent(register: browser.RegisterPage) -> list[dict]:
    for _ in range(300):
        sales = register.read_sales()
        if all(sale["state"] == "sent" for sale in sales):
            return sales
        register.page.wait_for_timeout(100)
    raise AssertionError([(sale["state"], sale.get("errors")) for sale in sales])


def ensure_each_is_sold_once(
    api: ShopApi, done: list[str], sales: list[dict], drawer: dict
) -> None:
    orders = api.get_all("orders/")
    ids = [order["id"] for order in orders]
    assert set(done) <= set(ids)
    # Nothing was made twice, under whatever id: the device knows each, and no number is missing.
    assert sorted(ids) == sorted(sale["id"] for sale in sales)
    numbers = sorted(order["device_sequence"] for order in orders)
    assert numbers == list(range(1, len(orders) + 1))
    (shift,) = api.get("shifts/")["results"]
    cash = api.get(f"shifts/{shift['id']}/x-report/")["cash"]
    assert Decimal(drawer["cash"]) == Decimal(cash["expected"])
    assert drawer["sales"] == len(orders)

"""What can go wrong on a device: each case says in plain words what to do, and loses nothing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.support.live import browser
from tests.support.live.network_cut import NetworkCut
from tests.support.live.shop_api import ShopApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

CUCUMBER, BEER, MILK = "9520010000018", "9520010000247", "9520010000032"
TOBIAS = ("Tobias Kern", "593027")
SHIFT_CLOCK = """(() => {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...values) { super(...(values.length ? values : [Real.now() + SHIFT])); }
    static now() { return Real.now() + SHIFT; }
  };
})()"""
# Fills the storage of the page.
FILL = """async () => {
  const open = () => new Promise((resolve, reject) => {
    const opening = indexedDB.open("filler");
    opening.onupgradeneeded = () => opening.result.createObjectStore("rows", {autoIncrement: true});
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const database = await open();
  const write = (size) => new Promise((resolve) => {
    const transaction = database.transaction("rows", "readwrite", {durability: "strict"});
    transaction.objectStore("rows").add(crypto.getRandomValues(new Uint8Array(size)));
    transaction.oncomplete = () => resolve(true);
    transaction.onabort = () => resolve(false);
  });
  for (const size of [60000, 5000, 500, 50]) while (await write(size));
  database.close();
}"""
# A request waits for its answer: on a slow disk it takes longer than usual to fill the storage.
WITHOUT_TIMEOUTS = "AbortSignal.timeout = () => new AbortController().signal"
SMALL, LARGE = 3_000_000, 30_000_000


@pytest.fixture
def small(base: str) -> Iterator[browser.RegisterPage]:
    """Return the register on a device whose storage can be filled, however long that takes."""
    with browser.run_browser() as context:
        context.add_init_script(WITHOUT_TIMEOUTS)
        register = browser.RegisterPage(context.new_page(), base)
        register.page.set_default_timeout(120_000)
        set_quota(register, SMALL)
        register.set_up()
        yield register
        assert register.errors == []


def set_quota(till: browser.RegisterPage, size: int) -> None:
    session = till.page.context.new_cdp_session(till.page)
    what = {"origin": till.base, "quotaSize": size}
    session.send("Storage.overrideQuotaForOrigin", what)


def start_paying_for(till: browser.RegisterPage, *codes: str) -> Decimal:
    for code in codes:
        till.scan(code)
    total = till.total
    till.start_paying()
    return total


def ensure_sold(api: ShopApi, *totals: Decimal) -> list[Any]:
    orders = api.list_orders()
    assert [Decimal(order["total"]) for order in orders] == [*totals]
    assert [order["device_sequence"] for order in orders] == list(range(1, len(totals) + 1))
    return orders


@pytest.fixture
def network(till: browser.RegisterPage) -> NetworkCut:
    return NetworkCut(till.page)


def test_full_storage_makes_no_sale_and_says_so(small, api):
    total = start_paying_for(small, MILK)
    small.page.evaluate(FILL)

    small.press("Exact")

    assert "storage of this device is full" in small.message
    ensure_sold(api)
    set_quota(small, LARGE)
    small.press("Exact")
    small.wait_until_sold()
    ensure_sold(api, total)


def test_storage_that_is_full_when_the_answer_comes_changes_no_sale(small, api):
    def fill_storage(route):
        small.page.evaluate(FILL)
        route.continue_()

    total = start_paying_for(small, MILK)
    small.page.route("**/api/v1/orders/", fill_storage)
    small.press("Exact")

    small.wait_until_sold()
    assert "storage of this device is full" in small.message
    ensure_sold(api, total)
    small.page.unroute("**/api/v1/orders/")
    set_quota(small, LARGE)
    small.next()
    again = small.sell(BEER)
    small.press("Lock")
    small.log_in(*TOBIAS)
    small.wait_for_states("sent", "sent")
    ensure_sold(api, total, again)


def test_sale_that_the_server_did_not_complete_is_paid_before_it_is_done(till, api):
    """The order arrives without its payments: the answer says that it is open."""

    def remove_payments(route):
        body = route.request.post_data_json
        del body["payments"]
        route.continue_(post_data=json.dumps(body))

    total = start_paying_for(till, MILK)
    till.page.route("**/api/v1/orders/", remove_payments)
    till.press("Exact")

    till.wait_for("button[name=abandon]")
    assert [sale["state"] for sale in till.read_sales()] == ["open"]
    assert till.page.locator("main.done").count() == 0
    till.page.unroute("**/api/v1/orders/")
    till.press("Exact")
    till.wait_until_sold()
    assert len(ensure_sold(api, total)[0]["payments"]) == 1


def test_answer_of_something_else_is_not_that_of_the_server(till, api):
    """A network answers every request with 200 and JSON of its own."""
    log_in = {"status": 200, "json": {"status": "log in to the network", "results": []}}
    total = start_paying_for(till, MILK)
    till.page.route("**/api/v1/**", lambda route: route.fulfill(**log_in))
    till.press("Exact")

    till.wait_until_sold()
    assert "The sale is kept on this device" in till.page.inner_text("main.done")
    till.wait_for("header .connection.offline")
    till.next()
    with till.page.expect_response("**/sync/orders/"):
        pass
    assert [sale["state"] for sale in till.read_sales()] == ["unsent"]
    ensure_sold(api)
    till.page.unroute("**/api/v1/**")
    till.wait_for_states("sent")
    ensure_sold(api, total)


def evict_storage(till: browser.RegisterPage) -> None:
    """Delete the databases of the page, as browsers do when the device runs out of space."""
    session = till.page.context.new_cdp_session(till.page)
    what = {"origin": till.base, "storageTypes": "indexeddb"}
    session.send("Storage.clearDataForOrigin", what)


def test_evicted_storage_is_written_again_while_the_page_is_open(till, api, network):
    shown = [till.sell(CUCUMBER)]
    network.is_down = True
    shown.append(till.sell(MILK))
    till.scan(BEER)
    evict_storage(till)

    assert "page has written everything again" in till.message
    till.page.reload()
    till.press("Go on as Tobias Kern")
    shown.append(start_paying_for(till))
    till.press("Exact")
    till.wait_until_sold()
    till.next()
    network.come_back()
    till.press("Lock")
    till.log_in(*TOBIAS)
    till.wait_for_states("sent", "sent", "sent")

    ensure_sold(api, *shown)


def test_storage_that_was_evicted_while_the_page_was_closed_is_set_up_again(till, api):
    shown = [till.sell(CUCUMBER)]
    till.page.goto("about:blank")
    evict_storage(till)

    till.open()
    till.pair()

    assert "sales that were not sent are lost, so count the drawer" in till.message
    till.wait_for("#search")
    shown.append(till.sell(MILK))
    ensure_sold(api, *shown)


def test_numbers_of_lost_sales_are_not_used_again_and_are_named_as_missing(till, api, network):
    shown = [till.sell(CUCUMBER)]
    network.is_down = True
    till.sell(MILK)
    till.sell(MILK)
    till.page.goto("about:blank")
    network.come_back()
    evict_storage(till)

    till.open()
    till.pair()
    till.wait_for("#search")
    shown.append(till.sell(BEER))

    orders = api.list_orders()
    assert [Decimal(order["total"]) for order in orders] == shown
    assert [order["device_sequence"] for order in orders] == [1, 4]
    gaps = api.get(f"registers/{orders[0]['register']}/gaps/")
    assert (gaps["missing"], gaps["ranges"]) == (2, [{"first": 2, "last": 3}])
    till.press("Menu")
    till.press("At a glance")
    till.wait_for("main.glance:has-text('1-T2')")


@pytest.mark.parametrize("hours", [24, -24])
def test_clock_that_is_wrong_by_a_day_is_said_and_sells(base, api, hours):
    with browser.run_browser() as context:
        context.add_init_script(SHIFT_CLOCK.replace("SHIFT", str(hours * 60 * 60 * 1000)))
        till = browser.RegisterPage(context.new_page(), base)
        till.set_up()
        assert "The clock of this device says" in till.message
        network = NetworkCut(till.page)
        shown = [till.sell(CUCUMBER)]
        network.is_down = True
        shown.append(till.sell(MILK))
        network.come_back()
        till.wait_for_states("sent", "sent")
        assert till.errors == []

    orders = ensure_sold(api, *shown)
    assert orders[1]["flags"] == (["sold_in_future"] if hours > 0 else ["late"])


def test_session_that_ended_without_a_connection_asks_to_log_in_again(till, api, network):
    shown = [till.sell(CUCUMBER)]
    network.is_down = True
    shown.append(till.sell(MILK))
    end_sessions()
    till.scan(BEER)
    network.come_back()

    till.wait_for("main.lock h1")
    assert "The session has ended. Log in again; the cart is kept." in till.message
    till.log_in(*TOBIAS)
    till.wait_for_states("sent", "sent")
    shown.append(start_paying_for(till))
    till.press("Exact")
    till.wait_until_sold()

    ensure_sold(ShopApi(till.base), *shown)


def end_sessions() -> None:
    """Let all sessions expire, in a thread: that of the browser has an event loop."""
    with ThreadPoolExecutor() as threads:
        threads.submit(delete_sessions).result()


def delete_sessions() -> None:
    with across_tenants():
        AuthSession.objects.all().delete()
    connection.close()


def test_register_that_is_unpaired_elsewhere_while_selling_keeps_the_cart(till, api):
    shown = [till.sell(CUCUMBER)]
    start_paying_for(till, MILK)
    register = api.get("registers/")["results"][0]
    api.post(f"registers/{register['id']}/unpair/", {})
    till.press("Exact")

    till.wait_for("h1:has-text('Pair this device again')")
    assert "A manager has to pair it again" in till.message
    till.press("Pair this device again")
    till.pair()
    till.wait_for("#search")
    shown.append(start_paying_for(till))
    till.press("Exact")
    till.wait_until_sold()

    ensure_sold(api, *shown)


def change_milk(api: ShopApi, **changes: Any) -> None:
    product = api.get(f"products/?barcode={MILK}")["results"][0]
    api.send("PATCH", f"products/{product['id']}/", changes, If_Match="*")


def test_product_that_is_gone_is_named_and_can_be_removed(till, api):
    till.scan(MILK)
    till.scan(BEER)
    change_milk(api, is_active=False)
    till.start_paying()
    till.press("Exact")

    assert till.message == "Frische Vollmilch 3,5 %, 1 l is not on sale."
    ensure_sold(api)
    till.press("Back")
    till.wait_for(".message:has-text('No longer on sale')")
    till.page.locator("ol.lines li button.line").first.click()
    till.page.keyboard.press("Delete")
    total = start_paying_for(till)
    till.press("Exact")
    till.wait_until_sold()
    ensure_sold(api, total)


def test_product_that_is_gone_without_a_connection_is_sold_once_more(till, api, network):
    network.is_down = True
    shown = [till.sell(MILK)]
    change_milk(api, is_active=False)
    network.come_back()
    till.wait_for_states("sent")

    (order,) = ensure_sold(api, *shown)
    assert order["flags"] == ["not_on_sale"]


def test_price_that_changed_without_a_connection_is_booked_as_it_was_paid(till, api, network):
    network.is_down = True
    shown = [till.sell(MILK)]
    change_milk(api, price="1.49")
    network.come_back()
    till.wait_for_states("sent")

    (order,) = ensure_sold(api, *shown)
    assert order["flags"] == ["price_differs"]
    till.wait_for(".product:has-text('1.49')")

"""The browser register in a real browser: a day, without a connection, and in production."""

import re
from decimal import Decimal

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER, HARBOR
from tests.support.live import browser
from tests.support.live.proxy import run_proxy
from tests.support.live.server import TILL, run_server
from tests.support.live.shop_api import ShopApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

CUCUMBER, BEER, MILK = "9520010000018", "9520010000247", "9520010000032"
APPLES_FOR_5_37 = "2100101005374"
PRICE = Decimal("1.29")
LENA = ("Lena Adam", "482915")
TOBIAS = ("Tobias Kern", "593027")


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING"}
    with run_server(tmp_path_factory.mktemp("register"), TILL, **environment) as server:
        yield server


@pytest.fixture
def network(server):
    """Return the network between the browser and a server with the demo shop."""
    ensure_demo_shop(CORNER)
    with run_proxy("127.0.0.1", server.port) as proxy:
        yield proxy


@pytest.fixture
def base(network):
    return f"http://127.0.0.1:{network.port}"


@pytest.fixture
def api(server, network):
    """Return requests that do not use this network."""
    return ShopApi(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def till(base, api):
    """Return the register, set up and with an open shift."""
    with browser.run_browser() as context:
        register = browser.RegisterPage(context.new_page(), base)
        register.set_up()
        yield register
        assert register.errors == []


def ensure_orders_are_as_shown(api, shown):
    orders = api.list_orders()
    assert [(order["status"], Decimal(order["total"])) for order in orders] == [
        ("completed", total) for total in shown
    ]
    assert [order["device_sequence"] for order in orders] == list(range(1, len(shown) + 1))
    return orders


def sell_goods_with_a_deposit_and_a_label(till):
    for code in (CUCUMBER, CUCUMBER, BEER, APPLES_FOR_5_37):
        till.scan(code)
    total = till.total
    till.start_paying()
    assert till.pay_cash("20.00") == Decimal("20.00") - total
    till.next()
    return [total]


def fill_cart_with_bananas_and_milk(till):
    till.page.fill("#search", "bananen")
    till.page.keyboard.press("Enter")
    till.page.fill("input[name=weight]", "1,250")
    till.press("Add")
    till.scan(MILK)
    till.scan(CUCUMBER)
    till.page.keyboard.press("F8")


def sell_another_cart_while_one_is_held(till):
    """Search, weigh, undo and hold; take the cart up again, and pay by card and cash."""
    page = till.page
    fill_cart_with_bananas_and_milk(till)
    page.keyboard.press("F3")
    between = till.sell(MILK)
    page.keyboard.press("F4")
    page.locator("dialog .choices button").click()
    page.wait_for_selector("dialog", state="detached")
    total = till.total
    assert total == Decimal("2.36") + PRICE
    till.start_paying()
    page.fill("input[name=amount]", "2.00")
    page.fill("input[name=reference]", "4711")
    till.press("The card is charged")
    till.wait_for(".parts li")
    till.pay_cash()
    till.wait_until_sold()
    till.next()
    return [between, total]


def sell_with_an_approved_discount(till):
    """Take half off as a cashier, which a manager approves in place."""
    page = till.page
    till.press("Lock")
    till.log_in(*LENA)
    till.scan(CUCUMBER)
    page.keyboard.press("F7")
    page.fill("dialog input[name=value]", "50")
    page.fill("dialog input[name=reason]", "Bruised")
    till.press("Save")
    page.wait_for_selector("dialog", state="detached")
    total = till.total
    page.keyboard.press("F9")
    page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
    page.fill("dialog input[name=pin]", TOBIAS[1])
    till.press("Approve")
    till.wait_for("main.pay:not([aria-busy])")
    till.press("Exact")
    till.wait_until_sold()
    till.next()
    return [total]


def take_cash_out_with_an_approval(till):
    """Take 5.00 out as a cashier, who may take nothing out alone."""
    page = till.page
    till.press("Menu")
    till.press("Cash in, cash out")
    page.select_option("dialog select[name=type]", "paid_out")
    page.fill("dialog input[name=amount]", "5")
    page.fill("dialog input[name=reason]", "Stamps")
    till.press("Save")
    page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
    page.fill("dialog input[name=pin]", TOBIAS[1])
    till.press("Approve")
    till.wait_for("p.message:has-text('The cash movement is booked')")
    till.press("Back")


def pay_out_empties(till):
    till.page.fill("#search", "leergut")
    till.page.keyboard.press("Enter")
    total = till.total
    till.start_paying()
    till.press("Pay out")
    till.wait_until_sold()
    till.next()
    return [total]


def close_the_shift(till, cash, card):
    """Count exactly this as the manager who opened it, and return the text of the Z report."""
    page = till.page
    till.press("Lock")
    till.log_in(*TOBIAS)
    till.press("Menu")
    till.press("Count and close")
    till.wait_for("form.count")
    for value in ("50.00", "20.00", "1.00", "0.01"):
        page.fill(f'input[name="value {value}"]', str(cash // Decimal(value)))
        cash %= Decimal(value)
    page.fill('input[name="method card"]', card)
    till.press("Close the shift")
    return till.wait_for("main.closed pre.receipt").inner_text()


def test_a_day_from_set_up_to_the_z_report(till, api):
    shown = [
        *sell_goods_with_a_deposit_and_a_label(till),
        *sell_another_cart_while_one_is_held(till),
        *sell_with_an_approved_discount(till),
        *pay_out_empties(till),
    ]
    take_cash_out_with_an_approval(till)

    orders = ensure_orders_are_as_shown(api, shown)
    assert Decimal(orders[0]["change_total"]) == Decimal("20.00") - shown[0]
    assert [each["method"] for each in orders[2]["payments"]] == ["card", "cash"]
    assert orders[2]["payments"][0]["reference"] == "4711"
    assert orders[3]["approved_gift"] is not None
    assert shown[4] < 0

    payments = [payment for order in orders for payment in order["payments"]]
    cash = sum(Decimal(each["amount"]) for each in payments if each["method"] == "cash")
    report = close_the_shift(till, Decimal("95.00") + cash, card="2.00")

    (shift,) = api.get("shifts/?status=closed")["results"]
    z_report = api.get(f"shifts/{shift['id']}/z-report/")
    assert z_report["sales"]["count"] == len(shown)
    assert Decimal(z_report["sales"]["total"]) == sum(shown)
    assert re.search(rf"\b{sum(shown)}\b", report)
    assert all(Decimal(each["difference"]) == 0 for each in z_report["counted"]), z_report


def test_sales_without_a_connection_are_kept_and_uploaded_once(till, api, network):
    page = till.page
    shown = [till.sell(CUCUMBER)]
    # From the service worker and the database of the device, after a reload too.
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    network.refuse()
    shown.append(till.sell(MILK, BEER))
    page.reload()
    till.press("Go on as Tobias Kern")
    shown.append(till.sell(APPLES_FOR_5_37))
    assert "2 unsent" in page.inner_text("header.bar")
    assert len(api.list_orders()) == 1

    network.come_back()
    till.press("Lock")
    till.log_in(*LENA)
    till.wait_for_states("sent", "sent", "sent")

    orders = ensure_orders_are_as_shown(api, shown)
    assert [order["sold_at"] is None for order in orders] == [True, False, False]
    assert all(sale["order"]["receipt_number"] for sale in till.read_sales())
    assert {order["cashier"] for order in orders} == {orders[0]["cashier"]}
    assert [order["flags"] for order in orders] == [[], ["cashier_differs"], ["cashier_differs"]]
    assert "unsent" not in page.inner_text("header.bar")


def offer_latte_and_cheaper_milk(api):
    """Add a product with a required size, and a price of milk from two pieces on."""
    sizes = [{"name": "Small"}, {"name": "Large", "price": "0.50"}]
    size = api.post("modifier-lists/", {"name": "Size", "min": 1, "max": 1, "modifiers": sizes})
    extras = {"name": "Extras", "allow_quantity": True}
    extras = api.post(
        "modifier-lists/", extras | {"modifiers": [{"name": "Espresso shot", "price": "0.80"}]}
    )
    latte = {"sku": "LATTE", "name": "Latte", "price": "3.50", "track_stock": False}
    api.post("products/", latte | {"modifier_lists": [size["id"], extras["id"]]})
    milk = api.get(f"products/?barcode={MILK}")["results"][0]
    prices = api.post("price-lists/", {"name": "Two for less", "priority": 50})
    price = {"price_list": prices["id"], "product": milk["id"], "amount": "1.09"}
    api.post("prices/", price | {"min_quantity": "2"})


def sell_latte_and_milk(till):
    page = till.page
    page.fill("#search", "latte")
    page.locator(".product").click()
    page.get_by_label("Large").check()
    page.get_by_label("Espresso shot").fill("2")
    till.press("Add")
    page.wait_for_selector("dialog", state="detached")
    page.fill("#search", "")
    total = till.sell(MILK, MILK)
    assert total == Decimal("3.50") + Decimal("0.50") + 2 * Decimal("0.80") + 2 * Decimal("1.09")
    return total


def test_modifiers_and_price_lists_cost_the_same_with_and_without_a_connection(till, api, network):
    offer_latte_and_cheaper_milk(api)
    till.page.fill("#search", "latte")
    till.wait_for(".product:has-text('Latte')")

    shown = [sell_latte_and_milk(till)]
    network.refuse()
    shown.append(sell_latte_and_milk(till))
    network.come_back()
    till.wait_for_states("sent", "sent")

    orders = ensure_orders_are_as_shown(api, shown)
    assert [order["flags"] for order in orders] == [[], []]
    assert orders[0]["lines"][0]["modifiers_price"] == "2.10"


def test_device_is_paired_by_the_qr_code_of_the_admin_pages(base, api):
    register = api.get("registers/")["results"][1]
    code = api.post(f"registers/{register['id']}/pairing-codes/", {})["pairing_code"]
    with browser.run_browser() as context:
        till = browser.RegisterPage(context.new_page(), base)
        till.page.goto(f"{base}/till/#pair={code}")
        till.press("Pair with the code")
        till.press(LENA[0])
        till.page.fill("input[name=pin]", LENA[1])
        till.press("Log in")
        till.open_shift()
        shown = [till.sell(CUCUMBER)]
        assert code not in till.page.url
        assert till.errors == []

    ensure_orders_are_as_shown(api, shown)
    assert api.list_orders()[0]["register"] == register["id"]


def test_device_that_was_unpaired_elsewhere_keeps_its_sales_and_sends_them_later(
    till, api, network
):
    register = api.get("registers/")["results"][0]
    network.refuse()
    shown = [till.sell(CUCUMBER)]
    api.post(f"registers/{register['id']}/unpair/", {})
    network.come_back()

    till.wait_for("h1:has-text('Pair this device again')")
    till.press("Pair this device again")
    till.pair("Till 2")
    assert "Pair it with Till 1" in till.wait_for(".message:not(.empty)").inner_text()
    till.press("Till 1")
    till.wait_for("#search")
    till.wait_for_states("sent")
    shown.append(till.sell(MILK))

    ensure_orders_are_as_shown(api, shown)


def unpair_elsewhere(till, api):
    """Unpair the device from its register, and return to the set-up on it."""
    register = api.get("registers/")["results"][0]
    api.post(f"registers/{register['id']}/unpair/", {})
    if till.page.locator("h1:has-text('Pair this device again')").count() == 0:
        till.press("Lock")
    till.wait_for("h1:has-text('Pair this device again')")
    till.press("Pair this device again")


def enter_code(till, code):
    till.page.fill("input[name=code]", code)
    till.press("Pair with the code")


def make_code(api, register):
    return api.post(f"registers/{register['id']}/pairing-codes/", {})["pairing_code"]


def log_in_again(till, person):
    name, pin = person
    till.press(name)
    till.page.fill("input[name=pin]", pin)
    till.press("Log in")
    till.open_shift()


def ensure_code_is_unused(till, api, code):
    """Use a code that the register must not have sent."""
    assert till.read_device()["pairing"]["register"]["name"] == "Till 1"
    assert api.post("auth/pair/", {"pairing_code": code})["register"]["name"] == "Till 2"


def test_code_is_not_used_while_the_device_has_sales_of_its_register(till, api, network):
    network.refuse()
    till.sell(CUCUMBER)
    code = make_code(api, api.get("registers/")["results"][1])
    register = api.get("registers/")["results"][0]
    api.post(f"registers/{register['id']}/unpair/", {})
    network.come_back()
    till.wait_for("h1:has-text('Pair this device again')")
    till.press("Pair this device again")

    enter_code(till, code)

    assert "Log in as a manager and pair it with Till 1" in till.message
    ensure_code_is_unused(till, api, code)
    assert [sale["state"] for sale in till.read_sales()] == ["unsent"]


def test_code_is_not_used_while_a_cart_is_open(till, api):
    till.scan(MILK)
    code = make_code(api, api.get("registers/")["results"][1])
    unpair_elsewhere(till, api)

    enter_code(till, code)

    assert "Log in as a manager and choose a register" in till.message
    ensure_code_is_unused(till, api, code)
    assert len(till.read_device()["cart"]["lines"]) == 1


def test_payments_of_an_open_cart_stay_with_their_register(till, api):
    till.scan(MILK)
    till.start_paying()
    till.page.fill("input[name=tendered]", "0.50")
    till.press("Take cash")
    till.wait_for("button:has-text('Return to customer')")
    code = make_code(api, api.get("registers/")["results"][1])
    unpair_elsewhere(till, api)

    enter_code(till, code)

    assert "pair it with Till 1, and finish the sale" in till.message
    ensure_code_is_unused(till, api, code)
    till.pair("Till 2")
    assert "pair it with Till 1, and finish the sale" in till.message
    assert [part["amount"] for part in till.read_device()["parts"]] == ["0.50"]


def hold_a_cart_after_a_sale(till):
    till.sell(CUCUMBER)
    till.scan(MILK)
    till.press("Hold")


@pytest.fixture
def harbor(server, network):
    """Return requests of a manager of another shop."""
    ensure_demo_shop(HARBOR)
    return ShopApi(f"http://127.0.0.1:{server.port}", tenant="harbor")


def test_another_shop_finds_nothing_of_the_former_one(harbor, till, api):
    register = harbor.get("registers/")["results"][0]
    hold_a_cart_after_a_sale(till)
    unpair_elsewhere(till, api)

    enter_code(till, make_code(harbor, register))
    till.wait_for("h1:has-text('Who sells?')")

    assert till.read_sales() == []
    assert set(till.read_device()) == {"pairing", "sequence"}
    log_in_again(till, ("Maya Singh", LENA[1]))
    settings = till.read_device()["settings"]
    assert settings["tenant"]["currency"] == "CAD"
    assert settings["store"]["id"] == register["store"]
    till.page.fill("#search", MILK)
    till.wait_for("text=Nothing found")


@pytest.fixture
def lisbon(server, network):
    """Return a register of another store of the shop."""
    base = f"http://127.0.0.1:{server.port}"
    admin = ShopApi(base, username="admin", password="demo-admin-password")
    store = admin.post("stores/", {"name": "Lisbon", "timezone": "Europe/Lisbon"})
    return admin.post("registers/", {"name": "Till 9", "store": store["id"]})


def test_register_of_another_store_begins_without_cart_and_shift(lisbon, till, api):
    hold_a_cart_after_a_sale(till)
    unpair_elsewhere(till, api)

    enter_code(till, make_code(api, lisbon))
    till.wait_for("h1:has-text('Who sells?')")

    kept = till.read_device()
    assert kept["cart"]["lines"] == kept["held"] == kept["parts"] == []
    assert [kept[name] for name in ("shift", "drawer", "person", "settings")] == [None] * 4
    assert [sale["state"] for sale in till.read_sales()] == ["sent"]


def test_register_of_another_store_uses_the_settings_of_its_store(lisbon, till, api):
    unpair_elsewhere(till, api)
    asked = []
    till.page.on("request", lambda request: asked.append(request.url.partition("/api/v1/")[2]))

    enter_code(till, make_code(api, lisbon))
    log_in_again(till, LENA)

    snapshots = [path for path in asked if path.startswith("catalog/snapshot/")]
    assert snapshots[0] == "catalog/snapshot/"
    assert till.read_device()["settings"]["store"]["name"] == "Lisbon"
    till.scan(MILK)
    assert till.total == PRICE


def test_malformed_code_in_the_address_is_removed_and_said(base):
    with browser.run_browser() as context:
        till = browser.RegisterPage(context.new_page(), base)
        till.page.goto(f"{base}/till/#pair=%")

        assert "Scan the QR code again" in till.message
        assert till.page.url == f"{base}/till/"
        assert till.page.input_value("input[name=code]") == ""
        assert till.errors == []


def test_code_is_removed_from_the_address_of_a_device_that_is_paired(till):
    till.page.goto("about:blank")
    till.page.goto(f"{till.base}/till/#pair=BCDFGHJK")
    till.wait_for("h1:has-text('Who sells?')")

    assert "already paired with Till 1" in till.message
    assert till.page.url == f"{till.base}/till/"

    till.page.evaluate("location.hash = 'pair=LMNPQRST'")
    till.page.wait_for_function("location.hash === ''")
    assert "LMNPQRST" not in till.page.evaluate("location.href")


HIDE = """() => {
  Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize("how", ["after two minutes", "when the page is hidden"])
def test_set_up_that_is_not_finished_forgets_the_manager(base, how):
    with browser.run_browser() as context:
        till = browser.RegisterPage(context.new_page(), base)
        till.page.clock.install()
        till.open()
        for name, value in browser.MANAGER.items():
            till.page.fill(f"input[name={name}]", value)
        till.press("Log in")
        till.wait_for("text=Which register is this device?")

        if how == "after two minutes":
            till.page.clock.fast_forward("02:01")
        else:
            till.page.evaluate(HIDE)

        till.wait_for("input[name=password]")
        assert till.page.input_value("input[name=password]") == ""
        assert "Log in again" in till.message
        assert till.errors == []


def test_lost_answer_is_no_second_sale(till, api):
    def lose_answer(route):
        route.fetch()
        route.abort()

    till.page.route("**/api/v1/orders/", lose_answer)
    shown = [till.sell(CUCUMBER, BEER)]
    till.page.unroute("**/api/v1/orders/")

    shown.append(till.sell(MILK))
    till.wait_for_states("sent", "sent")

    orders = ensure_orders_are_as_shown(api, shown)
    assert orders[0]["sold_at"] is None


def test_refused_sale_stays_in_the_cart_and_uses_no_number(till, api):
    product = api.get(f"products/?barcode={MILK}")["results"][0]
    (level,) = api.get(f"stock/?product={product['id']}")["results"]
    movement = {
        "product": product["id"],
        "store": level["store"],
        "type": "waste",
        "quantity": level["quantity"],
        "reason": "Sour",
        "id": "0199a3c4-5f10-7c3e-9d52-0d6b8f2f7a22",
    }
    api.post("stock/movements/", movement)
    till.scan(MILK)
    total = till.total
    till.start_paying()
    till.press("Exact")
    till.wait_for(".message:not(.empty)")
    assert api.list_orders() == []
    assert till.read_sales() == []

    till.page.keyboard.press("Escape")
    assert till.total == total
    till.page.keyboard.press("Delete")
    ensure_orders_are_as_shown(api, [till.sell(CUCUMBER), till.sell(BEER)])


def test_changed_price_is_shown_before_it_is_charged(till, api):
    product = api.get(f"products/?barcode={MILK}")["results"][0]
    till.press("Lock")
    till.log_in(*LENA)
    till.scan(MILK)
    till.start_paying()
    api.send("PATCH", f"products/{product['id']}/", {"price": "1.49"}, If_Match="*")
    # A price that the feed has brought already is simply charged.
    till.page.wait_for_timeout(200)
    till.press("Exact")
    till.wait_for("main.done, .message:not(.empty)")
    if till.page.locator("main.done").count() == 0:
        assert "Prices have changed" in till.page.inner_text("p.message")
        till.start_paying() if till.page.locator("main.sell").count() else None
        till.press("Exact")
    till.wait_until_sold()

    (order,) = api.list_orders()
    assert order["total"] == "1.49"


def test_second_tab_says_that_the_first_one_is_the_till(till):
    second = till.page.context.new_page()
    second.goto(f"{till.base}/till/")

    second.wait_for_selector("text=open in another tab")
    till.page.close()

    second.wait_for_selector("text=Who sells?")

"""Customers of a sale at the browser register: their prices, and limits of discounts."""

from decimal import Decimal

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

MILK = "9520010000032"
LENA = ("Lena Adam", "482915")


def choose_customer(till, text):
    page = till.page
    page.keyboard.press("F1")
    page.fill("dialog input[name=text]", text)
    till.press("Find")
    page.locator("dialog").get_by_role("button", name="Choose").click()
    page.wait_for_selector("dialog", state="detached")


def find_price_of_group(api):
    """Return a price that only a group has, its product, and a customer of the group."""
    lists = api.get("price-lists/")["results"]
    chosen = next(each for each in lists if each["customer_group"])
    price = api.get(f"prices/?price_list={chosen['id']}")["results"][0]
    product = api.get(f"products/{price['product']}/")
    customers = api.get(f"customers/?group={chosen['customer_group']}")["results"]
    return Decimal(price["amount"]), product, customers[0]


def sell_to(till, customer, code):
    """Sell to a customer whom the receipt is sent to; return the totals before and after."""
    page = till.page
    till.scan(code)
    before = till.total
    choose_customer(till, customer["name"].split()[0])
    after = till.total
    assert customer["name"] in page.inner_text(".cart")
    till.start_paying()
    till.pay_cash()
    till.wait_until_sold()
    till.press("Send by e-mail")
    assert page.input_value("dialog input[name=email]") == customer["email"]
    page.keyboard.press("Escape")
    till.next()
    return before, after


def test_customer_of_a_group_has_its_prices_at_once_with_and_without_a_connection(till, api):
    price, product, customer = find_price_of_group(api)
    code = product["barcodes"][0]

    assert sell_to(till, customer, code) == (Decimal(product["price"]), price)

    choose_customer(till, customer["name"].split()[0])
    till.page.context.set_offline(True)
    assert till.sell(code) == price
    till.page.context.set_offline(False)
    till.wait_for_states("sent", "sent")
    kept = str(till.read_sales())
    assert customer["id"] in kept
    assert customer["name"] not in kept
    assert customer["email"] not in kept
    orders = api.list_orders()
    assert [Decimal(order["total"]) for order in orders] == [price, price]
    assert [order["customer"]["id"] for order in orders] == [customer["id"]] * 2
    assert [order["flags"] for order in orders] == [[], []]


def test_new_customer_is_added_at_the_register(till, api):
    page = till.page
    till.scan(MILK)
    page.keyboard.press("F1")
    till.press("New customer")
    page.fill("dialog input[name=name]", "Rosa Blum")
    page.fill("dialog input[name=email]", "rosa@till.example")
    page.locator("dialog").get_by_role("button", name="Add").click()
    till.wait_for(".cart strong:has-text('Rosa Blum')")
    till.sell()

    (order,) = api.list_orders()
    assert order["customer"]["email"] == "rosa@till.example"


def test_discount_above_the_limit_is_allowed_without_a_connection_and_flagged(till, api):
    page = till.page
    till.press("Lock")
    till.log_in(*LENA)
    page.context.set_offline(True)
    till.scan(MILK)
    page.keyboard.press("F7")
    page.fill("dialog input[name=value]", "50")
    till.press("Save")
    till.wait_for(".totals:has-text('Without a connection it is allowed')")
    total = till.sell()
    page.context.set_offline(False)
    till.wait_for_states("sent")

    (order,) = api.list_orders()
    assert (order["flags"], Decimal(order["total"])) == (["over_limit"], total)

"""A day with a hundred recorded baskets: screen, server, Z report and file say the same."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import Barcode, Product
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.bulk_products import add_products
from tests.support.live import browser
from tests.tools.replay_baskets.files import SoldBasket, read_articles, read_baskets

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

DATA = Path(__file__).parents[2] / "data"
FOLDERS = (DATA, DATA / "more_baskets")
BASKETS = 100
FLOAT = Decimal("100.00")
SLIP = Decimal("0.50")
LENA = ("Lena Adam", "482915")
TOBIAS = ("Tobias Kern", "593027")

# Sells baskets by the keys of a scanner, and returns what the screen said of each: the total before
# and after paying, and the change. Every third pays with a note, every fifth a part by card.
SELL = """async ([baskets, slip]) => {
  const find = (selector) => document.querySelector(selector);
  const until = async (holds) => {
    for (let tries = 0; tries < 4000; tries += 1) {
      const found = holds();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(document.body.innerText.slice(0, 2000));
  };
  const press = (key) => (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const results = [];
  for (const [at, codes] of baskets.entries()) {
    await until(() => find("main.sell:not([aria-busy])"));
    for (const code of codes) [...code, "Enter"].forEach(press);
    await until(() => find("#total"));
    await new Promise(requestAnimationFrame);
    const total = find("#total").textContent;
    press("F9");
    await until(() => find("main.pay:not([aria-busy]) .notes"));
    if (at % 5 === 4) {
      const form = find("section[aria-labelledby=card-title] form:has([name=reference])");
      form.amount.value = slip;
      form.reference.value = `4711-${at}`;
      form.requestSubmit();
      await until(() => find("main.pay:not([aria-busy]) .parts li"));
    }
    find(`.notes button:nth-child(${at % 3 ? 1 : 2})`).click();
    await until(() => find("main.done:not([aria-busy])"));
    results.push([total, find("#change").textContent, find("pre.receipt").textContent]);
    press("Enter");
  }
  return results;
}"""


@pytest.fixture
def base(register_server) -> str:
    """Return the address of a server whose shop has the products of the baskets."""
    ensure_demo_shop(CORNER)
    tenant = Tenant.objects.get(slug="corner")
    with tenant_scope(tenant):
        like = Product.objects.filter(tax_class__isnull=False).first()
        articles = {each.sku: each for folder in FOLDERS for each in read_articles(folder)}
        add_products(
            Product(
                tenant=tenant,
                sku=article.sku,
                name=article.name,
                price=article.price,
                tax_class=like.tax_class,
                track_stock=False,
            )
            for article in articles.values()
        )
        for product in Product.objects.filter(sku__in=articles):
            Barcode(tenant=tenant, product=product, code=name_code(product.sku)).save()
    return f"http://127.0.0.1:{register_server.port}"


def name_code(sku: str) -> str:
    return f"GROCERY-{sku}"


def load_baskets() -> list[SoldBasket]:
    baskets = [basket for folder in FOLDERS for basket in read_baskets(folder)]
    assert len(baskets) == BASKETS
    return baskets


def list_codes(basket: SoldBasket) -> Iterator[str]:
    """Return the scans of a basket: one for each piece."""
    for line in basket.lines:
        yield from [name_code(line.sku)] * int(line.quantity)


def compute_total(basket: SoldBasket, prices: dict[str, Decimal]) -> Decimal:
    """Return what a basket costs at the prices of the file."""
    return sum((prices[line.sku] * int(line.quantity) for line in basket.lines), Decimal(0))


def test_hundred_baskets_are_on_the_screen_the_server_and_the_z_report_as_in_the_file(till, api):
    baskets = load_baskets()
    prices = {each.sku: each.price for folder in FOLDERS for each in read_articles(folder)}
    expected = [compute_total(basket, prices) for basket in baskets]

    shown = till.page.evaluate(SELL, [[list(list_codes(basket)) for basket in baskets], str(SLIP)])
    discounted = sell_with_discounts(till, baskets[0])
    refunded = refund_everything_of_the_last_sale(till)

    assert [browser.read_amount(total) for total, _, _ in shown] == expected
    orders = api.list_orders()
    ensure_orders_are_as_shown(orders[:BASKETS], shown)
    assert [Decimal(each["total"]) for each in orders[BASKETS:]] == discounted
    totals = [*expected, *discounted]
    ensure_closed_as_counted(till, api, totals, refunded)


def ensure_orders_are_as_shown(orders, shown):
    for number, (order, (total, change, receipt)) in enumerate(zip(orders, shown, strict=True), 1):
        assert order["device_sequence"] == number
        assert Decimal(order["total"]) == browser.read_amount(total)
        given = Decimal(order["change_total"])
        assert browser.read_amount(change) == (given or Decimal(order["total"]))
        assert order["id"] in receipt
        for line in order["lines"]:
            assert line["name"][:20] in receipt


def sell_with_discounts(till, basket):
    """Take 1.00 off as the manager, and half off as a cashier, which a manager approves."""
    totals = []
    for amount, kind, person in (("1.00", "amount", TOBIAS), ("50", "percent", LENA)):
        till.press("Lock")
        till.log_in(*person)
        for code in list_codes(basket):
            till.scan(code)
        till.page.keyboard.press("F7")
        till.page.select_option("dialog select[name=type]", kind)
        till.page.fill("dialog input[name=value]", amount)
        till.press("Save")
        till.page.wait_for_selector("dialog", state="detached")
        totals.append(till.total)
        till.page.keyboard.press("F9")
        if person == LENA:
            approve(till)
        till.wait_for("main.pay")
        till.press("Exact")
        till.wait_until_sold()
        till.next()
    return totals


def approve(till):
    till.wait_for("dialog")
    till.page.locator("dialog").get_by_role("button", name=TOBIAS[0]).click()
    till.page.fill("dialog input[name=pin]", TOBIAS[1])
    till.press("Approve")
    till.page.wait_for_selector("dialog", state="detached")


def refund_everything_of_the_last_sale(till):
    till.press("Lock")
    till.log_in(*TOBIAS)
    last = max(till.read_sales(), key=lambda sale: sale["device_sequence"])
    page = till.page
    page.keyboard.press("F10")
    page.fill("input[name=code]", str(last["order"]["receipt_number"]))
    till.press("Find")
    till.wait_for("main.receipt:not([aria-busy]) h1")
    page.keyboard.press("F7")
    page.fill("input[name=reason]", "Stale")
    page.keyboard.press("F8")
    refunded = browser.read_amount(till.wait_for("#refund-total").inner_text())
    till.press("Refund")
    till.wait_for("main:not([aria-busy]) .refunded h2")
    page.keyboard.press("Escape")
    return refunded


def ensure_closed_as_counted(till, api, totals, refunded):
    card = SLIP * (BASKETS // 5)
    cash = FLOAT + sum(totals) - card - refunded
    assert Decimal(till.read_device()["drawer"]["cash"]) == cash
    z_report, text = close(till, api, cash, card)
    assert z_report["sales"]["count"] == len(totals)
    assert Decimal(z_report["sales"]["total"]) == sum(totals)
    assert Decimal(z_report["refunds"]["total"]) == refunded
    assert Decimal(z_report["cash"]["expected"]) == cash
    counted = {each["method"]: each for each in z_report["counted"]}
    assert {name: Decimal(each["counted"]) for name, each in counted.items()} == {
        "cash": cash,
        "card": card,
    }
    assert all(Decimal(each["difference"]) == 0 for each in counted.values())
    assert f"{sum(totals)}" in text
    assert f"{cash}" in text


def close(till, api, cash, card):
    (shift,) = api.get("shifts/")["results"]
    till.press("Back")
    till.press("Menu")
    till.press("Count and close")
    till.wait_for("form.count")
    left = cash
    for value in ("50.00", "20.00", "1.00", "0.01"):
        till.page.fill(f'input[name="value {value}"]', str(left // Decimal(value)))
        left %= Decimal(value)
    till.page.fill('input[name="method card"]', str(card))
    till.press("Close the shift")
    text = till.wait_for("main.closed pre.receipt").inner_text()
    file = api.get_text(f"shifts/{shift['id']}/z-report/?format=text")
    assert text.strip() == file.strip()
    return api.get(f"shifts/{shift['id']}/z-report/"), text

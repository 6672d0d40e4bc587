"""A large catalog is loaded, searched and followed on the device.

`LARGE_CATALOG=50000` and `-s` print how long that takes; the figures are in
docs/operations/register.md.
"""

import os
from collections.abc import Iterator

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import Barcode, Product
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.bulk_products import add_products
from tests.support.live import browser
from tests.support.live.shop_api import ShopApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

PRODUCTS = int(os.environ.get("LARGE_CATALOG", "2000"))
WORDS = ("Apfel", "Birne", "Vollmilch", "Roggenbrot", "Käse", "Joghurt", "Crème", "Zwiebel")

MEASURE = """async ([code, texts]) => {
  const press = (key) => (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const field = document.querySelector("#search");
  const time = async (act) => {
    const times = [];
    for (let count = 0; count < 20; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const start = performance.now();
      act();
      await new Promise((resolve) => setTimeout(resolve));
      times.push(performance.now() - start);
    }
    return times.sort((one, other) => one - other)[10].toFixed(1);
  };
  const results = {};
  for (const text of texts) {
    results[text] = await time(() => {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  field.value = "";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.blur();
  results.scan = await time(() => [...code, "Enter"].forEach(press));
  results.megabytes = Math.round((performance.memory?.usedJSHeapSize ?? 0) / 1e6);
  return results;
}"""


@pytest.fixture
def base(register_server) -> str:
    ensure_demo_shop(CORNER)
    tenant = Tenant.objects.get(slug="corner")
    with tenant_scope(tenant):
        tax_class = Product.objects.filter(tax_class__isnull=False).first().tax_class
        add_products(
            Product(
                tenant=tenant,
                sku=f"BULK-{number:05}",
                name=f"{WORDS[number % 8]} {WORDS[number * 7 % 5]} {number} g",
                price="1.29",
                tax_class=tax_class,
                track_stock=False,
            )
            for number in range(PRODUCTS)
        )
        Barcode.objects.bulk_create(
            [
                Barcode(tenant=tenant, product=product, code=f"LARGE{product.sku[5:]}")
                for product in Product.objects.filter(sku__startswith="BULK-")
            ],
            batch_size=500,
        )
    return f"http://127.0.0.1:{register_server.port}"


@pytest.fixture
def large(base: str) -> Iterator[browser.RegisterPage]:
    """Return the register with a large catalog, and print how long it has taken to load."""
    with browser.run_browser() as context:
        till = browser.RegisterPage(context.new_page(), base)
        till.page.set_default_timeout(120_000)
        till.open()
        started = till.page.evaluate("performance.now()")
        till.pair()
        till.wait_for("input[name=float]")
        print("loaded in", round(till.page.evaluate("performance.now()") - started))  # noqa: T201
        till.open_shift()
        yield till
        assert till.errors == []


def measure(till: browser.RegisterPage, code: str) -> None:
    """Search, and scan the same product twenty times."""
    print(till.page.evaluate(MEASURE, [code, ["v", "crème 77", "nothing"]]))  # noqa: T201


def measure_start(till: browser.RegisterPage) -> None:
    """Load the page again, until it shows who may log in: its catalog is searched from then on."""
    till.page.reload()
    till.wait_for("main.lock h1")
    print("started in", round(till.page.evaluate("performance.now()")))  # noqa: T201
    till.log_in("Tobias Kern", "593027")


def pay(till: browser.RegisterPage) -> str:
    total = till.total
    till.start_paying()
    till.press("Exact")
    till.wait_until_sold()
    till.next()
    return str(total)


def change(api: ShopApi, code: str, **changes: str) -> None:
    product = api.get(f"products/?barcode={code}")["results"][0]
    api.send("PATCH", f"products/{product['id']}/", changes, If_Match="*")


def test_large_catalog_is_loaded_searched_and_followed(large, api):
    code, page = f"LARGE{PRODUCTS - 1:05}", large.page
    page.fill("#search", f"{PRODUCTS - 1} g")
    large.wait_for(f".product:has-text('{PRODUCTS - 1} g')")
    measure(large, code)
    measure_start(large)
    page.fill("#search", f"{PRODUCTS - 1} g")
    large.wait_for(f".product:has-text('{PRODUCTS - 1} g')")
    shown = [pay(large)]
    change(api, code, name="Neuer Name", price="2.50")
    page.fill("#search", "neuer name")
    large.wait_for(".product:has-text('2.50')")
    page.fill("#search", "")
    large.scan(code)
    shown.append(pay(large))

    assert shown == ["25.80", "2.50"]
    assert [order["total"] for order in api.list_orders()] == shown

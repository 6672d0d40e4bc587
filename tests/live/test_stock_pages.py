"""Stock counts and transfers in chromium, done as a person does them: axe, wide and phone."""

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import Product, StockLevel, StockTransfer
from tenants.models import Store, Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.live.test_report_pages import base, check, log_in  # noqa: F401  (fixture)
from tests.support.live.browser import run_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def milk(base):  # noqa: F811
    """Return a product with a barcode and stock in the first of two stores."""
    ensure_demo_shop(CORNER, with_sales=False)
    shop = Tenant.objects.get(slug=CORNER.slug)
    with tenant_scope(shop):
        Store.objects.create(name="Zoo")
        return Product.objects.get(barcodes__code="9520010000018")


def enter(page, code, quantity):
    """Scan the code and enter the quantity, by keyboard only: both fields have the focus."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=quantity]:focus")
    page.keyboard.type(quantity)
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=q]:focus")


def count_shelf(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/stockcount/add/")
    page.fill("input[name=name]", "Shelf 3")
    page.select_option("select[name=store]", index=1)
    yield "count-add"
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=q]:focus")
    yield "count-empty"
    enter(page, "9520010000018", "10")
    yield "count-one"
    page.fill("input[name=q]", "o")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-people a")
    yield "count-found"


def close_count(page, base):  # noqa: F811
    page.goto(page.url.partition("?")[0] + "../close/")
    yield "count-close"
    page.click('input[value="Close the count"]')
    page.wait_for_selector("text=The stock is corrected.")
    yield "count-closed"
    page.goto(f"{base}/admin/orders/stockcount/")
    yield "count-list"


def print_sheet(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/stockcount/")
    page.click("text=Shelf 1")
    page.click("text=Sheet to print")
    yield "count-sheet"


def send_goods(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/stocktransfer/add/")
    yield "transfer-add"
    page.click("input[name=_save]")
    page.wait_for_selector("input[name=q]:focus")
    enter(page, "9520010000018", "4")
    yield "transfer-pick"
    page.click("text=Send the transfer")
    yield "transfer-send"
    page.click("input[type=submit]")
    page.wait_for_selector("text=The goods are in transit")
    yield "transfer-sent"
    page.click("text=Sheet to print")
    yield "transfer-sheet"


def receive_goods(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/stocktransfer/?status__exact=sent")
    yield "transfer-list"
    page.click("#result_list a >> nth=0")
    page.click("text=Check what has arrived")
    page.wait_for_selector("input[name=q]:focus")
    page.keyboard.type("9520010000018")
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=quantity]:focus")
    yield "transfer-check"
    page.fill("input[name=quantity]", "3")
    page.select_option("select[name=loss_reason]", "damaged")
    page.click("text=Save and next")
    page.click("text=Receive the transfer")
    yield "transfer-receive"
    page.click("input[type=submit]")
    page.wait_for_selector("text=The goods are in the stock")
    yield "transfer-received"


def test_stock_is_counted_sent_and_received(base, milk):  # noqa: F811
    problems: list[tuple] = []
    with run_browser(timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        log_in(page, base)
        for visit in (count_shelf, close_count, print_sheet, send_goods, receive_goods):
            for name in visit(page, base):
                check(page, name, problems)

    with across_tenants():
        levels = StockLevel.objects.filter(product=milk).order_by("-quantity")
        assert list(levels.values_list("quantity", flat=True)) == [6, 3]
        assert StockTransfer.objects.get().status == "received"
    assert problems == [], "\n".join(map(str, problems))

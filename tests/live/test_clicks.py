"""What a manager does every week, from the start page, with the number of clicks that it takes."""

import pytest

from orders.models import Order, StockCount
from tenants.scope import across_tenants
from tests.live.test_report_pages import base, demo_day, log_in  # noqa: F401  (fixtures)
from tests.support.live.browser import run_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

WRONG_FILE = b"sku,name,price\nNEW,New product,abc\n"


class Visitor:
    """A manager who starts at the start page; a choice in a list counts as a click."""

    def __init__(self, page, base, sale):  # noqa: F811
        self.page, self.base, self.sale = page, base, sale
        self.clicks = 0

    def start(self):
        self.page.goto(f"{self.base}/admin/")
        self.clicks = 0

    def click(self, selector):
        self.clicks += 1
        self.page.click(selector)

    def link(self, text):
        """Click the link with exactly this text."""
        self.click(f'#content a:text-is("{text}")')

    def choose(self, selector, **option):
        self.clicks += 1
        self.page.select_option(selector, **option)

    def download(self, text):
        """Click a button that saves a file, and return its name."""
        with self.page.expect_download() as found:
            self.click(f'text="{text}"')
        return found.value.suggested_filename

    def open_tab(self, selector):
        """Click what opens another tab, and return its address."""
        with self.page.context.expect_page() as found:
            self.click(selector)
        return found.value.url

    def scan(self, code, quantity):
        """Type as a keyboard scanner does; the fields have the focus already."""
        for field, text in (("q", code), ("quantity", quantity)):
            self.page.wait_for_selector(f"input[name={field}]:focus")
            self.page.keyboard.type(text)
            self.page.keyboard.press("Enter")
        self.page.wait_for_selector("input[name=q]:focus")


def see_last_week(visitor):
    visitor.link("Sales")
    visitor.link("Last week")
    assert "period=last-week" in visitor.page.url
    assert visitor.page.locator("text=Compared with the period before").count() == 1
    return 2


def save_best_sellers(visitor):
    visitor.link("Best sellers")
    visitor.choose("select[name=store]", index=1)
    assert "sales-by-product" in visitor.download("Download CSV")
    return 3


def find_sale(visitor):
    """By its total, as it stands on the receipt of the customer."""
    visitor.click("#find-text")
    visitor.page.keyboard.type(f"{visitor.sale.total:.2f}")
    visitor.page.keyboard.press("Enter")
    visitor.link(visitor.sale.number)
    assert f"/orders/order/{visitor.sale.pk}/" in visitor.page.url
    return 2


def count_shelf(visitor):
    visitor.click('tr.model-stockcount a:text-is("Add")')
    visitor.page.wait_for_selector("input[name=name]:focus")
    visitor.page.keyboard.type("Shelf 3")
    visitor.click("input[name=_save]")
    visitor.scan("9520010000018", "10")
    visitor.click('input[value="Close the count"]')
    visitor.page.wait_for_selector("text=The stock is corrected.")
    return 3


def check_file(visitor):
    visitor.link("Products")
    visitor.link("Import a file")
    file = {"name": "products.csv", "mimeType": "text/csv", "buffer": WRONG_FILE}
    visitor.clicks += 1
    visitor.page.set_input_files("input[type=file]", file)
    visitor.click("input[value=Continue]")
    assert visitor.page.locator("td.till-wrong").inner_text().startswith("abc")
    return 4


def print_labels(visitor):
    """The third click is in the viewer of the browser."""
    visitor.link("Price labels of changes")
    visitor.open_tab('button:text-is("PDF")')
    return 2


def print_z_report(visitor):
    visitor.link("Z reports")
    assert "/print/" in visitor.open_tab('.till-links a:text-is("Print") >> nth=0')
    return 2


def save_month(visitor):
    visitor.link("Bookkeeping")
    assert visitor.download("Download CSV files").endswith(".zip")
    return 2


def pair_device(visitor):
    visitor.link("Registers")
    visitor.click("#result_list tbody th a >> nth=0")
    visitor.click('button:text-is("Pair a device")')
    visitor.page.wait_for_selector(".till-qr svg")
    return 3


GOALS = (
    see_last_week,
    save_best_sellers,
    find_sale,
    count_shelf,
    check_file,
    print_labels,
    print_z_report,
    save_month,
    pair_device,
)


def test_each_goal_takes_its_clicks(base, demo_day):  # noqa: F811
    taken = {}
    with across_tenants():
        sale = Order.objects.filter(receipt_number__isnull=False).latest("total")
    with run_browser(timezone_id="Europe/Berlin", accept_downloads=True) as context:
        page = context.new_page()
        log_in(page, base)
        for goal in GOALS:
            visitor = Visitor(page, base, sale)
            visitor.start()
            expected = goal(visitor)
            taken[goal.__name__] = (visitor.clicks, expected)

    with across_tenants():
        assert StockCount.objects.get(name="Shelf 3").status == "closed"
    assert {name for name, (clicks, expected) in taken.items() if clicks != expected} == set()

"""The admin pages of stock transfers: pick, send, check with a phone, receive, the sheet."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.admin.stock_transfer import PAGES
from orders.models import StockLevel, StockMovement, StockTransfer, StockTransferLine
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory, StockLevelFactory
from tests.factories.stock_transfer import StockTransferFactory, StockTransferLineFactory
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import open_browser, read_errors, snapshot_database, submit_form
from tests.support.till import get_stock_level

pytestmark = [pytest.mark.once, pytest.mark.django_db]
TRANSFERS, LINES = "/admin/orders/stocktransfer/", "/admin/orders/stocktransferline/"
TABLES = (StockTransfer, StockTransferLine, StockLevel, StockMovement)


@pytest.fixture
def milk(shop, store):
    product = ProductFactory(tenant=shop, name="Fresh milk", sku="MILK")
    BarcodeFactory(product=product, code="4006381333931")
    StockLevelFactory(product=product, store=store, quantity=12)
    return product


@pytest.fixture
def second(shop):
    return StoreFactory(tenant=shop, name="Zoo")


@pytest.fixture
def transfer(managers_browser, shop, store, second, milk):
    form = {"from_store": str(store.pk), "to_store": str(second.pk), "note": "Van"}
    response = submit_form(managers_browser, f"{TRANSFERS}add/", **form)
    with tenant_scope(shop):
        made = StockTransfer.objects.get()
    assert response["Location"] == page(made, "pick")
    return made


def page(transfer, name):
    return f"{TRANSFERS}{transfer.pk}/{name}/"


def read(response):
    assert response.status_code == 200
    return response.content.decode()


def enter(browser, transfer, step, product, quantity, **more):
    """Send the form that the page shows for this product."""
    url = page(transfer, step)
    shown = browser.get(url, {"product": str(product.pk)}).content.decode()
    seen = re.search(r'name="seen_version" value="(\d+)"', shown)[1]
    form = {"product": str(product.pk), "quantity": quantity, "seen_version": seen, **more}
    return browser.post(url, form)


def do(browser, transfer, step, **form):
    """Send the form of a step with the version that its page shows."""
    shown = read(browser.get(page(transfer, step)))
    version = re.search(r'name="expected_version" value="(\d+)"', shown)[1]
    return browser.post(page(transfer, step), {"expected_version": version, **form})


def send(browser, transfer, product, quantity="5"):
    enter(browser, transfer, "pick", product, quantity)
    assert do(browser, transfer, "send")["Location"] == page(transfer, "change")


def test_two_stores_need_not_be_chosen(managers_browser, store, second):
    shown = read(managers_browser.get(f"{TRANSFERS}add/"))
    for each in (store, second):
        assert f'<option value="{each.pk}" selected>' in shown


def test_manager_picks_and_sends_with_a_scanner(managers_browser, transfer, milk, store):
    found = read(managers_browser.get(page(transfer, "pick"), {"q": "4006381333931"}))
    assert "Fresh milk" in found
    assert "autofocus" in found
    assert enter(managers_browser, transfer, "pick", milk, "5")["Location"] == page(
        transfer, "pick"
    )
    assert "Fresh milk: 5 to send." in read(managers_browser.get(page(transfer, "pick")))
    asked = read(managers_browser.get(page(transfer, "send")))
    assert "Send 1 product from" in asked
    assert do(managers_browser, transfer, "send")["Location"] == page(transfer, "change")

    assert get_stock_level(milk, store)[0] == 7
    product = read(managers_browser.get(f"/admin/orders/product/{milk.pk}/change/"))
    assert "On the way" in product
    row = product.split("On the way")[1].split(">Zoo<")[1].split("</tr>")[0]
    assert re.findall(r'till-number">(\d*)', row) == ["", "", "", "5", ""]
    listed = read(managers_browser.get(LINES, {"state": "in-transit"}))
    assert "Fresh milk" in listed


def test_manager_checks_and_receives(managers_browser, transfer, milk, store, second):
    send(managers_browser, transfer, milk)
    asked = read(managers_browser.get(page(transfer, "check"), {"q": "MILK"}))
    assert "Sent: <strong>5</strong>" in asked
    enter(managers_browser, transfer, "check", milk, "4", loss_reason="damaged")
    shown = read(managers_browser.get(page(transfer, "receive")))
    assert "1 product, 1 with a difference, 0 not checked." in shown
    assert do(managers_browser, transfer, "receive", unchecked="as_sent").status_code == 302

    assert [get_stock_level(milk, each)[0] for each in (store, second)] == [7, 4]
    closed = read(managers_browser.get(page(transfer, "change")))
    assert "The goods are in the stock of Zoo." in closed
    assert "Damaged" in closed
    assert "../check/" not in closed
    for name in sorted(set(PAGES) - {"sheet"}):
        assert managers_browser.get(page(transfer, name))["Location"] == page(transfer, "change")
    waste = read(managers_browser.get("/admin/orders/stockmovement/", {"type__exact": "waste"}))
    assert "Transfer from" in waste


def test_checked_product_is_added_to_or_replaced(managers_browser, transfer, milk, shop):
    send(managers_browser, transfer, milk)
    enter(managers_browser, transfer, "check", milk, "2")
    shown = read(managers_browser.get(page(transfer, "check"), {"q": "MILK"}))
    assert "Checked before: <strong>2</strong>" in shown
    enter(managers_browser, transfer, "check", milk, "3", add="1")
    with tenant_scope(shop):
        assert StockTransferLine.objects.get().received == 5
    enter(managers_browser, transfer, "check", milk, "4")
    with tenant_scope(shop):
        assert StockTransferLine.objects.get().received == 4
    before = snapshot_database(*TABLES)
    form = {"product": str(milk.pk), "quantity": "1", "seen_version": "1", "add": "1"}
    refused = read(managers_browser.post(page(transfer, "check"), form))
    assert "Someone else has changed this product." in refused
    assert snapshot_database(*TABLES) == before


def test_zero_removes_a_product_from_the_draft(managers_browser, transfer, milk):
    enter(managers_browser, transfer, "pick", milk, "5")
    enter(managers_browser, transfer, "pick", milk, "0")
    shown = read(managers_browser.get(page(transfer, "pick")))
    assert "Fresh milk is removed." in shown
    assert "No products yet." in shown


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("1.5", "is sold by the piece"),
        ("", "Enter a quantity such as 2 or 0.735."),
        ("4006381333931", "This is a barcode."),
    ],
)
def test_wrong_quantity_saves_nothing(managers_browser, transfer, milk, quantity, message):
    before = snapshot_database(*TABLES)
    shown = read(enter(managers_browser, transfer, "pick", milk, quantity))
    assert message in shown
    assert snapshot_database(*TABLES) == before


def test_errors_of_steps_change_nothing(managers_browser, transfer, milk, shop):
    Tenant.objects.filter(pk=shop.pk).update(stock_policy=Tenant.StockPolicy.BLOCK)
    empty = do(managers_browser, transfer, "send")
    assert "has no products" in read_errors(empty)
    enter(managers_browser, transfer, "pick", milk, "13")
    before = snapshot_database(*TABLES)
    assert "Not enough stock: Fresh milk (12 of 13)." in read_errors(
        do(managers_browser, transfer, "send")
    )
    stale = managers_browser.post(page(transfer, "send"), {"expected_version": "1"})
    assert "changed this" in read_errors(stale)
    assert "changed this" in read_errors(managers_browser.post(page(transfer, "cancel"), {}))
    assert snapshot_database(*TABLES) == before


def test_canceled_transfer_returns_the_goods(managers_browser, transfer, milk, store):
    send(managers_browser, transfer, milk)
    before = snapshot_database(*TABLES)
    assert read_errors(do(managers_browser, transfer, "receive", unchecked="all"))
    assert snapshot_database(*TABLES) == before
    asked = read(managers_browser.get(page(transfer, "cancel")))
    assert "Its goods return to the stock of" in asked
    do(managers_browser, transfer, "cancel")
    assert get_stock_level(milk, store)[0] == 12


def test_sheet_lists_what_was_sent(managers_browser, transfer, milk):
    assert "No products yet." in read(managers_browser.get(page(transfer, "sheet")))
    send(managers_browser, transfer, milk)
    sheet = read(managers_browser.get(page(transfer, "sheet")))
    assert '<td>MILK</td><td class="till-number">5</td>' in sheet
    assert "Van" in sheet


def test_list_is_filtered_by_either_store(managers_browser, transfer, shop, second):
    other = StockTransferFactory(tenant=shop)
    shown = read(managers_browser.get(TRANSFERS, {"store": str(second.pk)}))
    assert str(transfer.pk) in shown
    assert str(other.pk) not in shown


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_another_shop_and_for_cashiers_are_closed(
    managers_browser, cashier, other_shop, transfer, name
):
    theirs = StockTransferLineFactory(tenant=other_shop).transfer
    before = snapshot_database(*TABLES)
    assert managers_browser.get(page(theirs, name)).status_code == 404
    assert managers_browser.post(page(theirs, name), {"unchecked": "as_sent"}).status_code == 404
    assert open_browser(cashier).get(page(transfer, name)).status_code == 302
    assert snapshot_database(*TABLES) == before


def test_pages_take_the_same_queries_for_any_number_of_products(managers_browser, transfer, shop):
    def measure():
        taken = []
        for name, status in (
            *((each, "draft") for each in ("pick", "send", "change")),
            *((each, "sent") for each in ("check", "receive", "sheet", "change")),
        ):
            with tenant_scope(shop):
                sent_at = None if status == "draft" else transfer.created_at
                StockTransfer.objects.update(status=status, sent_at=sent_at)
            with CaptureQueriesContext(connection) as captured:
                read(managers_browser.get(page(transfer, name)))
            taken.append((name, status, len(captured)))
        return taken

    def add(number):
        for _ in range(number):
            StockTransferLineFactory(tenant=shop, transfer=transfer)

    add(1)
    few = measure()
    add(3)
    assert measure() == few

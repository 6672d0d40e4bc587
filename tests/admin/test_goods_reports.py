"""The report pages of goods: low stock, dead stock and margins."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Product, StockLevel
from tenants.scope import tenant_scope
from tests.support.admin_browser import open_browser
from tests.support.admin_data import create_sale

pytestmark = [pytest.mark.once, pytest.mark.django_db]
REPORT = "/admin/reports/goods/"


def read(browser, **query):
    response = browser.get(REPORT, query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def old_stock(shop, product):
    with tenant_scope(shop):
        before = timezone.now() - timedelta(days=200)
        StockLevel.objects.update(reorder_point=50, created_at=before)
        Product.objects.filter(pk=product.pk).update(cost="0.80")
    return product


def test_menu_links_each_report(managers_browser):
    start = managers_browser.get("/admin/").content.decode()
    for kind in ("low-stock", "dead-stock", "margins"):
        assert f'href="{REPORT}?kind={kind}"' in start


def test_low_and_dead_stock_are_listed(managers_browser, old_stock, store):
    low = read(managers_browser, kind="low-stock")
    assert f'/admin/orders/product/{old_stock.pk}/change/">{old_stock}' in low
    assert '<td class="till-number">40</td>' in low
    assert 'name="from"' not in low
    dead = read(managers_browser, kind="dead-stock", store=str(store.pk))
    assert old_stock.sku in dead
    assert dead.count('<td class="till-number">8.00') == 2
    assert "Last 90 days" in dead.split('aria-current="true">')[1]


def test_margins_name_the_cost_that_they_use(managers_browser, admins_sale):
    shown = read(managers_browser, kind="margins", period="today")
    assert admins_sale.sku in shown
    assert "sales store no cost" in shown
    assert " %</td>" in shown


@pytest.fixture
def admins_sale(old_stock, cashier, register):
    create_sale(cashier, register, old_stock)
    return old_stock


@pytest.mark.parametrize("kind", ["low-stock", "dead-stock", "margins"])
def test_reports_are_files_and_empty_ones_say_so(managers_browser, kind):
    answer = managers_browser.get(REPORT, {"kind": kind, "format": "csv"})
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("product,sku,name,")
    assert answer["Content-Disposition"].endswith(f'-{kind}.csv"')
    book = managers_browser.get(REPORT, {"kind": kind, "format": "xlsx"})
    assert book.content[:2] == b"PK"
    assert 'class="till-quiet">' in read(managers_browser, kind=kind)


def test_wrong_days_are_explained_and_cashiers_sent_away(managers_browser, cashier):
    assert 'class="errorlist"' in read(managers_browser, kind="margins", **{"from": "x"})
    assert managers_browser.post(REPORT).status_code == 405
    assert open_browser(cashier).get(REPORT).status_code == 302

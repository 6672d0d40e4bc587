"""Waste and moves to another store on the page of a stock level, and the waste report."""

import pytest

from orders.models import Product, StockLevel, StockMovement
from tenants.scope import tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.admin_data import LEVELS
from tests.support.till import get_stock_level

pytestmark = [pytest.mark.once, pytest.mark.django_db]
REPORT = "/admin/reports/waste/"


@pytest.fixture
def page(product, store):
    with tenant_scope(store.tenant):
        level = StockLevel.objects.get(product=product, store=store)
    return f"{LEVELS}{level.pk}/change/"


def read(response):
    assert response.status_code == 200
    return response.content.decode()


def test_waste_is_recorded_with_its_reason(managers_browser, page, product, store):
    form = {"type": "waste", "moved": "2", "waste_reason": "expired"}
    assert submit_form(managers_browser, page, **form).status_code == 302
    assert get_stock_level(product, store) == (8, 0)
    with tenant_scope(store.tenant):
        assert StockMovement.objects.latest("created_at").waste_reason == "expired"
    assert '<span class="till-detail">Expired</span>' in read(managers_browser.get(page))


def test_goods_are_moved_to_another_store(managers_browser, page, product, store, shop):
    second = StoreFactory(tenant=shop, name="Second")
    form = {"type": "transfer_out", "moved": "3", "to_store": str(second.pk)}
    assert submit_form(managers_browser, page, **form).status_code == 302
    assert get_stock_level(product, store) == (7, 0)
    assert get_stock_level(product, second) == (3, 0)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"type": "waste", "moved": "2", "waste_reason": "other"}, "Enter a reason"),
        (
            {"type": "receive", "moved": "2", "waste_reason": "expired"},
            "Only for goods that were thrown away",
        ),
        ({"waste_reason": "expired"}, "This field is required"),
        ({"type": "waste", "moved": "2", "waste_reason": "returned"}, "valid choice"),
        ({"type": "transfer_out", "moved": "2"}, "Choose the store to which the goods went"),
        ({"type": "transfer_out", "moved": "2", "to_store": "own"}, "valid choice"),
        ({"type": "transfer_out", "moved": "2", "to_store": "foreign"}, "valid choice"),
        ({"type": "transfer_out", "moved": "11", "to_store": "second"}, "Not enough stock"),
    ],
    ids=str,
)
def test_wrong_form_changes_nothing(form, words, managers_browser, page, store, shop, other_shop):
    stores = {
        "own": store,
        "foreign": StoreFactory(tenant=other_shop),
        "second": StoreFactory(tenant=shop),
    }
    if "to_store" in form:
        form = form | {"to_store": str(stores[form["to_store"]].pk)}
    before = snapshot_database(StockLevel, StockMovement)
    assert words in read_errors(submit_form(managers_browser, page, **form))
    assert snapshot_database(StockLevel, StockMovement) == before


def test_report_shows_reasons_and_products(managers_browser, page, product, shop, store):
    with tenant_scope(shop):
        Product.objects.update(cost="0.80")
    empty = read(managers_browser.get(REPORT))
    assert "Nothing was wasted in this period." in empty
    form = {"type": "waste", "moved": "2", "waste_reason": "expired"}
    submit_form(managers_browser, page, **form)

    shown = read(managers_browser.get(REPORT, {"store": str(store.pk)}))
    assert "<td>Expired</td>" in shown
    assert '<td class="till-number">1.60</td>' in shown
    assert product.sku in shown
    none = {"from": "2020-01-01", "to": "2020-01-31"}
    assert "Expired" not in read(managers_browser.get(REPORT, none))


@pytest.mark.parametrize("query", [{"from": "x"}, {"from": "2026-02-01", "to": "2026-01-01"}])
def test_wrong_days_are_explained(managers_browser, query):
    assert 'class="errorlist"' in read(managers_browser.get(REPORT, query))
    assert managers_browser.post(REPORT).status_code == 405

"""Statement counts of list pages do not depend on the number of rows."""

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Posting
from orders.models import Order, Receipt
from tenants import audit
from tenants.admin import PlatformAdmin
from tenants.paginators import BoundedPaginator
from tenants.scope import tenant_scope
from tests.factories.accounts import (
    ApprovalFactory,
    AuthSessionFactory,
    TerminalFactory,
    UserFactory,
)
from tests.factories.orders import (
    CashMovementFactory,
    CategoryFactory,
    OrderFactory,
    OrderLineFactory,
    PaymentFactory,
    RefundFactory,
    ShiftFactory,
    StockLevelFactory,
    StoreCreditFactory,
    TaxClassFactory,
)
from tests.factories.stock_count import StockCountLineFactory
from tests.factories.stock_transfer import StockTransferLineFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.admin_pages import MODELS, build_page_url, models


def create_shift_rows(order, person, register):
    """Create rows of shifts, payments, refunds, approvals and receipts for another register."""
    shift = ShiftFactory(opened_by=person, register=register)
    CashMovementFactory(shift=shift)
    PaymentFactory(order=order, shift=shift)
    RefundFactory(order=order, shift=shift)
    StoreCreditFactory(tenant=order.tenant)
    ApprovalFactory(requested_by=person)
    TerminalFactory(register=register, paired_by=person)
    number = register.number
    with tenant_scope(order.tenant):
        Posting(user=person, store=register.store).save()
        Receipt(order=order, register=register, number=number, issued_at=timezone.now()).save()


@pytest.fixture
def add_rows(shop_rows, cashier):
    """Return a function that adds three rows of each model with new related rows."""

    def make():
        for _ in range(3):
            AuthSessionFactory(user=UserFactory(tenant=shop_rows))
            register = RegisterFactory(store=StoreFactory(tenant=shop_rows), tenant=shop_rows)
            person = UserFactory(tenant=shop_rows)
            line = OrderLineFactory(order__cashier=person, order__register=register)
            StockLevelFactory(product=line.product, store=register.store)
            StockCountLineFactory(tenant=shop_rows, stock_count__started_by=person)
            StockTransferLineFactory(
                tenant=shop_rows, transfer__created_by=person, checked_by=person
            )
            CategoryFactory(tenant=shop_rows)
            TaxClassFactory(tenant=shop_rows)
            create_shift_rows(line.order, person, register)
            with tenant_scope(shop_rows):
                audit.record("store_added", actor=person, target=register.store)

    return make


def count_queries(browser, url):
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return len(captured)


@models
def test_list_takes_the_same_queries_for_any_number_of_rows(model, admins_browser, add_rows):
    add_rows()
    url = build_page_url(model, "changelist")
    few = count_queries(admins_browser, url)

    add_rows()

    assert count_queries(admins_browser, url) == few <= 12


def test_row_count_stops_at_the_maximum(admins_browser, cashier, monkeypatch):
    for _ in range(7):
        OrderFactory(cashier=cashier)
    monkeypatch.setattr(BoundedPaginator, "MAX_ROWS", 5)

    with CaptureQueriesContext(connection) as captured:
        body = admins_browser.get("/admin/orders/order/").content.decode()

    counting = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert "more than 5 orders" in body
    assert "Show all" not in body
    assert len(counting) == 1
    assert "LIMIT 6" in counting[0]


def test_row_count_up_to_the_maximum_is_exact(admins_browser, cashier, monkeypatch):
    for _ in range(5):
        OrderFactory(cashier=cashier)
    monkeypatch.setattr(BoundedPaginator, "MAX_ROWS", 5)

    body = admins_browser.get("/admin/orders/order/").content.decode()

    assert "5 orders" in body
    assert "more than" not in body


def test_large_counts_have_separators():
    rows = Order.objects.none
    paginator = BoundedPaginator(rows, 50)
    paginator.counted = 5001
    assert paginator.count_text == "more than 5,000"
    assert paginator.num_pages == 100


@pytest.mark.slow
@pytest.mark.usefixtures("shop_rows")
def test_no_list_counts_without_a_limit(admins_browser, platform_browser):
    """Counting all rows of a table takes seconds in a large shop."""
    lists = [build_page_url(model, "changelist") for model in MODELS]
    lists += [
        f"/platform/{model._meta.app_label}/{model._meta.model_name}/"
        for model in site._registry
        if issubclass(type(site._registry[model]), PlatformAdmin)
    ]
    for url in lists:
        for query in ("", "?q=a"):
            browser = platform_browser if url.startswith("/platform/") else admins_browser
            with CaptureQueriesContext(connection) as captured:
                body = browser.get(url + query).content.decode()
            counting = [each["sql"] for each in captured if "COUNT(*)" in each["sql"]]
            assert all("LIMIT" in sql for sql in counting), (url, counting)
            assert "Show all" not in body, url

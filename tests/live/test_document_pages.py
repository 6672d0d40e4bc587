"""Pages of documents and product files in chromium: axe in both color schemes, wide and phone."""

import pytest

from orders.models import Product, Receipt, Shift
from tenants.scope import across_tenants
from tests.live.test_report_pages import base, check, demo_day, log_in  # noqa: F401  (fixtures)
from tests.support.live.browser import run_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

WRONG_FILE = b"sku,name,price,color\nNEW,New product,abc,red\nOTHER,Other,1.00,\n"


def visit_bulk_edit(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/product/")
    for box in page.locator("input.action-select").all()[:3]:
        box.check()
    page.select_option("select[name=action]", "bulk_edit")
    page.click("button[name=index]")
    yield "bulk-edit"
    page.select_option("select[name=price_mode]", "percent")
    page.fill("input[name=price_value]", "10")
    page.click("text=Preview")
    page.wait_for_selector("#bulk-changes")
    yield "bulk-edit-preview"


def visit_import(page, base):  # noqa: F811
    page.goto(f"{base}/admin/orders/product/import/")
    yield "import"
    file = {"name": "products.csv", "mimeType": "text/csv", "buffer": WRONG_FILE}
    page.set_input_files("input[type=file]", file)
    page.click("input[type=submit]")
    page.wait_for_selector(".till-wrong")
    yield "import-errors"


def test_document_pages_are_accessible_and_fit(base, demo_day):  # noqa: F811
    with across_tenants():
        receipt, shift = Receipt.objects.first(), Shift.objects.first()
        assert Product.objects.exists()
    pages = {
        "start": "/admin/",
        "find": "/admin/find/?q=a",
        "orders": "/admin/orders/order/?total_min=1",
        "audit-log": "/admin/tenants/auditevent/",
        "stock-levels": "/admin/orders/stocklevel/",
        "new-product": "/admin/orders/product/add/",
        "z-reports": "/admin/z-reports/",
        "labels": "/admin/labels/",
        "products": "/admin/orders/product/?q=a",
        "receipt": f"/admin/orders/receipt/{receipt.pk}/change/",
        "shift": f"/admin/orders/shift/{shift.pk}/change/",
        "mail": f"/admin/orders/receipt/{receipt.pk}/mail/",
    }
    problems: list[tuple] = []
    with run_browser(timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        log_in(page, base)
        for name, path in pages.items():
            assert page.goto(base + path).status == 200
            check(page, name, problems)
        for visit in (visit_bulk_edit, visit_import):
            for name in visit(page, base):
                check(page, name, problems)

    assert problems == [], "\n".join(map(str, problems))

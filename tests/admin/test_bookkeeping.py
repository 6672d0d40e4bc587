"""The page of the bookkeeper's month, and that of bookkeeping profiles."""

import re
from datetime import UTC, datetime

import pytest
import time_machine

from orders.models import BookkeepingProfile
from tenants.scope import tenant_scope
from tests.factories.bookkeeping_profile import ACCOUNTS, BookkeepingProfileFactory
from tests.support.admin_browser import build_form, open_browser, read_errors
from tests.support.api import Person
from tests.support.datev import read_batch
from tests.support.shifts import close_shift, open_shift, record_movement
from tests.support.till import Till, cash, line

pytestmark = pytest.mark.once

PAGE = "/admin/reports/bookkeeping/"
PROFILES = "/admin/orders/bookkeepingprofile/"
MARCH = datetime(2026, 3, 20, 10, tzinfo=UTC)
APRIL = datetime(2026, 4, 2, 10, tzinfo=UTC)


@pytest.fixture
def march(manager, register, product):
    """Create a shift in March, and stop the clock in April."""
    with time_machine.travel(MARCH, tick=False):
        till = Till(manager, register)
        shift = open_shift(till, "50.00")
        till.sold(line(product, "2"), payments=[cash("5.00")])
        record_movement(till, shift, "paid_out", "1.00", reason="<b>Milk</b>")
        assert close_shift(till, shift, "54.00").status_code == 200
    with time_machine.travel(APRIL, tick=False):
        yield till


@pytest.fixture
def browser(march, manager):
    return open_browser(manager)


def follow(page, label):
    """Return the address of the link with this text."""
    (found,) = re.findall(rf'<a href="([^"]*)"[^>]*>{re.escape(label)}</a>', page)
    return found.replace("&amp;", "&")


def test_last_month_is_two_clicks_away(browser, store, shop):
    BookkeepingProfileFactory(tenant=shop, store=store)
    start = browser.get("/admin/").content.decode()

    page = browser.get(follow(start, "Bookkeeping")).content.decode()
    # The buttons of the form send its fields.
    (month,) = re.findall(r'name="month" value="([^"]*)"', page)
    (chosen,) = re.findall(r'<option value="([^"]*)" selected>Main', page)
    batch = browser.get(PAGE, {"store": chosen, "month": month, "format": "datev"})
    archive = browser.get(PAGE, {"store": chosen, "month": month, "format": "zip"})

    assert read_batch(batch.content).sum_accounts()[ACCOUNTS["cash_account"]] == 54
    assert archive.content.startswith(b"PK")
    assert "Main, March 2026" in page
    assert "&lt;b&gt;Milk&lt;/b&gt;" in page


def test_page_has_the_figures_of_the_api(browser, store, manager):
    page = browser.get(PAGE).content.decode()
    tables = Person(manager).get(
        "reports/bookkeeping/", {"store": str(store.pk), "month": "2026-03"}
    )

    for name, rows in tables.json().items():
        if isinstance(rows, list) and rows:
            (table,) = re.findall(rf'id="bookkeeping-{name}".*?</table>', page, re.S)
            for amount in re.findall(r'"(-?\d+\.\d\d)"', str(rows).replace("'", '"')):
                assert f">{amount}</td>" in table


def test_month_that_goes_on_says_so(browser):
    assert "has not ended" in browser.get(PAGE, {"month": "2026-04"}).content.decode()
    assert "has not ended" not in browser.get(PAGE, {"month": "2026-03"}).content.decode()


def test_missing_profile_and_accounts_are_mended_by_a_link(browser, store, shop):
    page = browser.get(PAGE, {"format": "datev"}).content.decode()

    assert "Main has no bookkeeping profile." in page
    assert follow(page, "Open the bookkeeping profile") == f"{PROFILES}add/"
    profile = BookkeepingProfileFactory(tenant=shop, store=store, cash_account="")
    page = browser.get(PAGE, {"format": "datev"}).content.decode()
    assert "lacks: cash account." in page
    assert follow(page, "Open the bookkeeping profile") == f"{PROFILES}{profile.pk}/change/"


@pytest.mark.parametrize(
    "query", [{"month": "2026-13"}, {"month": "2027-01"}, {"store": "x"}, {"store": "\0"}]
)
def test_invalid_query_is_named(query, browser):
    page = browser.get(PAGE, query)

    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()


def test_only_managers_see_the_page(march, cashier):
    assert open_browser(cashier).get(PAGE).status_code == 302
    assert open_browser(march.user).post(PAGE).status_code == 405


def test_profile_is_added_and_changed(browser, store, shop):
    page = browser.get(f"{PROFILES}add/")
    # The taxes of the shop are suggested.
    assert page.context["adminform"].form.initial["revenue_accounts"] == "19: "
    form = build_form(
        page,
        store=str(store.pk),
        consultant_number="29098",
        client_number="55003",
        revenue_accounts="19: 8400\r\n7,0 %: 8300 3\r\nnone: 8200\r\n16:\r\n",
        cash_account="1000",
    )

    assert browser.post(f"{PROFILES}add/", form).status_code == 302

    with tenant_scope(shop):
        profile = BookkeepingProfile.objects.get()
    assert profile.revenue_accounts == [
        {"percent": "19", "account": "8400", "tax_key": ""},
        {"percent": "7", "account": "8300", "tax_key": "3"},
        {"percent": None, "account": "8200", "tax_key": ""},
    ]
    path = f"{PROFILES}{profile.pk}/change/"
    page = browser.get(path)
    lines = page.context["adminform"].form.initial["revenue_accounts"]
    assert lines == "19: 8400\n7: 8300 3\nnone: 8200"
    refused = browser.post(path, build_form(page, cash_account="8400"))
    assert "Must not be used for anything else." in read_errors(refused)
    assert browser.post(path, build_form(page, chart="03")).status_code == 302
    with tenant_scope(shop):
        profile.refresh_from_db()
    assert (profile.chart, profile.cash_account, profile.version) == ("03", "1000", 2)

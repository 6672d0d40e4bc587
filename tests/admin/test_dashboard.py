"""The dashboard shows today's figures of this shop only."""

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuthSession
from orders.admin.chart import build_chart
from orders.models import Order
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.factories.orders import OrderFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.admin_browser import open_browser

pytestmark = pytest.mark.once

# Two in the afternoon in Berlin, the time zone of the shop.
NOW = datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
DASH = "\N{EN DASH}"
BAR = re.compile(r'<rect class="till-bar" x="(\d+)".*?height="(\d+)".*?<title>(.*?)</title>')
FIGURE = re.compile(r"<dt>(.*?)</dt><dd>(.*?)</dd>", re.S)
TAG = re.compile(r"<[^>]+>")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def page(manager, store):
    """Return a function that loads the dashboard."""
    browser = open_browser(manager)
    return lambda: browser.get("/admin/")


def read_figures(response):
    """Return the figures of the page by their labels."""
    found = FIGURE.findall(response.content.decode())
    return {name: " ".join(TAG.sub(" ", value).split()) for name, value in found}


def sell(register, cashier, total, at, status=Order.Status.COMPLETED):
    """Create an order completed at that time, without receipt, payment or stock movement."""
    with time_machine.travel(at, tick=False):
        return OrderFactory(
            register=register,
            cashier=cashier,
            status=status,
            total=Decimal(total),
            paid_total=Decimal(total),
            receipt_number=sell.receipts.pop(),
            completed_at=at,
        )


sell.receipts = list(range(1000, 0, -1))


def test_day_without_sales_shows_no_average_and_no_chart(page):
    response = page()

    seen = read_figures(response)
    assert (seen["Sold"], seen["Sales"], seen["Average"]) == ("0.00 EUR", "0", DASH)
    assert "No sales yet." in response.content.decode()
    assert "till-chart" not in response.content.decode()


def test_shop_without_stores_shows_no_figures(manager):
    seen = read_figures(open_browser(manager).get("/admin/"))

    assert (seen["Sold"], seen["Sales"], seen["Average"]) == (DASH, DASH, DASH)


def test_business_day_starts_at_the_stores_time(page, register, cashier, store, shop):
    for at, total in [
        (
            datetime(2026, 3, 2, 22, 59, tzinfo=UTC),
            "100.00",
        ),  # one minute before midnight in Berlin
        (datetime(2026, 3, 2, 23, 0, tzinfo=UTC), "1.10"),
        (datetime(2026, 3, 3, 2, 59, tzinfo=UTC), "2.20"),
        (datetime(2026, 3, 3, 3, 0, tzinfo=UTC), "3.30"),
    ]:
        sell(register, cashier, total, at)
    seen = read_figures(page())
    assert (seen["Sold"], seen["Sales"], seen["Average"]) == ("6.60 EUR", "3", "2.20")

    with tenant_scope(shop):
        store.day_starts_at = time(4, 0)
        store.save()
    seen = read_figures(page())
    assert (seen["Sold"], seen["Sales"]) == ("3.30 EUR", "1")
    assert "Since 04:00" in page().content.decode()


def test_hours_before_the_day_start_belong_to_the_previous_day(
    manager, register, cashier, store, shop, clock
):
    with tenant_scope(shop):
        store.day_starts_at = time(4, 0)
        store.save()
    sell(register, cashier, "5.00", datetime(2026, 3, 3, 20, 0, tzinfo=UTC))

    clock.move_to(datetime(2026, 3, 4, 2, 59, tzinfo=UTC))
    assert read_figures(open_browser(manager).get("/admin/"))["Sales"] == "1"
    clock.move_to(datetime(2026, 3, 4, 3, 0, tzinfo=UTC))
    assert read_figures(open_browser(manager).get("/admin/"))["Sales"] == "0"


def test_each_store_has_its_own_business_day(page, register, cashier, shop):
    tokyo = StoreFactory(tenant=shop, name="Tokyo", timezone="Asia/Tokyo")
    there = RegisterFactory(tenant=shop, store=tokyo)
    # 15:00 UTC is midnight in Tokyo, so an earlier sale belongs to the previous day there.
    sell(there, cashier, "10.00", datetime(2026, 3, 2, 14, 59, tzinfo=UTC))
    sell(there, cashier, "20.00", datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
    sell(register, cashier, "1.00", datetime(2026, 3, 3, 9, 0, tzinfo=UTC))

    response = page()

    assert read_figures(response)["Sold"] == "21.00 EUR"
    body = response.content.decode()
    assert re.search(r"Tokyo</th><td[^>]*>1</td><td[^>]*>20.00", body)
    assert re.search(r"Main</th><td[^>]*>1</td><td[^>]*>1.00", body)


def test_refunded_orders_count_as_sales_and_open_orders_do_not(page, register, cashier):
    at = NOW - timedelta(hours=1)
    sell(register, cashier, "4.00", at, status=Order.Status.REFUNDED)
    sell(register, cashier, "2.00", at, status=Order.Status.PARTIALLY_REFUNDED)
    for status in (Order.Status.OPEN, Order.Status.HELD, Order.Status.VOIDED):
        OrderFactory(register=register, cashier=cashier, status=status, total=Decimal(100))
    with time_machine.travel(NOW - timedelta(days=31), tick=False):
        OrderFactory(register=register, cashier=cashier)

    seen = read_figures(page())

    assert (seen["Sold"], seen["Sales"], seen["Unfinished orders"]) == ("6.00 EUR", "2", "2")


def test_chart_has_one_bar_per_hour_with_sales(page, register, cashier):
    for hour, total in [(8, "10.00"), (8, "10.00"), (10, "5.00"), (11, "0.00")]:
        sell(register, cashier, total, datetime(2026, 3, 3, hour, 30, tzinfo=UTC))

    body = page().content.decode()

    bars = BAR.findall(body)
    assert bars == [
        ("183", "100", "9:00: 20.00 EUR, 2 sales"),
        ("223", "25", "11:00: 5.00 EUR, 1 sale"),
        ("243", "1", "12:00: 0.00 EUR, 1 sale"),
    ]


def test_chart_starts_at_the_first_hour_of_the_day():
    hours = {2: {"total": Decimal(1)}, 5: {"total": Decimal(2)}}

    chart = build_chart(hours, first=4)

    assert [(bar.hour, bar.x) for bar in chart.bars] == [(5, 23), (2, 443)]
    assert [hour for _, hour in chart.labels][:3] == ["04", "07", "10"]


def test_other_shops_are_not_counted(page, foreign):
    cashier = foreign.cashier
    sell(foreign.register, cashier, "66.60", NOW - timedelta(hours=1))

    seen = read_figures(page())

    assert (seen["Sold"], seen["Unfinished orders"], seen["Active sessions"]) == (
        "0.00 EUR",
        "0",
        "1",
    )


def test_amounts_have_the_decimals_of_the_currency(page, register, cashier, shop):
    shop.currency = "JPY"
    shop.save()
    for total in ("333", "334"):
        sell(register, cashier, total, NOW - timedelta(hours=1))

    seen = read_figures(page())

    assert (seen["Sold"], seen["Average"]) == ("667 JPY", "334")


# --- users -------------------------------------------------------------------------------------


def test_logged_in_users_are_listed_once(page, cashier, manager, register):
    for minutes in (5, 90):
        AuthSessionFactory(user=cashier, last_used_at=NOW - timedelta(minutes=minutes))
    gone = AuthSessionFactory(user=UserFactory(tenant=cashier.tenant, display_name="Gone"))
    with tenant_scope(cashier.tenant):
        AuthSession.objects.filter(pk=gone.pk).end(AuthSession.EndReason.LOGOUT)

    response = page()

    body = response.content.decode()
    people = re.findall(r"<li>\s*<strong>(.*?)</strong>", body)
    assert people == [str(manager), str(cashier)]
    assert "13:55" in body
    assert read_figures(response)["Active sessions"] == "3"


def test_users_beyond_the_list_are_counted(page, shop):
    for _ in range(14):
        AuthSessionFactory(user=UserFactory(tenant=shop), last_used_at=timezone.now())

    assert "and 3 more" in page().content.decode()


def test_refresh_token_reuse_is_highlighted(page, cashier, shop, client_of, clock):
    person = client_of(cashier)
    first = person.tokens.refresh
    assert person.post("auth/token/refresh/", {"refresh": first}).status_code == 200
    clock.shift(timedelta(minutes=1))
    assert person.post("auth/token/refresh/", {"refresh": first}).status_code == 401

    response = page()

    assert read_figures(response)["Refresh tokens reused (24 hours)"] == "1"
    assert "till-alarm" in response.content.decode()


# --- statement counts --------------------------------------------------------------------------


def test_dashboard_takes_the_same_statements_for_any_number_of_rows(
    page, register, cashier, shop, statements
):
    def fill():
        for hour in range(5):
            sell(register, cashier, "2.00", NOW - timedelta(hours=hour))
        AuthSessionFactory(user=UserFactory(tenant=shop))
        StoreFactory(tenant=shop)

    fill()
    with statements(15):
        page()
    fill()
    with statements(15):
        page()

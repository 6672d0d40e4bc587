"""The start page: the figures of the day, of this shop alone, and nothing made up."""

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

# Two in the afternoon in Berlin, where the shop is.
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
    """The start page as it is now."""
    browser = open_browser(manager)
    return lambda: browser.get("/admin/")


def figures(response):
    """What stands under which word."""
    found = FIGURE.findall(response.content.decode())
    return {name: " ".join(TAG.sub(" ", value).split()) for name, value in found}


def sell(register, cashier, total, at, status=Order.Status.COMPLETED):
    """An order that was completed then, without what else a sale writes."""
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


def test_a_day_without_sales_has_no_average_and_no_chart(page):
    response = page()

    seen = figures(response)
    assert (seen["Sold"], seen["Sales"], seen["Average"]) == ("0.00 EUR", "0", DASH)
    assert "No sales yet." in response.content.decode()
    assert "till-chart" not in response.content.decode()


def test_a_shop_without_a_store_has_no_day(manager):
    seen = figures(open_browser(manager).get("/admin/"))

    assert (seen["Sold"], seen["Sales"], seen["Average"]) == (DASH, DASH, DASH)


def test_the_day_begins_where_the_store_says(page, register, cashier, store, shop):
    for at, total in [
        (datetime(2026, 3, 2, 22, 59, tzinfo=UTC), "100.00"),  # a minute to midnight in Berlin
        (datetime(2026, 3, 2, 23, 0, tzinfo=UTC), "1.10"),
        (datetime(2026, 3, 3, 2, 59, tzinfo=UTC), "2.20"),
        (datetime(2026, 3, 3, 3, 0, tzinfo=UTC), "3.30"),
    ]:
        sell(register, cashier, total, at)
    seen = figures(page())
    assert (seen["Sold"], seen["Sales"], seen["Average"]) == ("6.60 EUR", "3", "2.20")

    with tenant_scope(shop):
        store.day_starts_at = time(4, 0)
        store.save()
    seen = figures(page())
    assert (seen["Sold"], seen["Sales"]) == ("3.30 EUR", "1")
    assert "Since 04:00" in page().content.decode()


def test_before_the_hour_at_which_it_begins_it_is_still_yesterday(
    manager, register, cashier, store, shop, clock
):
    with tenant_scope(shop):
        store.day_starts_at = time(4, 0)
        store.save()
    sell(register, cashier, "5.00", datetime(2026, 3, 3, 20, 0, tzinfo=UTC))

    clock.move_to(datetime(2026, 3, 4, 2, 59, tzinfo=UTC))
    assert figures(open_browser(manager).get("/admin/"))["Sales"] == "1"
    clock.move_to(datetime(2026, 3, 4, 3, 0, tzinfo=UTC))
    assert figures(open_browser(manager).get("/admin/"))["Sales"] == "0"


def test_every_store_has_its_own_day(page, register, cashier, shop):
    tokyo = StoreFactory(tenant=shop, name="Tokyo", timezone="Asia/Tokyo")
    there = RegisterFactory(tenant=shop, store=tokyo)
    # 15:00 UTC is midnight in Tokyo; the day before that is over there, but not in Berlin.
    sell(there, cashier, "10.00", datetime(2026, 3, 2, 14, 59, tzinfo=UTC))
    sell(there, cashier, "20.00", datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
    sell(register, cashier, "1.00", datetime(2026, 3, 3, 9, 0, tzinfo=UTC))

    response = page()

    assert figures(response)["Sold"] == "21.00 EUR"
    body = response.content.decode()
    assert re.search(r"Tokyo</th><td[^>]*>1</td><td[^>]*>20.00", body)
    assert re.search(r"Main</th><td[^>]*>1</td><td[^>]*>1.00", body)


def test_what_was_refunded_was_sold_and_what_is_open_was_not(page, register, cashier):
    at = NOW - timedelta(hours=1)
    sell(register, cashier, "4.00", at, status=Order.Status.REFUNDED)
    sell(register, cashier, "2.00", at, status=Order.Status.PARTIALLY_REFUNDED)
    for status in (Order.Status.OPEN, Order.Status.HELD, Order.Status.VOIDED):
        OrderFactory(register=register, cashier=cashier, status=status, total=Decimal(100))
    with time_machine.travel(NOW - timedelta(days=31), tick=False):
        OrderFactory(register=register, cashier=cashier)

    seen = figures(page())

    assert (seen["Sold"], seen["Sales"], seen["Unfinished orders"]) == ("6.00 EUR", "2", "2")


def test_the_chart_has_a_bar_for_every_hour_with_sales(page, register, cashier):
    for hour, total in [(8, "10.00"), (8, "10.00"), (10, "5.00"), (11, "0.00")]:
        sell(register, cashier, total, datetime(2026, 3, 3, hour, 30, tzinfo=UTC))

    body = page().content.decode()

    bars = BAR.findall(body)
    assert bars == [
        ("183", "100", "9:00: 20.00 EUR, 2 sales"),
        ("223", "25", "11:00: 5.00 EUR, 1 sale"),
        ("243", "1", "12:00: 0.00 EUR, 1 sale"),
    ]


def test_the_chart_begins_with_the_day():
    hours = {2: {"total": Decimal(1)}, 5: {"total": Decimal(2)}}

    chart = build_chart(hours, first=4)

    assert [(bar.hour, bar.x) for bar in chart.bars] == [(5, 23), (2, 443)]
    assert [hour for _, hour in chart.labels][:3] == ["04", "07", "10"]


def test_nothing_of_another_shop_is_counted(page, foreign):
    cashier = foreign.cashier
    sell(foreign.register, cashier, "66.60", NOW - timedelta(hours=1))

    seen = figures(page())

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

    seen = figures(page())

    assert (seen["Sold"], seen["Average"]) == ("667 JPY", "334")


# --- people --------------------------------------------------------------------------------------


def test_it_says_who_is_logged_in_each_person_once(page, cashier, manager, register):
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
    assert figures(response)["Active sessions"] == "3"


def test_more_people_than_fit_are_counted(page, shop):
    for _ in range(14):
        AuthSessionFactory(user=UserFactory(tenant=shop), last_used_at=timezone.now())

    assert "and 3 more" in page().content.decode()


def test_a_stolen_token_shows_in_red(page, cashier, shop, client_of, clock):
    thief = client_of(cashier)
    first = thief.tokens.refresh
    assert thief.post("auth/token/refresh/", {"refresh": first}).status_code == 200
    clock.shift(timedelta(minutes=1))
    assert thief.post("auth/token/refresh/", {"refresh": first}).status_code == 401

    response = page()

    assert figures(response)["Refresh tokens reused (24 hours)"] == "1"
    assert "till-alarm" in response.content.decode()


# --- the cost ------------------------------------------------------------------------------------


def test_the_page_takes_few_queries_however_much_there_is(
    page, register, cashier, shop, statements
):
    def fill():
        for hour in range(5):
            sell(register, cashier, "2.00", NOW - timedelta(hours=hour))
        AuthSessionFactory(user=UserFactory(tenant=shop))
        StoreFactory(tenant=shop)

    fill()
    with statements(11):
        page()
    fill()
    with statements(11):
        page()

"""The sales report page: the figures of the API, compared with the period before."""

import csv
import io
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from orders.admin.chart import ChartPart, build_period_chart
from orders.admin.report_periods import Period, find_days_before, list_parts
from orders.services.reports.sales import GroupBy
from tenants.scope import tenant_scope
from tests.factories.orders import OrderFactory, ProductFactory
from tests.support.admin_browser import open_browser
from tests.support.reports import create_line, create_store, fetch_report, make_seller

pytestmark = pytest.mark.once

PAGE = "/admin/reports/"
# Wednesday noon in Berlin, the time zone of the shop.
NOW = datetime(2026, 3, 18, 11, 0, tzinfo=UTC)
ROW = re.compile(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', re.S)
CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.S)
DASH = "\N{EN DASH}"
TAG = re.compile(r"<[^>]+>")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def sale(cashier):
    return make_seller(cashier)


@pytest.fixture
def two_weeks(sale, register):
    """Create sales of the last calendar week and of the week before."""
    for moment, total in (
        ("2026-03-02T12:00:00Z", "10.00"),  # Monday of the week before
        ("2026-03-09T12:00:00Z", "20.00"),
        ("2026-03-09T13:00:00Z", "5.00"),
        ("2026-03-15T12:00:00Z", "4.00"),
        ("2026-03-16T12:00:00Z", "99.00"),  # this week
    ):
        sale(moment, register, total)


def load(browser, **query):
    response = browser.get(PAGE, query)
    assert response.status_code == 200
    return response.content.decode()


def read_rows(page):
    """Return the cells of each row of the table, without tags, by label."""
    return {
        label: [" ".join(TAG.sub(" ", cell).split()) for cell in CELL.findall(cells)]
        for label, cells in ROW.findall(page)
    }


def follow(page, label):
    """Return the address of the link with this text."""
    (found,) = re.findall(rf'<a href="([^"]*)"[^>]*>{re.escape(label)}</a>', page)
    return found.replace("&amp;", "&")


# --- from the start page -----------------------------------------------------------------------


def test_last_week_against_the_week_before_is_two_clicks_away(managers_browser, two_weeks):
    start = managers_browser.get("/admin/").content.decode()
    assert f'href="{PAGE}"' in start
    first = load(managers_browser)

    page = managers_browser.get(PAGE + follow(first, "Last week")).content.decode()

    rows = read_rows(page)
    assert list(rows) == [
        f"{name} {day} Mar 2026"
        for day, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), 9)
    ]
    monday = rows["Mon 9 Mar 2026"]
    assert monday[:4] == ["25.00", "10.00 Mon 2 Mar 2026", "+150 %", "2"]
    assert rows["Sun 15 Mar 2026"][1:3] == ["0.00 Sun 8 Mar 2026", DASH]
    assert f"Mon 2 Mar 2026 {DASH} Sun 8 Mar 2026" in page


def test_best_sellers_of_a_store_are_downloaded_as_csv(managers_browser, shop, sale, register):
    other = create_store(shop, "")
    for at, name, total in (
        (register, "Bun", "2.00"),
        (register, "Pie", "9.00"),
        (other, "X", "5"),
    ):
        order = sale("2026-03-17T12:00:00Z", at, total)
        amounts = dict.fromkeys(("gross", "net", "total"), Decimal(total))
        with tenant_scope(shop):
            create_line(order, ProductFactory(tenant=shop, name=name), **amounts)
    start = managers_browser.get("/admin/").content.decode()
    page = managers_browser.get(follow(start, "Best sellers")).content.decode()
    assert f'<option value="{register.store_id}">' in page
    assert '<button type="submit" class="button" name="format" value="csv">' in page

    query = {"store": str(register.store_id), "from": "2026-03-12", "to": "2026-03-18"}
    response = managers_browser.get(PAGE, {"group_by": "product", "format": "csv", **query})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        'attachment; filename="green-sales-by-product-2026-03-12-to-2026-03-18.csv"'
    )
    text = b"".join(response.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["label"].split()[-1], row["total"]) for row in rows] == [
        ("Pie", "9.00"),
        ("Bun", "2.00"),
    ]


def test_sums_are_those_of_the_api(managers_browser, manager_client, two_weeks):
    days = {"from": "2026-03-09", "to": "2026-03-15"}
    for group in set(GroupBy) - {GroupBy.HOUR}:
        total = fetch_report(manager_client, group_by=group.value, **days)["total"]
        page = load(managers_browser, group_by=group.value, **days)

        figures = re.findall(r"<dt>(.*?)</dt><dd>([\d.]+)", page)
        assert dict(figures) == {
            "Sold": total["total"],
            "Sales": str(total["orders"]),
            "Refunded": total["refunded_total"],
            "Discounts": total["discount_total"],
            "After refunds": total["net_total"],
        }
        assert "<h1>Sales report</h1>" in page


def test_rows_of_people_are_the_largest_first(managers_browser, sale, register, two_weeks, manager):
    make_seller(manager)
    OrderFactory(
        cashier=manager,
        register=register,
        status="completed",
        receipt_number=500,
        completed_at=datetime(2026, 3, 10, 12, tzinfo=UTC),
        **{name: Decimal("70.00") for name in ("subtotal", "total", "paid_total")},
    )

    page = load(managers_browser, group_by="cashier", period="last-week")

    rows = read_rows(page)
    assert next(iter(rows)) == str(manager)
    assert [cells[0] for cells in rows.values()] == ["70.00", "29.00"]
    assert 'width="41" height="12"' in page
    assert "till-chart" not in page


def test_period_without_sales_says_so(managers_browser, register):
    page = load(managers_browser, group_by="product")

    assert "Nothing was sold or refunded in this period." in page
    assert "till-chart" not in load(managers_browser, group_by="day")


def test_only_the_largest_rows_are_shown(managers_browser, shop, sale, monkeypatch):
    monkeypatch.setattr("orders.admin.sales_report.MAX_ROWS", 2)
    for number in range(3):
        sale("2026-03-17T12:00:00Z", create_store(shop, ""), f"{number + 1}.00")

    page = load(managers_browser, group_by="register")

    assert [cells[0] for cells in read_rows(page).values()] == ["3.00", "2.00"]
    assert "The first 2 of 3 rows." in page


# --- days ----------------------------------------------------------------------------------------


def test_today_is_the_business_day_of_the_stores(manager, shop, sale, clock):
    sale("2026-03-18T20:00:00Z", create_store(shop, "Europe/Berlin", time(4)), "3.00")
    clock.move_to(datetime(2026, 3, 19, 2, 59, tzinfo=UTC))

    rows = read_rows(load(open_browser(manager), period="today"))

    assert list(rows) == ["Wed 18 Mar 2026"]
    assert rows["Wed 18 Mar 2026"][0] == "3.00"


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("today", "2026-03-18", "2026-03-18"),
        ("yesterday", "2026-03-17", "2026-03-17"),
        ("last-7-days", "2026-03-12", "2026-03-18"),
        ("last-week", "2026-03-09", "2026-03-15"),
        ("this-month", "2026-03-01", "2026-03-18"),
        ("last-month", "2026-02-01", "2026-02-28"),
    ],
)
def test_periods_end_at_the_latest_today(period, first, last):
    days = Period(period).find_days(date(2026, 3, 18))

    assert [day.isoformat() for day in days] == [first, last]


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        ("2026-03-09", "2026-03-15", ("2026-03-02", "2026-03-08")),
        ("2026-03-18", "2026-03-18", ("2026-03-17", "2026-03-17")),
        ("2026-03-01", "2026-03-31", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-03-31", ("2025-10-01", "2025-12-31")),
        ("2026-03-01", "2026-03-18", ("2026-02-01", "2026-02-18")),
        ("2026-03-01", "2026-03-30", ("2026-02-01", "2026-02-28")),
        ("2026-03-01", "2026-03-07", ("2026-02-22", "2026-02-28")),
        ("2026-02-20", "2026-03-05", ("2026-02-06", "2026-02-19")),
    ],
)
def test_period_before(first, last, before):
    found = find_days_before(date.fromisoformat(first), date.fromisoformat(last))

    assert tuple(day.isoformat() for day in found) == before


def test_parts_of_a_period_are_complete():
    year = date(2025, 12, 29), date(2026, 2, 1)

    assert list_parts(GroupBy.WEEK, *year) == [f"2026-W0{number}" for number in range(1, 6)]
    assert list_parts(GroupBy.MONTH, *year) == ["2025-12", "2026-01", "2026-02"]
    assert len(list_parts(GroupBy.DAY, *year)) == 35
    assert list_parts(GroupBy.HOUR_OF_DAY, *year)[:2] == ["00:00", "01:00"]


def test_weeks_months_and_hours_have_words(managers_browser, two_weeks):
    days = {"from": "2026-03-02", "to": "2026-03-15"}

    weeks = read_rows(load(managers_browser, group_by="week", **days))
    months = read_rows(load(managers_browser, group_by="month", period="last-month"))
    hours = read_rows(load(managers_browser, group_by="hour_of_day", **days))

    assert [(label, cells[0]) for label, cells in weeks.items()] == [
        ("W10, from 2 Mar 2026", "10.00"),
        ("W11, from 9 Mar 2026", "29.00"),
    ]
    assert list(months) == ["February 2026"]
    assert hours["13:00"][0] == "34.00"
    assert len(hours) == 24


def test_hours_of_the_week_have_a_heat_table(managers_browser, two_weeks):
    page = load(
        managers_browser, group_by="hour_of_week", **{"from": "2026-03-09", "to": "2026-03-15"}
    )

    (table,) = re.findall(r'<table class="till-table till-heat">.*?</table>', page, re.S)
    cells = re.findall(r'<td class="till-number till-heat-(\d)" title="([^"]*)">(.*?)</td>', table)
    # Two hours of seven days; the shop is in Berlin.
    assert re.findall(r'<th scope="col" class="till-number">(.*?)</th>', table) == ["13", "14"]
    assert [each for each in cells if each[2]] == [
        ("5", "before: 10.00", "20.00"),
        ("2", "before: 0.00", "5.00"),
        ("1", "before: 0.00", "4.00"),
    ]
    assert read_rows(page)["Mon 13:00"][:2] == ["20.00", "10.00"]


# --- wrong addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from": "2026-02-30"}, "From: Enter a date such as 2026-02-28."),
        ({"from": "x\0", "to": "0001-01-01"}, "From: "),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "To: Must not be before From"),
        ({"from": "2024-03-02", "to": "2026-03-01"}, "more than a year after it"),
        ({"store": "x"}, "Store: "),
        ({"group_by": "weather"}, "By: "),
    ],
)
@pytest.mark.parametrize("more", [{}, {"format": "csv"}])
def test_wrong_filters_are_explained(query, message, more, managers_browser, store):
    page = load(managers_browser, **query, **more)

    assert message in page
    assert "<table" not in page.partition('id="content-main"')[2]


def test_unknown_period_is_the_last_seven_days(managers_browser, store):
    page = load(managers_browser, period="next-week")

    assert f"Thu 12 Mar 2026 {DASH} Wed 18 Mar 2026" in page


def test_store_of_another_shop_is_unknown(managers_browser, foreign, store):
    page = load(managers_browser, store=str(foreign.register.store_id))

    assert "Store: " in page
    assert "LEAKMARK" not in page


def test_report_is_for_managers_and_read_only(cashier, manager, store):
    refused = open_browser(cashier).get(PAGE)
    posted = open_browser(manager).post(PAGE)

    assert refused.status_code == 302
    assert refused["Location"].startswith("/admin/login/")
    assert posted.status_code == 405
    assert reverse("shop:sales_report") == PAGE


def test_other_shops_are_not_counted(managers_browser, foreign, store):
    make_seller(foreign.cashier)("2026-03-17T12:00:00Z", foreign.register, "66.60")

    page = load(managers_browser, group_by="cashier")

    assert "66.60" not in page
    assert "Nothing was sold" in page


# --- chart ---------------------------------------------------------------------------------------


def test_chart_has_bars_and_outlines_of_the_period_before():
    parts = [
        ChartPart("1 Mar", Decimal(10), Decimal(20), "one"),
        ChartPart("2 Mar", Decimal(-5), Decimal(0), "two"),
    ]

    chart = build_period_chart(parts)

    assert [(bar.height, bar.before_height) for bar in chart.bars] == [(50, 100), (0, 0)]
    assert [(bar.x, bar.y, bar.before_y) for bar in chart.bars] == [
        ("60.00", 66, 16),
        ("300.00", 116, 116),
    ]
    assert chart.labels == [("120.00", "1 Mar"), ("360.00", "2 Mar")]
    assert build_period_chart(parts[1:]) is None


def test_chart_of_a_year_has_few_labels():
    parts = [ChartPart(str(day), Decimal(1), Decimal(1), "") for day in range(366)]

    assert len(build_period_chart(parts).labels) == 7


# --- statement counts ----------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["day", "week", "hour_of_day", "product", "cashier", "tax"])
def test_report_takes_the_same_statements_for_any_number_of_rows(
    group, managers_browser, shop, sale, register, statements
):
    def fill(day):
        for number in range(3):
            moment = f"2026-03-{day:02}T{number + 10}:00:00Z"
            order = sale(moment, register)
            amounts = dict.fromkeys(("gross", "net", "total"), Decimal(1))
            with tenant_scope(shop):
                create_line(order, ProductFactory(tenant=shop), **amounts)

    query = {"group_by": group, "from": "2026-03-09", "to": "2026-03-15"}
    fill(9)
    load(managers_browser, **query)
    with statements(15):
        load(managers_browser, **query)
    fill(2)
    fill(10)
    with statements(15):
        load(managers_browser, **query)

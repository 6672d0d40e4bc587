"""Business days of reports: those of each store by its own clock."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Posting
from orders.admin.dashboard import load_hourly_sales
from tenants.models import Store
from tenants.scope import tenant_scope
from tests.factories.orders import RefundFactory
from tests.support.api import Person
from tests.support.reports import create_store, fetch_report, make_seller

UNKNOWN_ID = "0190b4e0-0000-7000-8000-00000000dead"


@pytest.fixture
def sale(cashier):
    return make_seller(cashier)


def test_report_uses_the_business_day_of_each_store(shop, sale, manager_client):
    berlin, kathmandu = (
        create_store(shop, "Europe/Berlin", time(4)),
        create_store(shop, "Asia/Kathmandu"),
    )
    for register, moment in (
        (berlin, "2026-03-02T02:59:59Z"),  # 03:59, still the previous business day
        (berlin, "2026-03-02T03:00:00Z"),
        (kathmandu, "2026-03-01T18:14:59Z"),
        (kathmandu, "2026-03-01T18:15:00Z"),  # midnight
    ):
        sale(moment, register)

    days = fetch_report(
        manager_client, group_by="day", **{"from": "2026-03-01", "to": "2026-03-02"}
    )["rows"]
    second = fetch_report(manager_client, group_by="hour", **{"from": "2026-03-02"})["rows"]

    assert [(row["key"], row["orders"]) for row in days] == [("2026-03-01", 2), ("2026-03-02", 2)]
    assert [row["key"] for row in second] == ["2026-03-02T00:00+05:45", "2026-03-02T04:00+01:00"]


def test_weeks_and_months_are_those_of_business_days(shop, sale, manager_client):
    berlin = create_store(shop, "Europe/Berlin", time(4))
    for moment in (
        "2026-01-01T02:59:59Z",  # 03:59, still the business day 2025-12-31
        "2026-01-01T03:00:00Z",
        "2026-01-05T02:59:59Z",  # Monday 03:59, still the business day of Sunday
        "2026-01-05T03:00:00Z",
        "2026-02-01T02:30:00Z",
    ):
        sale(moment, berlin)
    period = {"from": "2025-12-01", "to": "2026-02-28"}

    weeks, months, hours, hours_of_week = (
        {
            row["key"]: row["orders"]
            for row in fetch_report(manager_client, group_by=group, **period)["rows"]
        }
        for group in ("week", "month", "hour_of_day", "hour_of_week")
    )

    assert weeks == {"2026-W01": 3, "2026-W02": 1, "2026-W05": 1}
    assert months == {"2025-12": 1, "2026-01": 4}
    assert hours == {"03:00": 3, "04:00": 2}
    assert sum(hours_of_week.values()) == 5
    assert list(hours_of_week) == sorted(hours_of_week)
    assert {key[2:] for key in hours_of_week} == {"03", "04"}


def test_repeated_hour_is_two_rows_in_order(shop, sale, manager_client):
    berlin = create_store(shop, "Europe/Berlin")
    for hour in ("2026-10-24T22", "2026-10-25T00", "2026-10-25T01", "2026-10-25T22"):
        sale(f"{hour}:30:00Z", berlin)

    rows = fetch_report(manager_client, group_by="hour", **{"from": "2026-10-25"})["rows"]

    assert [row["key"] for row in rows] == [
        "2026-10-25T00:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T23:00+01:00",
    ]


def test_business_day_may_start_at_any_minute(shop, sale, manager_client):
    register = create_store(shop, "Europe/Berlin", time(5, 10))
    for minute in ("09", "10", "59"):
        sale(f"2026-03-02T04:{minute}:30Z", register)
    range_of_two = {"from": "2026-03-01", "to": "2026-03-02"}

    days = fetch_report(manager_client, group_by="day", **range_of_two)["rows"]
    hours = fetch_report(manager_client, group_by="hour", **range_of_two)["rows"]

    assert [(row["key"], row["orders"]) for row in days] == [("2026-03-01", 1), ("2026-03-02", 2)]
    assert [(row["key"], row["orders"]) for row in hours] == [("2026-03-02T05:00+01:00", 3)]


@pytest.mark.parametrize("group", ["day", "hour", "store", "register", "product", "method", "tax"])
def test_sale_and_refund_at_midnight_are_in_the_new_day_only(group, shop, sale, manager_client):
    """Each day is requested alone, in every grouping."""
    berlin = create_store(shop, "Europe/Berlin")
    edge = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    moments = ((edge - timedelta(microseconds=1), "1.00"), (edge, "20.00"))
    for number, (at, total) in enumerate(moments, 101):
        refunded = {"status": "done", "completed_at": at, "receipt_number": number}
        RefundFactory(order=sale(at, berlin, total), total=Decimal("0.50"), **refunded)

    totals = [
        fetch_report(manager_client, group_by=group, **{"from": day})["total"]
        for day in ("2026-03-01", "2026-03-02", "2026-03-03")
    ]

    assert [(each["total"], each["refunded_total"]) for each in totals] == [
        ("1.00", "0.50"),
        ("20.00", "0.50"),
        ("0.00", "0.00"),
    ]


@pytest.mark.parametrize(
    ("zone", "starts_at", "change"),
    [
        ("Europe/Berlin", time(2, 30), "2026-03-29T01:00:00Z"),  # 02:30 does not exist
        ("Europe/Berlin", time(2, 30), "2026-10-25T01:00:00Z"),  # 02:30 occurs twice
        ("America/Havana", time(0, 30), "2026-11-01T05:00:00Z"),
        ("America/Havana", time(0), "2026-03-08T05:00:00Z"),  # midnight does not exist
        ("Asia/Beirut", time(0), "2026-10-24T21:00:00Z"),
        ("Australia/Lord_Howe", time(2), "2026-10-03T15:30:00Z"),  # a change of half an hour
        ("Africa/Casablanca", time(2, 30), "2026-02-15T02:00:00Z"),
    ],
)
def test_report_and_dashboard_days_agree_with_the_calendar(
    zone, starts_at, change, shop, sale, manager_client
):
    """The days computed by the database equal those of the calendar around a clock change."""
    register = create_store(shop, zone, starts_at)
    change = datetime.fromisoformat(change)
    moments = [
        change + timedelta(minutes=minutes)
        for minutes in (-1500, -120, -75, -60, -45, -15, -1, 0, 1, 10, 30, 59, 60, 75, 120, 1500)
    ]
    for moment in moments:
        sale(moment, register)
    calendar = register.store.business_days
    expected = Counter(calendar.day_at(moment).isoformat() for moment in moments)

    rows = fetch_report(
        manager_client, group_by="day", **{"from": min(expected), "to": max(expected)}
    )["rows"]
    reported_alone = {
        day: fetch_report(manager_client, group_by="store", **{"from": day})["total"]["orders"]
        for day in expected
    }

    assert {row["key"]: row["orders"] for row in rows} == expected
    assert reported_alone == expected
    with tenant_scope(shop):
        for moment in moments:
            store = Store.objects.select_related("tenant").get(pk=register.store_id)
            began = calendar.start_of_day(calendar.day_at(moment))
            assert store.start_of_day_at(moment) == began <= moment
            counted = sum(each.count for each in load_hourly_sales([store], moment))
            assert counted == sum(each >= began for each in moments)


def test_report_without_days_covers_today_of_each_store(shop, sale, manager_client, client_of):
    late, early = (
        create_store(shop, "Europe/Berlin", time(4)),
        create_store(shop, "Pacific/Auckland"),
    )
    now = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    sale("2026-03-01T20:00:00Z", late)
    sale("2026-03-01T20:00:00Z", early)
    sale("2026-03-01T02:00:00Z", late)

    with time_machine.travel(now, tick=False):
        report = fetch_report(Person(manager_client.user), group_by="register")
        of_one = fetch_report(Person(manager_client.user), store=str(late.store_id))

    assert (report["from"], report["to"]) == ("2026-03-01", "2026-03-02")
    assert {row["key"]: row["orders"] for row in report["rows"]} == {
        str(late.pk): 1,
        str(early.pk): 1,
    }
    assert (of_one["from"], of_one["to"], of_one["total"]["orders"]) == (
        "2026-03-01",
        "2026-03-01",
        1,
    )


def test_report_of_days_without_sales_is_empty(manager_client, register):
    report = fetch_report(
        manager_client, group_by="product", **{"from": "2020-01-01", "to": "2020-12-31"}
    )

    assert report["rows"] == []
    assert (report["total"]["orders"], report["total"]["net_total"]) == (0, "0.00")


def test_report_of_a_shop_without_stores_is_empty(manager_client):
    assert fetch_report(manager_client)["rows"] == []


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, {"to": "invalid"}),
        ({"from": "2025-01-01", "to": "2026-01-02"}, {"to": "invalid"}),
        ({"to": "2026-03-01"}, {"from": "required"}),
        ({"from": "2026-02-29"}, {"from": "invalid"}),
        ({"from": "20260228"}, {"from": "invalid"}),
        ({"from": "2026-W09-6"}, {"from": "invalid"}),
        ({"from": "0001-01-01"}, {"from": "out_of_range"}),
        ({"from": "9999-12-31"}, {"from": "out_of_range"}),
        ({"group_by": "weather"}, {"group_by": "invalid_choice"}),
        ({"format": "pdf"}, {"format": "invalid_choice"}),
        ({"store": "x"}, {"store": "invalid"}),
        ({"store": UNKNOWN_ID}, {"store": "does_not_exist"}),
    ],
    ids=str,
)
def test_invalid_report_query_is_refused(query, errors, manager_client, problem):
    problem(manager_client.get("reports/sales/", query), 400, "invalid", errors)


def test_store_of_another_shop_does_not_exist(manager_client, foreign, problem):
    other, nowhere = (
        problem(
            manager_client.get("reports/sales/", {"store": str(pk)}),
            400,
            "invalid",
            {"store": "does_not_exist"},
        )
        for pk in (foreign.store.pk, UNKNOWN_ID)
    )
    assert other["errors"] == nowhere["errors"]


def test_cashier_cannot_read_reports(till, problem):
    problem(till.get("reports/sales/"), 403, "permission_denied")


def test_assigned_manager_sees_reports_of_every_store(shop, sale, manager_client):
    assigned, other = create_store(shop, "UTC"), create_store(shop, "UTC")
    with tenant_scope(shop):
        Posting.objects.create(user=manager_client.user, store=assigned.store)
    for register in (assigned, other):
        sale("2026-03-01T12:00:00Z", register)

    total = fetch_report(manager_client, **{"from": "2026-03-01"})["total"]
    of_one = fetch_report(manager_client, store=str(other.store_id), **{"from": "2026-03-01"})[
        "total"
    ]

    assert (total["orders"], of_one["orders"]) == (2, 1)

"""Reports from the summary of sales by hour are those from receipts."""

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from threading import Event, Thread

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Order, Refund, SalesHour, SalesSummary
from orders.models.sales_summary import BEGINNING
from orders.services.reports import sales, summary
from orders.services.reports.summary import SalesSummaryExtension, extend_summary, rebuild_summary
from tenants.scope import tenant_context, tenant_scope
from tests.factories.orders import RefundFactory
from tests.factories.tenants import TenantFactory
from tests.support.locks import wait_until_blocked
from tests.support.parallel import run_concurrently
from tests.support.refunds import create_refund
from tests.support.reports import create_store, fetch_report, make_seller
from tests.support.till import card, cash, line

pytestmark = pytest.mark.postgres
GROUPS = (
    *("hour", "hour_of_day", "hour_of_week", "day", "week", "month"),
    *("store", "cashier", "product"),
)
HOUR = timedelta(hours=1)


@pytest.fixture
def sale(cashier):
    return make_seller(cashier)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def period(now):
    """The query of a report that contains everything."""
    first, last = (now - timedelta(days=60)).date(), (now + timedelta(days=2)).date()
    return {"from": first.isoformat(), "to": last.isoformat()}


@pytest.fixture
def registers(shop):
    return [
        create_store(shop, "Europe/Berlin", time(4)),
        create_store(shop, "Pacific/Auckland"),
        create_store(shop, "Asia/Kolkata", time(5, 30)),
    ]


@pytest.fixture
def many_sales(sale, registers, now):
    """Sales and refunds at random times of the last 50 days."""
    chance = random.Random(5)  # noqa: S311
    for number in range(60):
        at = now - timedelta(minutes=chance.randrange(50 * 24 * 60))
        order = sale(at, registers[number % 3], total=str(chance.randrange(1, 100)))
        if number % 4 == 0:
            refund_order(order, min(now, at + timedelta(days=chance.randrange(3))))


def refund_order(order, at):
    return RefundFactory(
        order=order,
        status="done",
        receipt_number=order.receipt_number + 1000,
        completed_at=at,
        total=Decimal("0.50"),
        cash_rounding=Decimal("0.02"),
    )


def rebuild(shop):
    with tenant_context(shop):
        rebuild_summary()


def find_end(shop):
    with tenant_scope(shop):
        return SalesSummary.objects.get().until


@pytest.fixture
def assert_equal_to_receipts(manager_client, monkeypatch, period):
    """Assert that the summary is read, and that the reports are the same without it."""

    def assert_equal():
        for group in GROUPS:
            with CaptureQueriesContext(connection) as queries:
                found = fetch_report(manager_client, group_by=group, **period)
            assert any("orders_saleshour" in each["sql"] for each in queries)
            with monkeypatch.context() as patch:
                patch.setattr(sales, "find_summary_end", lambda: None)
                expected = fetch_report(manager_client, group_by=group, **period)
            assert found == expected, group
            assert found["total"]["orders"]

    return assert_equal


def test_summary_gives_the_same_report(shop, many_sales, assert_equal_to_receipts):
    rebuild(shop)

    assert_equal_to_receipts()


def test_business_days_are_those_of_now(shop, many_sales, registers, assert_equal_to_receipts):
    rebuild(shop)
    for register, zone, start in zip(
        registers, ("America/Havana", "Europe/Berlin", "UTC"), (7, 0, 22), strict=True
    ):
        register.store.timezone, register.store.day_starts_at = zone, time(start)
        with tenant_scope(shop):
            register.store.save_changes("timezone", "day_starts_at")

    assert_equal_to_receipts()


def test_real_sales_and_refunds_are_summarized(
    shop, till, manager_client, make_product, now, assert_equal_to_receipts
):
    product = make_product("2.50", stock="100")
    with time_machine.travel(now - timedelta(hours=30), tick=True):
        till.renew_tokens()
        order = till.sold(line(product, "2"), payments=[cash("5.00")])
        till.sold(line(product), payments=[card("2.50")])
    with time_machine.travel(now - timedelta(hours=4), tick=True):
        manager_client.renew_tokens()
        create_refund(
            manager_client, order, lines=[{"line": order["lines"][0]["id"], "quantity": "1"}]
        )
    for person in (till, manager_client):
        person.renew_tokens()
    rebuild(shop)
    till.sold(line(product), payments=[cash("2.50")])

    assert_equal_to_receipts()
    with tenant_scope(shop):
        assert SalesHour.objects.count() == 2


def test_report_of_a_year_reads_only_the_last_receipts(
    shop, manager_client, many_sales, sale, registers, now, period
):
    rebuild(shop)
    sale(now, registers[0])
    with CaptureQueriesContext(connection) as queries:
        fetch_report(manager_client, group_by="day", store=str(registers[0].store_id), **period)

    until = f"{find_end(shop):%Y-%m-%d %H:00}"
    receipts = [each["sql"] for each in queries if 'FROM "orders_order"' in each["sql"]]
    assert receipts
    assert all(f'"completed_at" >= \'{until}' in each for each in receipts)


def test_late_sale_is_in_the_report_and_in_the_next_summary(
    shop, many_sales, sale, registers, now, assert_equal_to_receipts
):
    rebuild(shop)
    former = find_end(shop)
    at = now - timedelta(days=20)
    sale(at, registers[0])

    assert find_end(shop) == at.replace(minute=0, second=0, microsecond=0) < former
    assert_equal_to_receipts()
    with tenant_context(shop):
        assert not extend_summary()
    assert find_end(shop) >= former
    assert_equal_to_receipts()


@pytest.mark.slow
def test_late_refund_is_in_the_report(
    shop, many_sales, sale, registers, now, assert_equal_to_receipts
):
    order = sale(now - timedelta(days=31), registers[0])
    rebuild(shop)
    refund_order(order, now - timedelta(days=30))

    assert find_end(shop) <= now - timedelta(days=30)
    assert_equal_to_receipts()


@pytest.mark.slow
def test_reversed_refund_is_subtracted_in_the_hour_of_its_reversal(
    shop, many_sales, sale, registers, now, assert_equal_to_receipts
):
    order = sale(now - timedelta(days=31), registers[0])
    refund = refund_order(order, now - timedelta(days=30))
    rebuild(shop)
    at = now - timedelta(days=2)
    with tenant_scope(shop):
        Refund.objects.filter(pk=refund.pk).update(status="failed", reversed_at=at)

    assert find_end(shop) <= now - timedelta(days=30)
    assert_equal_to_receipts()
    with tenant_context(shop):
        while extend_summary():
            pass
        before = find_refunded_total(refund.completed_at)
        after = find_refunded_total(at)
    assert before >= Decimal("0.50")
    assert after <= Decimal("0.00")
    assert_equal_to_receipts()


def find_refunded_total(at):
    """Return the refunds of the hour of this time, in all stores."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    hours = SalesHour.objects.filter(hour=hour)
    return hours.aggregate(sum=Sum("refunded_total"))["sum"]


@pytest.mark.slow
def test_changed_or_deleted_receipt_moves_the_end_of_the_summary_back(
    shop, many_sales, sale, registers, now, assert_equal_to_receipts
):
    orders = [sale(now - timedelta(days=days), registers[0]) for days in (9, 10, 11)]
    rebuild(shop)
    with tenant_scope(shop):
        order = Order.objects.filter(pk=orders[0].pk)
        order.update(subtotal=Decimal("7.00"), total=Decimal("7.00"), paid_total=Decimal("7.00"))
    assert find_end(shop) <= orders[0].completed_at
    with tenant_scope(shop):
        Order.objects.filter(pk=orders[1].pk).update(completed_at=now - timedelta(days=5))
    assert find_end(shop) <= orders[1].completed_at
    with tenant_scope(shop):
        Order.objects.filter(pk=orders[2].pk).delete()

    assert find_end(shop) <= orders[2].completed_at
    assert_equal_to_receipts()


@pytest.mark.slow
def test_refund_of_an_earlier_sale_keeps_the_summary_of_its_hour(
    shop, many_sales, now, assert_equal_to_receipts
):
    rebuild(shop)
    former = find_end(shop)
    with tenant_scope(shop):
        order = Order.objects.order_by("completed_at").first()
        order.status, order.refunded_total = Order.Status.PARTIALLY_REFUNDED, Decimal("0.50")
        order.save()

    assert find_end(shop) == former
    assert_equal_to_receipts()


def read_xmin(shop):
    """Return which transaction wrote the summary last."""
    with tenant_scope(shop), connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text FROM orders_salessummary")
        return cursor.fetchall()


def test_sale_does_not_write_to_the_summary(shop, till, make_product):
    rebuild(shop)
    product, before = make_product("2.50", stock="100"), read_xmin(shop)
    till.sold(line(product), payments=[cash("2.50")])

    assert before
    assert read_xmin(shop) == before


@pytest.mark.slow
def test_command_summarizes_again(shop, many_sales, assert_equal_to_receipts):
    rebuild(shop)
    with tenant_scope(shop):
        SalesHour.objects.update(total=Decimal("99.00"))
        SalesHour.objects.create(
            store=SalesHour.objects.first().store, hour=datetime(2020, 1, 1, tzinfo=UTC), orders=1
        )
    call_command("summarize_sales", tenant=shop.slug, verbosity=0)

    assert_equal_to_receipts()
    with tenant_scope(shop):
        assert not SalesHour.objects.filter(hour__year=2020).exists()


def test_relay_summarizes_every_tenant_hour_by_hour(shop, many_sales, now, monkeypatch):
    other = TenantFactory()
    job = SalesSummaryExtension()
    while job.step():
        pass

    ends = {find_end(shop), find_end(other)}
    assert ends == {summary.find_settled_hour()}
    monkeypatch.setattr(summary, "read_database_time", lambda: now + 2 * HOUR)
    while job.step():
        pass
    assert {find_end(shop), find_end(other)} == {summary.find_settled_hour()} != ends


@pytest.mark.slow
def test_clock_of_the_relay_does_not_settle_hours(
    shop, sale, registers, now, many_sales, assert_equal_to_receipts
):
    """The trigger takes a sale of a moment ago for one of an hour that is not summarized yet."""
    with time_machine.travel(now + 2 * HOUR, tick=True):
        rebuild(shop)
        assert not SalesSummaryExtension().step()
    end = find_end(shop)
    sale(now, registers[0], total="5.00")

    assert find_end(shop) == end < now - HOUR + timedelta(seconds=1)
    assert_equal_to_receipts()


def test_first_step_only_stores_that_there_is_a_summary(shop, many_sales):
    with tenant_context(shop):
        assert not extend_summary()
        assert not SalesHour.objects.exists()
    assert find_end(shop) == BEGINNING


def summarize(shop, ended):
    with tenant_context(shop):
        while extend_summary():
            pass
    ended.set()
    connection.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_first_summary_waits_for_a_sale_that_does_not_know_of_it(
    shop, sale, registers, now, assert_equal_to_receipts
):
    """The late sale was stored when there was no summary whose end it could move back."""
    sale(now - timedelta(days=2), registers[0])
    stored, blocked, ended = Event(), Event(), Event()

    def sell_while_it_is_summarized():
        with tenant_scope(shop), transaction.atomic():
            sale(now - timedelta(days=1), registers[0], total="5.00")
            stored.set()
            assert blocked.wait(60)
            assert not ended.is_set()

    def start_summary():
        assert stored.wait(60)
        with tenant_context(shop):
            assert not extend_summary()
        summarize(shop, ended)

    watch = partial(set_when_blocked, stored, blocked)
    works = [sell_while_it_is_summarized, start_summary, watch]
    assert run_concurrently(works) == [None, None, None]
    assert_equal_to_receipts()
    assert list_totals(shop) == [Decimal(1), Decimal(5)]


def set_when_blocked(started, blocked):
    """Set the event once a connection waits for a lock. Not in a transaction, which would not see
    later statistics.
    """
    assert started.wait(60)
    wait_until_blocked()
    blocked.set()


def list_totals(shop):
    with tenant_scope(shop):
        return list(SalesHour.objects.order_by("hour").values_list("total", flat=True))


@pytest.mark.django_db(transaction=True)
def test_summary_waits_for_a_late_sale(shop, sale, registers, now, assert_equal_to_receipts):
    """Otherwise the sale would be committed after its hour was summarized without it."""
    sale(now - timedelta(days=2), registers[0])
    with tenant_context(shop):
        extend_summary()
    ended = Event()
    thread = Thread(target=summarize, args=(shop, ended))
    with tenant_scope(shop), transaction.atomic():
        sale(now - timedelta(days=1), registers[0], total="5.00")
        thread.start()
        assert not ended.wait(0.5)
    thread.join(60)

    assert ended.is_set()
    assert_equal_to_receipts()
    with tenant_scope(shop):
        totals = SalesHour.objects.order_by("hour").values_list("total", flat=True)
        assert [*totals] == [Decimal(1), Decimal(5)]

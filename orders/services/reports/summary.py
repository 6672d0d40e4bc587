"""The summary of sales by hour of UTC, which reports of long periods read instead of receipts.

It contains only hours that ended some time ago. So no sale writes to it, and the hours that are not
in it are read from receipts. Business days and time zones may change: a report puts the hours
together as they are now. A trigger moves the end of the summary back when a receipt of an earlier
hour is stored or changed, for example by a server whose clock is slow; such a transaction and the
summary of its tenant wait for each other.
"""

import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.db import connection
from django.db.models import Min
from django.db.models.functions import TruncHour

from orders.late_receipts import LOCK_KEY
from orders.models import Order, Refund, SalesHour, SalesSummary
from orders.models.sales_summary import BEGINNING
from orders.services.reports.queries import (
    HOUR_SUMS,
    Row,
    find_refunded,
    find_reversed,
    find_sold,
    list_receipts,
    sum_receipt_groups,
)
from tenants.events.delivery import Job
from tenants.models import Tenant
from tenants.scope import (
    across_tenants,
    atomic_with_retry,
    current_tenant_id,
    tenant_scope,
)

# The trigger reports receipts that are older than half of it when they are stored.
SETTLED_AFTER = timedelta(hours=1)
DAYS_AT_ONCE = timedelta(days=31)


def is_available() -> bool:
    """Return whether hours are summarized: on one PostgreSQL only.

    SQLite adds amounts exactly only up to 15 digits, and has few of them.
    """
    features: Any = connection.features
    return connection.vendor == "postgresql" and not features.is_distributed


def find_summary_end() -> datetime | None:
    """Return the moment before which all hours of the current tenant are summarized."""
    if not is_available():
        return None
    return SalesSummary.objects.values_list("until", flat=True).first()


def find_settled_hour() -> datetime:
    """Return the beginning of the first hour that is not summarized yet."""
    settled = read_database_time() - SETTLED_AFTER
    return settled.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def read_database_time() -> datetime:
    """Return PostgreSQL's time, by which the trigger decides which receipts are late."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
    return cast(datetime, now)


@atomic_with_retry
def extend_summary() -> bool:
    """Summarize the next hours of the current tenant; return whether there are more.

    The first call only stores that there is a summary. Late receipts of transactions that began
    before do not know of it: the next call waits until these are committed.
    """
    known = SalesSummary.objects.first()
    if known is None:
        SalesSummary.objects.bulk_create([SalesSummary()], ignore_conflicts=True)
        return False
    if known.until == BEGINNING:
        wait_for_late_receipts()
    summary = SalesSummary.objects.select_for_update(no_key=True).get()
    settled = find_settled_hour()
    if summary.until >= settled:
        return False
    former = summary.until
    start = (find_first_hour() or settled) if former == BEGINNING else former
    summary.until = min(start + DAYS_AT_ONCE, settled)
    # Later hours stay, because a report may have read a later end of the summary before.
    SalesHour.objects.filter(hour__gte=former, hour__lt=summary.until).delete()
    SalesHour.objects.bulk_create(sum_hours(start, summary.until), batch_size=1000)
    summary.save_changes("until")
    return summary.until < settled


def wait_for_late_receipts() -> None:
    """Wait for all transactions of the current tenant that have stored a late receipt.

    Called before any other lock, because such a transaction may wait for the row of the summary.
    """
    with connection.cursor() as cursor:
        key = LOCK_KEY.format(tenant="%s")
        cursor.execute(f"SELECT pg_advisory_xact_lock({key})", [str(current_tenant_id())])


def find_first_hour() -> datetime | None:
    """Return the hour of the first sale or refund of the current tenant."""
    firsts = [
        rows.aggregate(first=Min("completed_at"))["first"]
        for rows in (Order.objects.all(), Refund.objects.all())
    ]
    first: datetime | None = min((each for each in firsts if each), default=None)
    return first and first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def sum_hours(start: datetime, end: datetime) -> list[SalesHour]:
    """Return the figures of each store and hour, from the receipts."""
    hours: dict[tuple[uuid.UUID, datetime], Row] = defaultdict(lambda: dict.fromkeys(HOUR_SUMS, 0))
    for receipts in list_receipts(
        find_sold(start, end), find_refunded(start, end), find_reversed(start, end)
    ):
        timed = receipts.rows.annotate(begun=TruncHour(receipts.moment, tzinfo=UTC))
        for row in sum_receipt_groups(receipts._replace(rows=timed), by=("store_id", "begun")):
            found = hours[row.pop("store_id"), row.pop("begun")]
            for name, value in row.items():
                found[name] += value
    return [SalesHour(store_id=store, hour=hour, **row) for (store, hour), row in hours.items()]


def rebuild_summary() -> None:
    """Summarize all hours of the current tenant again."""
    SalesSummary.objects.bulk_create([SalesSummary()], ignore_conflicts=True)
    SalesSummary.objects.update(until=BEGINNING)
    while extend_summary():
        pass


class SalesSummaryExtension(Job):
    """Summarizes the hours of each tenant as they settle."""

    name = "sales_summary"
    every = 60.0

    def step(self) -> bool:
        tenant = find_due_tenant() if is_available() else None
        if tenant is None:
            return False
        with tenant_scope(tenant):
            extend_summary()
        return True


def find_due_tenant() -> Tenant | None:
    """Return a tenant with hours to summarize, or one without a summary."""
    with across_tenants():
        due = SalesSummary.objects.filter(until__lt=find_settled_hour()).order_by("until")
        summary = due.select_related("tenant").first()
        known = SalesSummary.objects.values("tenant")
        return summary.tenant if summary else Tenant.objects.exclude(pk__in=known).first()

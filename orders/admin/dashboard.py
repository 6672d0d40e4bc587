"""Dashboard panel: sales of the current business day."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from accounts.admin_site.site import Panel, shop_site
from accounts.models import User
from orders.admin.chart import build_chart
from orders.models import Order
from tenants.models import Store
from tenants.scope import current_tenant

SOLD = (Order.Status.COMPLETED, Order.Status.PARTIALLY_REFUNDED, Order.Status.REFUNDED)
UNFINISHED = (Order.Status.OPEN, Order.Status.HELD)
# Older unfinished orders are abandoned; the limit also keeps the query on an index.
UNFINISHED_DAYS = timedelta(days=30)


@dataclass(frozen=True)
class HourlySales:
    """Sales of one store in one hour of its local time."""

    store: Any
    hour: int
    total: Decimal
    count: int


@shop_site.panel(position=10)
def sales_today(user: User) -> Panel:
    """Build the panel of sales since the business day of each store began."""
    stores = list(Store.objects.select_related("tenant").order_by("name"))
    now = timezone.now()
    sold = [each for group in group_by_timezone(stores) for each in load_hourly_sales(group, now)]
    waiting = Order.objects.filter(status__in=UNFINISHED, updated_at__gte=now - UNFINISHED_DAYS)
    facts = {
        "currency": current_tenant().currency,
        "day": summarize(sold) if stores else None,
        "waiting": waiting.count(),
        "stores": summarize_by_store(stores, sold),
        "since": sorted({f"{store.day_starts_at:%H:%M}" for store in stores}),
        "chart": build_chart(
            summarize_by_hour(sold), first=stores[0].day_starts_at.hour if stores else 0
        ),
    }
    return Panel("admin/shop/sales_today.html", facts)


def group_by_timezone(stores: Iterable[Store]) -> list[list[Store]]:
    """Group stores by time zone, for one query each."""
    groups: dict[ZoneInfo, list[Store]] = defaultdict(list)
    for store in stores:
        groups[store.clock].append(store)
    return list(groups.values())


def load_hourly_sales(stores: Sequence[Store], now: datetime) -> list[HourlySales]:
    """Return the sales of the stores by hour. `updated_at` has the index, so it is filtered too."""
    days = {store.pk: store.start_of_day_at(now) for store in stores}
    of_today = Q()
    for store, began in days.items():
        of_today |= Q(store=store, completed_at__gte=began)
    orders = Order.objects.filter(
        of_today, status__in=SOLD, updated_at__gte=min(days.values())
    ).order_by()
    rows = orders.values_list("store", TruncHour("completed_at", tzinfo=stores[0].clock))
    sums = rows.annotate(total=Sum("total"), count=Count("pk"))
    return [HourlySales(store, hour.hour, total, count) for store, hour, total, count in sums]


def summarize(sold: Iterable[HourlySales]) -> dict[str, Any]:
    """Return total, count and average, which is None without sales."""
    sold, tenant = list(sold), current_tenant()
    total, count = sum((each.total for each in sold), Decimal(0)), sum(e.count for e in sold)
    average = tenant.quantize_amount(total / count) if count else None
    return {"total": tenant.quantize_amount(total), "count": count, "average": average}


def summarize_by_store(
    stores: Iterable[Store], sold: Iterable[HourlySales]
) -> list[tuple[Store, dict[str, Any]]]:
    sold = list(sold)
    return [(store, summarize(e for e in sold if e.store == store.pk)) for store in stores]


def summarize_by_hour(sold: Iterable[HourlySales]) -> dict[int, dict[str, Any]]:
    """Summarize by hour of local time, over all stores."""
    hours: dict[int, list[HourlySales]] = defaultdict(list)
    for each in sold:
        hours[each.hour].append(each)
    return {hour: summarize(of_hour) for hour, of_hour in hours.items()}

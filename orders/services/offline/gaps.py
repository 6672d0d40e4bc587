"""Gaps in the numbers of a till: offline sales that have not been uploaded."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import F, Max, QuerySet, Window
from django.db.models.functions import Lag

from orders.models import Order, RegisterSeries
from tenants.models import Register

MAX_RANGES = 100


@dataclass(frozen=True, slots=True)
class Gap:
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GapReport:
    """Counts of issued and received numbers, and a page of missing ranges."""

    register: Register
    issued: int
    held: int
    ranges: list[Gap]
    # The `after` of the next page; None on the last one.
    next: int | None

    @property
    def missing(self) -> int:
        return self.issued - self.held


def find_gaps(register: Register, *, after: int = 0) -> GapReport:
    """Find a page of missing ranges above `after`. Counts are of the whole series from 1."""
    series = RegisterSeries.objects.filter(register=register)
    issued = series.values_list("last_device_sequence", flat=True).first() or 0
    held = _filter_held(register, issued)
    count = held.count()
    ranges = list(islice(_iterate_gaps(held, after, issued), MAX_RANGES + 1))
    shown = ranges[:MAX_RANGES]
    further = shown[-1].last if len(ranges) > MAX_RANGES else None
    return GapReport(register, issued, count, shown, further)


def _filter_held(register: Register, issued: int) -> QuerySet[Order]:
    """Filter to one sale per number, without duplicates and numbers beyond the series."""
    return Order.objects.filter(
        register=register,
        device_sequence__isnull=False,
        device_sequence__lte=issued,
        sequence_taken=False,
    )


def _iterate_gaps(held: QuerySet[Order], after: int, issued: int) -> Iterator[Gap]:
    """Yield the gaps between consecutive numbers; an index-only scan finds them."""
    numbers = held.filter(device_sequence__gt=after).order_by("device_sequence")
    before = Window(Lag("device_sequence", default=after), order_by=F("device_sequence").asc())
    jumps = (
        numbers.annotate(before=before)
        .filter(device_sequence__gt=F("before") + 1)
        .values_list("before", "device_sequence")
    )
    for earlier, number in jumps[: MAX_RANGES + 1]:
        yield Gap(earlier + 1, (number or 0) - 1)
    last = max(numbers.aggregate(last=Max("device_sequence"))["last"] or 0, after)
    if last < issued:
        yield Gap(last + 1, issued)

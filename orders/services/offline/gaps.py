"""Which of the sales that a till has numbered never came to us."""

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
    """What the till has issued, what of that we hold, and the first of what is missing."""

    register: Register
    issued: int
    held: int
    ranges: list[Gap]
    # Where the further ranges begin; None where there are no others.
    next: int | None

    @property
    def missing(self) -> int:
        return self.issued - self.held


def find_gaps(register: Register, *, after: int = 0) -> GapReport:
    """The ranges that are missing above `after`, some at a time; the figures are of the whole
    series, which begins at 1."""
    series = RegisterSeries.objects.filter(register=register)
    issued = series.values_list("last_device_sequence", flat=True).first() or 0
    held = _filter_held(register, issued)
    count = held.count()
    ranges = list(islice(_iterate_gaps(held, after, issued), MAX_RANGES + 1))
    shown = ranges[:MAX_RANGES]
    further = shown[-1].last if len(ranges) > MAX_RANGES else None
    return GapReport(register, issued, count, shown, further)


def _filter_held(register: Register, issued: int) -> QuerySet[Order]:
    """One sale of each number; what came under a number that another had is not counted twice,
    and numbers that jumped beyond the series are not part of it."""
    return Order.objects.filter(
        register=register,
        device_sequence__isnull=False,
        device_sequence__lte=issued,
        sequence_taken=False,
    )


def _iterate_gaps(held: QuerySet[Order], after: int, issued: int) -> Iterator[Gap]:
    """Where a number does not follow the one before it, found in the index alone."""
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

"""Business days: which instants belong to which day of a store. The only place that decides it.

A store's business day begins at its start time on the wall clock of its zone:

- on most days that is one instant;
- where the clock is put back and shows the start time twice, the day begins at the first of them,
  and what follows, the repeated hour included, belongs to the day that has begun;
- where the clock is put forward over the start time, so that it is never shown, the day begins at
  the first instant after the gap;
- a date that the zone leaves out (Apia had no 2011-12-30) has no instant if days begin at midnight.

In one sentence: a day begins at the first instant at which the clock has reached its date and start
time. That never runs backwards, so that each instant belongs to exactly one day.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The business days of a zone and a start time."""

    clock: ZoneInfo
    starts_at: time

    def start_of_day(self, day: date) -> datetime:
        """Return the instant, in UTC, at which this business day begins; it ends with the next."""
        return _find_start_of_day(self.clock, self.starts_at, day)

    def day_at(self, moment: datetime) -> date:
        """Return the business day of an instant: after midnight it may still be the day before.

        Where the clock goes back over midnight, its date is one behind the day that has begun.
        """
        day = moment.astimezone(self.clock).date() + DAY
        while moment < self.start_of_day(day):
            day -= DAY
        return day

    def start_of_day_at(self, moment: datetime) -> datetime:
        """Return the instant, in UTC, at which the business day of this instant began."""
        return self.start_of_day(self.day_at(moment))


@lru_cache(maxsize=4096)
def _find_start_of_day(clock: ZoneInfo, starts_at: time, day: date) -> datetime:
    wall = datetime.combine(day, starts_at)
    # fold=0: the first of two instants, and of a time in a gap an instant after the gap.
    first = wall.replace(tzinfo=clock).astimezone(UTC)
    if _wall(first, clock) == wall:
        return first
    return _end_of_gap(wall, clock, first)


def _end_of_gap(wall: datetime, clock: ZoneInfo, late: datetime) -> datetime:
    """Return the instant at which the clock jumps over this time: zones change at whole seconds."""
    early = wall.replace(tzinfo=clock, fold=1).astimezone(UTC)
    while late - early > SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if _wall(middle, clock) < wall:
            early = middle
        else:
            late = middle
    return late


def _wall(moment: datetime, clock: ZoneInfo) -> datetime:
    return moment.astimezone(clock).replace(tzinfo=None, fold=0)

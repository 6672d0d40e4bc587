"""The days of a store: by its own clock, from the hour at which its business day begins."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """Business days from the first to the last, both included."""

    clock: ZoneInfo
    starts_at: time
    first: date
    last: date

    @property
    def begins(self) -> datetime:
        return self._start_of(self.first)

    @property
    def ends(self) -> datetime:
        return self._start_of(self.last + DAY)

    @property
    def are_of_whole_hours(self) -> bool:
        """Whether hours and days begin where they begin in UTC."""
        edges = (self.starts_at, self.begins, self.ends)
        return not any(edge.minute or edge.second for edge in edges)

    def in_parts(self, days: int) -> Iterator["Days"]:
        """The same days, so many at a time."""
        first = self.first
        while first <= self.last:
            last = min(first + (days - 1) * DAY, self.last)
            yield replace(self, first=first, last=last)
            first = last + DAY

    def _start_of(self, day: date) -> datetime:
        """By the clock on the wall, so that the days on which it is put forward or back are
        shorter or longer, and nothing falls between two."""
        return datetime.combine(day, self.starts_at, tzinfo=self.clock).astimezone(UTC)

    def business_day(self, moment: datetime) -> date:
        """The day to which this moment counts: after midnight it may still be yesterday's."""
        local = moment.astimezone(self.clock)
        begun = moment >= self._start_of(local.date())
        return local.date() if begun else local.date() - DAY

    def day_of(self, moment: datetime) -> str:
        return self.business_day(moment).isoformat()

    def hour_of(self, moment: datetime) -> str:
        """Each hour of its own, also the one that the clock shows twice."""
        local = moment.astimezone(self.clock)
        return local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")


def today_at(clock: ZoneInfo, starts_at: time, now: datetime) -> date:
    return Days(clock, starts_at, date.min, date.min).business_day(now)

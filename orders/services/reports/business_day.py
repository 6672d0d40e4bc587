"""The business days of a report: a range of a store's days, for the database and for the rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tenants.business_days import DAY, BusinessDays

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BusinessDayRange:
    """Business days from the first to the last, both included."""

    calendar: BusinessDays
    first: date
    last: date

    @property
    def start(self) -> datetime:
        return self.calendar.start_of_day(self.first)

    @property
    def end(self) -> datetime:
        return self.calendar.start_of_day(self.last + DAY)

    @property
    def has_whole_hours(self) -> bool:
        """Whether hours and days begin where they begin in UTC."""
        if self.calendar.starts_at.minute or self.calendar.starts_at.second:
            return False
        days = (self.last - self.first).days + 2
        starts = (self.calendar.start_of_day(self.first + n * DAY) for n in range(days))
        shown = (start.astimezone(self.calendar.clock) for start in starts)
        return not any((local.utcoffset() or timedelta()) % HOUR or local.minute for local in shown)

    def split(self, days: int) -> Iterator["BusinessDayRange"]:
        """The same days, so many at a time."""
        first = self.first
        while first <= self.last:
            last = min(first + (days - 1) * DAY, self.last)
            yield replace(self, first=first, last=last)
            first = last + DAY

    def day_at(self, moment: datetime) -> str:
        return self.calendar.day_at(moment).isoformat()

    def hour_of(self, moment: datetime) -> str:
        """Each hour of its own, also the one that the clock shows twice."""
        local = moment.astimezone(self.calendar.clock)
        return local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")

"""Range of business days of a report: its limits in time, and labels of the parts of time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tenants.business_days import DAY, BusinessDays

HOUR = timedelta(hours=1)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class BusinessDayRange:
    """Business days from the first to the last, inclusive.

    With `after`, only what is not before this moment.
    """

    calendar: BusinessDays
    first: date
    last: date
    after: datetime | None = None

    @property
    def start(self) -> datetime:
        start = self.calendar.start_of_day(self.first)
        return start if self.after is None else max(start, self.after)

    @property
    def end(self) -> datetime:
        return self.calendar.start_of_day(self.last + DAY)

    @property
    def has_whole_hours(self) -> bool:
        """Return whether every day and hour of the range starts at a full hour of UTC."""
        if self.calendar.starts_at.minute or self.calendar.starts_at.second:
            return False
        days = (self.last - self.first).days + 2
        starts = (self.calendar.start_of_day(self.first + n * DAY) for n in range(days))
        shown = (start.astimezone(self.calendar.clock) for start in starts)
        return not any((local.utcoffset() or timedelta()) % HOUR or local.minute for local in shown)

    def list_starts(self) -> list[datetime]:
        """Return the beginning of each day of the range."""
        days = (self.last - self.first).days + 1
        return [self.calendar.start_of_day(self.first + n * DAY) for n in range(days)]

    def split_at(self, moment: datetime) -> "BusinessDayRange | None":
        """Return the part of the range that is not before this moment."""
        if moment >= self.end:
            return None
        return replace(self, first=max(self.first, self.calendar.day_at(moment)), after=moment)

    def split(self, days: int) -> Iterator["BusinessDayRange"]:
        """Yield consecutive ranges of at most so many days."""
        first = self.first
        while first <= self.last:
            last = min(first + (days - 1) * DAY, self.last)
            yield replace(self, first=first, last=last)
            first = last + DAY

    def day_at(self, moment: datetime) -> str:
        return self.calendar.day_at(moment).isoformat()

    def week_at(self, moment: datetime) -> str:
        return format_week(self.calendar.day_at(moment))

    def month_at(self, moment: datetime) -> str:
        return format_month(self.calendar.day_at(moment))

    def hour_of_day_at(self, moment: datetime) -> str:
        """Return the hour on the clock of the store, on whatever day."""
        return f"{moment.astimezone(self.calendar.clock):%H}:00"

    def hour_of_week_at(self, moment: datetime) -> str:
        """Return weekday and hour on the clock of the store, such as 1-09 for Monday at nine."""
        local = moment.astimezone(self.calendar.clock)
        return f"{local.isoweekday()}-{local:%H}"

    def hour_at(self, moment: datetime) -> str:
        """Return the local hour with its UTC offset, which tells repeated hours apart."""
        local = moment.astimezone(self.calendar.clock)
        return local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")


def format_hour_of_week(key: str) -> str:
    """Return the label of an hour of the week: Mon 09:00."""
    day, _, hour = key.partition("-")
    return f"{WEEKDAYS[int(day) - 1]} {hour}:00"


def format_week(day: date) -> str:
    """Return the week of ISO 8601, such as 2026-W09, which starts on Monday."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def format_month(day: date) -> str:
    return day.isoformat()[:7]

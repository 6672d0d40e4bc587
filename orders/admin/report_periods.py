"""Periods of the sales report: those offered as links, the period before, and their parts."""

from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum

from orders.services.reports.business_day import format_month, format_week
from orders.services.reports.sales import GroupBy
from tenants.business_days import DAY

Days = tuple[date, date]
WEEK = timedelta(days=7)


class Period(StrEnum):
    """Periods up to today, in the words of the page."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    LAST_7_DAYS = "last-7-days"
    LAST_WEEK = "last-week"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    LAST_90_DAYS = "last-90-days"

    @property
    def label(self) -> str:
        return self.value.replace("-", " ").capitalize()

    def find_days(self, today: date) -> Days:
        """Return the first and the last day."""
        return PERIODS[self](today)


def _last_week(today: date) -> Days:
    monday = today - timedelta(days=today.weekday())
    return monday - WEEK, monday - DAY


def _last_month(today: date) -> Days:
    last = today.replace(day=1) - DAY
    return last.replace(day=1), last


PERIODS: dict[Period, Callable[[date], Days]] = {
    Period.TODAY: lambda today: (today, today),
    Period.YESTERDAY: lambda today: (today - DAY, today - DAY),
    Period.LAST_7_DAYS: lambda today: (today - 6 * DAY, today),
    Period.LAST_WEEK: _last_week,
    Period.THIS_MONTH: lambda today: (today.replace(day=1), today),
    Period.LAST_MONTH: _last_month,
    Period.LAST_90_DAYS: lambda today: (today - 89 * DAY, today),
}


def find_days_before(first: date, last: date) -> Days:
    """Return the period to compare with.

    Whole months are compared with as many months before, the beginning of a month with the same
    days of the month before, and other days with as many days before. Up to seven days are always
    compared with the days before, which may belong to the same month.
    """
    end = first - DAY
    length = last - first + DAY
    if first.day == 1 and (last + DAY).day == 1:
        start = first
        for _ in list_parts(GroupBy.MONTH, first, last):
            start = (start - DAY).replace(day=1)
        return start, end
    if first.day == 1 and length > WEEK and format_month(first) == format_month(last):
        return end.replace(day=1), end.replace(day=min(last.day, end.day))
    return first - length, end


def list_parts(group_by: GroupBy, first: date, last: date) -> list[str]:
    """Return the keys of all days, weeks or months of a period, or of all hours of the day."""
    if group_by is GroupBy.HOUR_OF_DAY:
        return [f"{hour:02}:00" for hour in range(24)]
    if group_by is GroupBy.HOUR_OF_WEEK:
        return [f"{day}-{hour:02}" for day in range(1, 8) for hour in range(24)]
    days = (first + number * DAY for number in range((last - first).days + 1))
    return list(dict.fromkeys(FORMATS[group_by](day) for day in days))


FORMATS: dict[GroupBy, Callable[[date], str]] = {
    GroupBy.DAY: date.isoformat,
    GroupBy.WEEK: format_week,
    GroupBy.MONTH: format_month,
}

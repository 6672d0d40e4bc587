"""Business days in every time zone and around every clock change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from tenants.business_days import DAY, BusinessDays

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
STARTS = "00:00 00:30 01:30 02:00 02:30 03:00 04:00 05:10 23:59:59".split()
# From before islands changed the side of the date line until some years ahead.
BEGIN, END = datetime(1992, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
AROUND = (
    -26 * HOUR, -90 * 60 * SECOND, -HOUR, -SECOND, 0 * SECOND, SECOND,
    30 * 60 * SECOND, HOUR, 90 * 60 * SECOND, 26 * HOUR,
)  # fmt: skip


def find_clock_changes(clock):
    """Yield each instant at which the offset of the zone changes."""
    at, step = BEGIN, timedelta(days=7)
    while at < END:
        if at.astimezone(clock).utcoffset() != (at + step).astimezone(clock).utcoffset():
            before, after = at, at + step
            while after - before > SECOND:
                middle = (before + (after - before) // 2).replace(microsecond=0)
                same = middle.astimezone(clock).utcoffset() == at.astimezone(clock).utcoffset()
                before, after = (middle, after) if same else (before, middle)
            yield after
        at += step


@cache
def zones_and_changes():
    """Return distinct zones with their clock changes; hundreds of names are aliases."""
    found = {}
    for name in sorted(available_timezones()):
        clock = ZoneInfo(name)
        changes = tuple(find_clock_changes(clock))
        offsets = tuple(each.astimezone(clock).utcoffset() for each in (BEGIN, *changes))
        found.setdefault((changes, offsets), clock)
    return [(clock, changes) for (changes, _), clock in found.items()]


def local_time(moment, clock):
    return moment.astimezone(clock).replace(tzinfo=None)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("starts_at", STARTS)
def test_every_instant_belongs_to_one_business_day_in_every_zone(starts_at):
    starts_at = time.fromisoformat(starts_at)
    checked = 0
    for clock, changes in zones_and_changes():
        days = BusinessDays(clock, starts_at)
        moments = [change + around for change in changes or (BEGIN,) for around in AROUND]
        for moment in moments:
            day = days.day_at(moment)
            begins, ends = days.start_of_day(day), days.start_of_day(day + DAY)
            where = (clock.key, starts_at, moment, day)
            assert begins <= moment < ends, where
            assert days.start_of_day_at(moment) == begins, where
            assert abs(day - local_time(moment, clock).date()) <= DAY, where
            checked += 1
    assert checked > 20_000


@pytest.mark.once
@pytest.mark.parametrize("starts_at", STARTS)
@pytest.mark.slow
def test_business_day_starts_when_the_clock_first_reaches_its_start(starts_at):
    """Check against the zone data: neither earlier nor later, and the first of two."""
    starts_at = time.fromisoformat(starts_at)
    for clock, changes in zones_and_changes():
        days = BusinessDays(clock, starts_at)
        for day in {
            local_time(each, clock).date() + n * DAY for each in changes for n in (-1, 0, 1, 2)
        }:
            begins, shown = days.start_of_day(day), datetime.combine(day, starts_at)
            where = (clock.key, day, starts_at)
            assert local_time(begins, clock) >= shown, where
            before = (SECOND, 1800 * SECOND, HOUR, 90 * 60 * SECOND, 2 * HOUR, 24 * HOUR)
            assert all(local_time(begins - each, clock) < shown for each in before), where
            if local_time(begins, clock) > shown:
                # The clock skipped the start at that instant.
                offsets = [t.astimezone(clock).utcoffset() for t in (begins - SECOND, begins)]
                assert local_time(begins, clock) - shown <= offsets[1] - offsets[0], where
            day_is_skipped = all(
                local_time(begins + n * HOUR, clock).date() != day for n in range(24)
            )
            follows = days.start_of_day(day + DAY)
            assert begins < follows or (day_is_skipped and begins == follows), where


@pytest.mark.parametrize(
    ("zone", "starts_at", "moment", "day", "began"),
    [
        # 02:30 does not exist: the day starts at 03:00, the first instant after the gap.
        ("Europe/Berlin", "02:30", "2026-03-29T00:59:59", "2026-03-28", "2026-03-28T01:30"),
        ("Europe/Berlin", "02:30", "2026-03-29T01:00", "2026-03-29", "2026-03-29T01:00"),
        ("Europe/Berlin", "02:30", "2026-03-29T01:10", "2026-03-29", "2026-03-29T01:00"),
        # 00:30 occurs twice: the day starts at the first and continues through the second.
        ("America/Havana", "00:30", "2026-11-01T04:29:59", "2026-10-31", "2026-10-31T04:30"),
        ("America/Havana", "00:30", "2026-11-01T05:10", "2026-11-01", "2026-11-01T04:30"),
        ("America/Havana", "00:30", "2026-11-01T05:30", "2026-11-01", "2026-11-01T04:30"),
        ("America/Havana", "00:00", "2026-11-01T05:30", "2026-11-01", "2026-11-01T04:00"),
        # The day starts after midnight if midnight does not exist.
        ("Asia/Beirut", "00:00", "2026-03-28T22:00", "2026-03-29", "2026-03-28T22:00"),
        # A minute after midnight the clock goes back to the evening: the day has started.
        ("America/St_Johns", "00:00", "2010-11-07T02:45", "2010-11-07", "2010-11-07T02:30"),
        # The date that Apia skipped.
        ("Pacific/Apia", "00:00", "2011-12-30T10:00", "2011-12-31", "2011-12-30T10:00"),
        ("Pacific/Apia", "04:00", "2011-12-30T10:00", "2011-12-30", "2011-12-30T10:00"),
        ("Australia/Lord_Howe", "02:15", "2026-10-03T15:30", "2026-10-04", "2026-10-03T15:30"),
    ],
)  # fmt: skip
def test_business_days_at_clock_changes(zone, starts_at, moment, day, began):
    days = BusinessDays(ZoneInfo(zone), time.fromisoformat(starts_at))
    moment, began = (datetime.fromisoformat(f"{each}Z") for each in (moment, began))

    assert days.day_at(moment) == date.fromisoformat(day)
    assert days.start_of_day_at(moment) == began

"""NCRONTAB: `{second} {minute} {hour} {day} {month} {day-of-week}`, all of which must match.

Grammar: https://github.com/atifaziz/NCrontab/wiki/Crontab-Expression; five fields start at the minute.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LATEST_DAYS = 366 * 9  # 29 February may be eight years away


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()


MONTHS = tuple(name.lower() for name in calendar.month_abbr if name)
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day-of-week", 0, 6, DAYS),
)


class ScheduleRefused(ValueError):
    """The text is no NCRONTAB schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed schedule: the allowed values of each field, ascending."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next_after(self, when: datetime) -> datetime:
        """The first occurrence strictly after `when` (aware; the fields are read in its zone).

        >>> from datetime import UTC
        >>> parse_schedule("0 */15 8-9 * * mon-fri").next_after(datetime(2026, 1, 2, 9, 45, tzinfo=UTC)).isoformat()
        '2026-01-05T08:00:00+00:00'
        """
        start = when.replace(microsecond=0) + timedelta(seconds=1)
        for ahead in range(LATEST_DAYS):
            day = start + timedelta(days=ahead)
            if not self._has_day(day):
                continue
            earliest = (start.hour, start.minute, start.second) if ahead == 0 else (0, 0, 0)
            if clock := self._first_clock(earliest):
                return day.replace(hour=clock[0], minute=clock[1], second=clock[2])
        raise ScheduleRefused("the schedule never occurs")

    def occurrences_after(self, when: datetime, count: int) -> list[datetime]:
        """The next `count` occurrences."""
        found: list[datetime] = []
        for _ in range(count):
            found.append(self.next_after(found[-1] if found else when))
        return found

    def _has_day(self, day: datetime) -> bool:
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays

    def _first_clock(self, earliest: tuple[int, int, int]) -> tuple[int, int, int] | None:
        candidates = (
            (hour, minute, second)
            for hour in self.hours
            if hour >= earliest[0]
            for minute in self.minutes
            if (hour, minute) >= earliest[:2]
            for second in self.seconds
            if (hour, minute, second) >= earliest
        )
        return next(candidates, None)


def parse_schedule(text: str) -> Schedule:
    """Parse five or six fields of `*`, numbers, names, ranges, steps and lists; raise `ScheduleRefused` otherwise.

    >>> parse_schedule("*/20 0 1-5/2 1 jan,jul *").seconds
    (0, 20, 40)
    """
    parts = text.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != len(FIELDS):
        raise ScheduleRefused(f"{text!r} has {len(parts)} fields; an NCRONTAB schedule has six, seconds first")
    return Schedule(*(_values(part, field) for part, field in zip(parts, FIELDS, strict=True)))


def _values(text: str, field: _Field) -> tuple[int, ...]:
    return tuple(sorted({value for item in text.split(",") for value in _item(item, field)}))


def _item(text: str, field: _Field) -> Sequence[int]:
    span, slash, every = text.partition("/")
    step = _number(every, field, least=1, most=1000) if slash else 1
    if span == "*":
        return range(field.first, field.last + 1, step)
    first, dash, last = span.partition("-")
    start = _value(first, field)
    stop = _value(last, field) if dash else (field.last if slash else start)
    if stop < start:
        raise ScheduleRefused(f"{text!r} in field {field.name} runs backwards")
    return range(start, stop + 1, step)


def _value(text: str, field: _Field) -> int:
    word = text.lower()[:3]
    if word in field.words:
        return field.words.index(word) + field.first
    return _number(text, field, least=field.first, most=field.last)


def _number(text: str, field: _Field, *, least: int, most: int) -> int:
    if not text.isdigit() or not least <= int(text) <= most:
        raise ScheduleRefused(f"{text!r} in field {field.name} is no number from {least} to {most}")
    return int(text)

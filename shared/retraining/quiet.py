"""Quiet hours: when nothing is retrained by itself, in local time, as `model.yaml` has them.

What comes next is computed here, at the edge, and journalled with the event, as for `shared/retraining/schedules.py`: the rules of time
zones change, and the journal must be foldable after that. Both ends are wall-clock times, found by the library cronsim: where the
clocks go forward over an end it comes right after the gap, where they go back it is the first of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.retraining.cron import next_after

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
DAY = f"(?:{'|'.join(DAYS)})"
SOME_DAYS = rf"{DAY}(?:-{DAY})?(?:,{DAY}(?:-{DAY})?)*"
QUIET = re.compile(rf"(?:(?P<days>{SOME_DAYS}) )?(?P<begin>{TIME})-(?P<end>{TIME})")
LONGEST = timedelta(days=2)  # a night that the clocks lengthen, with room

Window = tuple[datetime, datetime]


def is_quiet_hours(text: str) -> bool:
    """Whether it is a part of the day, on some days.

    >>> [is_quiet_hours(text) for text in ("22:00-06:00", "mon-fri 08:00-18:00", "24:00-06:00", "08:00-08:00", "night")]
    [True, True, False, False, False]
    """
    match = QUIET.fullmatch(text)
    return match is not None and match["begin"] != match["end"]


def next_window(quiet_hours: Iterable[str], time_zone: str, now: datetime) -> Window | None:
    """The quiet hours that are now, or else come next, in UTC: from the first moment until before the second.

    >>> from datetime import UTC
    >>> begin, end = next_window(["22:00-06:00"], "Europe/Berlin", datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    >>> begin.isoformat(), end.isoformat()
    ('2026-03-28T21:00:00+00:00', '2026-03-29T04:00:00+00:00')
    """
    windows = [_window(text, time_zone, now) for text in quiet_hours]
    return min(windows, default=None)


def _window(text: str, time_zone: str, now: datetime) -> Window:
    """The first window of these hours that is not over."""
    match = QUIET.fullmatch(text)
    assert match is not None, text
    begin_at, end_at = (_cron(match[name], days) for name, days in (("begin", match["days"]), ("end", None)))
    begin = next_after(begin_at, time_zone, now - LONGEST)
    end = next_after(end_at, time_zone, begin)
    while end <= now:
        begin = next_after(begin_at, time_zone, begin)
        end = next_after(end_at, time_zone, begin)
    return begin, end


def _cron(time: str, days: str | None) -> str:
    hour, minute = time.split(":")
    return f"{int(minute)} {int(hour)} * * {_numbers(days) if days else '*'}"


def _numbers(days: str) -> str:
    """Days of the week as cron has them, Sunday 0; a range may go over the end of the week.

    >>> _numbers("fri-mon,wed")
    '5,6,0,1,3'
    """
    found: list[int] = []
    for part in days.split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found += [(begin + step + 1) % 7 for step in range((end - begin) % 7 + 1)]
    return ",".join(str(day) for day in found)

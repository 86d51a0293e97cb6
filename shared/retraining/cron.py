"""Cron expressions and time zones: the library cronsim and the system's time zone database, as schedules and quiet hours use them.

Semantics are those of Debian's cron: a time that the clocks skip comes right after the gap, one that they repeat comes
once, and an hourly one follows real time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

FIELDS = 5


def is_cron(text: str) -> bool:
    """Whether it is a cron expression of five fields that comes true on some day."""
    from cronsim import CronSim, CronSimError

    if len(text.split()) != FIELDS:
        return False
    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return False
    return True


def is_time_zone(text: str) -> bool:
    """Whether the time zone database has it."""
    return text in available_timezones()


def next_after(cron: str, time_zone: str, moment: datetime) -> datetime:
    """The first moment after `moment` that the expression names, in UTC.

    >>> next_after("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    from cronsim import CronSim

    return next(CronSim(cron, moment.astimezone(ZoneInfo(time_zone)))).astimezone(UTC)

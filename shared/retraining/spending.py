"""What retraining has cost: releases opened and seconds that their runs took, summed by the hour, then by the day.

The last day is kept by hours and the 30 days before it by days, so a head has room for it whatever the model's traffic.
A day is 24 hours and a month 30 days back from now, which no time zone and no calendar changes. A sum counts until its
last entry is older than that: never too little is counted, and a day at most too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

DAY, MONTH = timedelta(days=1), timedelta(days=30)
BY_THE_HOUR = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in an hour, or later in a day (UTC), `at` its last moment."""

    at: datetime
    releases: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Used:
    """The sum of a span, and when the oldest part of it leaves the span."""

    releases: int
    seconds: float
    frees_at: datetime | None


def added(spent: tuple[Spent, ...], now: datetime, *, releases: int = 0, seconds: float = 0.0) -> tuple[Spent, ...]:
    """The account with one more entry; hours older than a day become days, days older than 30 go."""
    sums: dict[tuple[date, int], Spent] = {}
    for one in (*spent, Spent(now, releases, seconds)):
        if one.at > now - MONTH:
            part = _part(one.at, now)
            known = sums.get(part, Spent(one.at))
            sums[part] = Spent(max(known.at, one.at), known.releases + one.releases, known.seconds + one.seconds)
    return tuple(sums[part] for part in sorted(sums))


def _part(at: datetime, now: datetime) -> tuple[date, int]:
    """The hour, or for what is older than a day the day (as its first hour), that a moment is summed in."""
    return at.date(), at.hour if at > now - BY_THE_HOUR else 0


def used(spent: tuple[Spent, ...], now: datetime, span: timedelta) -> Used:
    """What was spent in the span before now.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    >>> account = added(added((), noon, releases=1, seconds=60), noon + timedelta(hours=3), seconds=30)
    >>> found = used(account, noon + timedelta(hours=4), DAY)
    >>> found.releases, found.seconds, found.frees_at.isoformat()
    (1, 90.0, '2026-03-02T12:30:00+00:00')
    """
    within = [one for one in spent if one.at > now - span]
    frees_at = within[0].at + span if within else None
    return Used(sum(one.releases for one in within), sum(one.seconds for one in within), frees_at)

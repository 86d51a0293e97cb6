"""Hysteresis for drift: an alarm begins at the limit, several times in a few reports, and ends at half of the limit.

One noisy report retrains nothing, and a drift that lasts is one alarm and not one a day. A report of the monitor is known by
its run: the run's alert and its life sign are one report, in whatever order they come. So an alarm begins with the report
that is at the limit, and ends only when a later report shows that the one before it was below half.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAVES_AT = 0.5
REPORTS_KEPT = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run of a monitor reported: its number, or 0 if it completed without an alert."""

    run: str
    coefficient: float


@dataclass(frozen=True, slots=True)
class Watch:
    """The last readings, oldest first, and whether the alarm stands."""

    readings: tuple[Reading, ...] = ()
    alarmed: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """An alarm begins when `alarms` of the last `of` readings are at `limit` or above."""

    limit: float
    alarms: int
    of: int


def heard(watch: Watch, limits: Limits, run: str, coefficient: float) -> Watch:
    """The watch after one more report; a run that reports again counts once, with its highest number.

    >>> limits, watch = Limits(0.2, 2, 3), Watch()
    >>> for day, value in enumerate((0.3, 0.0, 0.25, 0.15, 0.05, 0.0)):
    ...     watch = heard(watch, limits, f"day-{day}", value)
    ...     print(value, watch.alarmed)
    0.3 False
    0.0 False
    0.25 True
    0.15 True
    0.05 True
    0.0 False
    """
    known = next((one.coefficient for one in watch.readings if one.run == run), None)
    readings, alarmed = watch.readings, watch.alarmed
    if known is not None:
        highest = max(known, coefficient)
        readings = tuple(Reading(run, highest) if one.run == run else one for one in readings)
    else:
        if alarmed and readings and readings[-1].coefficient < limits.limit * LEAVES_AT:
            readings, alarmed = readings[-1:], False
        readings = (*readings, Reading(run, coefficient))[-REPORTS_KEPT:]
    return Watch(readings, alarmed or at_limit(readings, limits) >= limits.alarms)


def at_limit(readings: tuple[Reading, ...], limits: Limits) -> int:
    """How many of the last `limits.of` readings are at the limit or above."""
    return sum(one.coefficient >= limits.limit for one in readings[-limits.of :])

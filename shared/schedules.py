"""A schedule's moments: cron expressions in a time zone, as `model.yaml` has them.

What is due is computed here, at the edge, and journalled with the event: the rules of time zones change, and the
journal must be foldable after that. Semantics are those of Debian's cron, by the library cronsim: a time that the clocks
skip comes right after the gap, one that they repeat comes once, and an hourly one follows real time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from shared import events
from shared.spec import Spec
from shared.state import Head

FIELDS = 5
RETRAIN, DATA = "retrain", "data"


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


def read(head: Head, spec: Spec, now: datetime) -> events.ScheduleRead | None:
    """The schedule of the current folder as an event, where the head still goes by another folder's; else None."""
    plan, known = spec.schedule, head.appointments
    asked = bool(plan.retrain or plan.data or plan.monitor_hours)
    expected = known.retrain_at or known.data_by or known.monitor_by
    if known.folder == head.folder or not (asked or expected):
        return None
    return events.ScheduleRead(
        id=f"schedule:{head.folder}:{head.next_line}",
        at=now,
        folder=head.folder,
        retrain_at=next_after(plan.retrain, plan.time_zone, now) if plan.retrain else None,
        data_by=next_after(plan.data, plan.time_zone, now) if plan.data else None,
    )


def due(head: Head, spec: Spec, now: datetime) -> list[events.ScheduleDue]:
    """The moments that have passed, as events; of several that were missed, one. None while the model is paused."""
    known, plan = head.appointments, spec.schedule
    if head.is_still or known.folder != head.folder:
        return []
    moments = ((RETRAIN, known.retrain_at, plan.retrain), (DATA, known.data_by, plan.data))
    return [
        events.ScheduleDue(
            id=f"schedule:{what}:{moment.isoformat()}",
            at=now,
            what=what,
            moment=moment,
            next_at=next_after(cron, plan.time_zone, now),
        )
        for what, moment, cron in moments
        if moment is not None and moment <= now
    ]

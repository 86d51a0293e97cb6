"""A schedule's moments: cron expressions in a time zone, as `model.yaml` has them.

What is due is computed here, at the edge, and journalled with the event: the rules of time zones change, and the
journal must be foldable after that.
"""

from __future__ import annotations

from datetime import datetime

from shared import events
from shared.retraining.cron import next_after
from shared.retraining.quiet import next_window
from shared.spec import Spec
from shared.state import Head

RETRAIN, DATA, QUIET = "retrain", "data", "quiet"


def read(head: Head, spec: Spec, now: datetime) -> events.ScheduleRead | None:
    """The schedule of the current folder as an event, where the head still goes by another folder's; else None."""
    plan, known = spec.schedule, head.appointments
    asked = bool(plan.retrain or plan.data or plan.monitor_hours or spec.retrain.quiet_hours)
    expected = known.retrain_at or known.data_by or known.monitor_by or known.quiet_until
    if known.folder == head.folder or not (asked or expected):
        return None
    quiet = next_window(spec.retrain.quiet_hours, plan.time_zone, now)
    return events.ScheduleRead(
        id=f"schedule:{head.folder}:{head.next_line}",
        at=now,
        folder=head.folder,
        retrain_at=next_after(plan.retrain, plan.time_zone, now) if plan.retrain else None,
        data_by=next_after(plan.data, plan.time_zone, now) if plan.data else None,
        quiet_from=quiet[0] if quiet else None,
        quiet_until=quiet[1] if quiet else None,
    )


def due(head: Head, spec: Spec, now: datetime) -> list[events.ScheduleDue]:
    """The moments that have passed, as events; of several that were missed, one. None while the model is paused."""
    known, plan = head.appointments, spec.schedule
    if head.is_still or known.folder != head.folder:
        return []
    moments = ((RETRAIN, known.retrain_at, plan.retrain), (DATA, known.data_by, plan.data))
    passed = [
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
    return [*passed, *_quiet_over(head, spec, now)]


def _quiet_over(head: Head, spec: Spec, now: datetime) -> list[events.ScheduleDue]:
    """That quiet hours are over, with those that are now or come next."""
    over = head.appointments.quiet_until
    following = next_window(spec.retrain.quiet_hours, spec.schedule.time_zone, now)
    if over is None or over > now or following is None:
        return []
    at, until = following
    identity = f"schedule:{QUIET}:{over.isoformat()}"
    return [events.ScheduleDue(id=identity, at=now, what=QUIET, moment=over, next_at=at, next_until=until)]

"""What a model's schedule waits for: when data or a life sign of the monitor is due, and what happens when it does not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.events import MonitorReported
from shared.folding.turn import Turn

MONITOR_TODO = "docs/runbook.md#silent-monitor"


def checking(turn: Turn, change: int) -> None:
    """One more drop is being checked (1), or one fewer (-1)."""
    set_(turn, checking=max(0, turn.head.appointments.checking + change))


def data_came(turn: Turn) -> None:
    """A file was accepted: if it was missed, that is over."""
    if turn.head.appointments.data_missed:
        set_(turn, data_missed=0)
        turn.note("missed data came", why=f"file {turn.head.next_file - 1} was accepted")


def monitor_reported(turn: Turn, event: MonitorReported) -> str:
    """A life sign of the monitor."""
    if turn.head.appointments.monitor_missed:
        turn.note("monitor heard again", why=event.run_id)
    listen_for_monitor(turn, heard=True)
    return f"monitor run {event.run_id} completed"


def listen_for_monitor(turn: Turn, *, heard: bool = False) -> None:
    """Expect the next life sign within `schedule.monitor_hours`, while a version serves that could be watched."""
    hours = turn.spec.schedule.monitor_hours
    listens = hours > 0 and turn.head.champion is not None
    known = turn.head.appointments
    if not listens:
        set_(turn, monitor_by=None, monitor_missed=0)
    elif heard or known.monitor_by is None:
        set_(turn, monitor_by=turn.now + timedelta(hours=hours), monitor_missed=0)


def monitor_silent(turn: Turn) -> str:
    """No life sign in time: nobody would hear of drift, so a person is told, again after each such time."""
    hours = turn.spec.schedule.monitor_hours
    missed = turn.head.appointments.monitor_missed + 1
    until = turn.now + timedelta(hours=hours) if hours > 0 else None
    set_(turn, monitor_by=until, monitor_missed=missed)
    why = f"no monitor run completed for {missed * hours:g} hours, so that drift goes unseen"
    turn.note("monitor silent", rule="schedule.monitor_hours", why=why, next=MONITOR_TODO, level="error")
    turn.send("tell", state="monitor silent", why=why, next="start the monitor, or look at why its runs fail")
    return why


def postponed(turn: Turn, slept: timedelta) -> None:
    """After a pause: what could not be heard is not missed yet. A retrain that came due meanwhile is asked for once."""
    known = turn.head.appointments
    later: dict[str, Any] = {
        name: moment + slept
        for name, moment in (("data_by", known.data_by), ("monitor_by", known.monitor_by))
        if moment is not None
    }
    set_(turn, **later)


def set_(turn: Turn, **changes: Any) -> None:
    """Replace fields of the head's appointments."""
    turn.set_head(appointments=replace(turn.head.appointments, **changes))

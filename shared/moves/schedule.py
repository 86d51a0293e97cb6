"""The schedule itself: a folder's plan taken over, and a moment of it that has come."""

from __future__ import annotations

from datetime import timedelta

from shared.events import ScheduleDue, ScheduleRead
from shared.folding.turn import Turn
from shared.moves import basket
from shared.moves.appointments import listen_for_monitor, set_
from shared.moves.stale import Stale
from shared.state import Cause

RETRAIN, QUIET = "retrain", "quiet"
CHECKED_WITHIN = timedelta(minutes=1)
DATA_TODO = "docs/runbook.md#expected-data"


def read(turn: Turn, event: ScheduleRead) -> str:
    """The schedule of the folder that is current now takes the place of the one before."""
    if event.folder != turn.head.folder:
        raise Stale(f"folder {event.folder} is not the current one")
    set_(
        turn,
        folder=event.folder,
        retrain_at=event.retrain_at,
        data_by=event.data_by,
        quiet_from=event.quiet_from,
        quiet_until=event.quiet_until,
        asked_for=None,
        files_then=turn.head.next_file,
        data_missed=0,
    )
    listen_for_monitor(turn)
    known = turn.head.appointments
    moments = {
        "retrain": known.retrain_at,
        "data by": known.data_by,
        "life sign of the monitor by": known.monitor_by,
        "quiet from": known.quiet_from,
    }
    why = ", ".join(f"{what} {moment.isoformat(timespec='minutes')}" for what, moment in moments.items() if moment)
    turn.note("schedule read", why=why or "nothing is due any more")
    return why or "nothing is due"


def due(turn: Turn, event: ScheduleDue) -> str:
    """A moment of the schedule has come: a cause to retrain, or a look at whether data came."""
    known = turn.head.appointments
    if event.what == QUIET:
        return _quiet_over(turn, event)
    expected = known.retrain_at if event.what == RETRAIN else known.data_by
    if expected != event.moment:
        raise Stale(f"{event.what} is due at another time by now")
    if event.what != RETRAIN:
        return _data_due(turn, event)
    set_(turn, retrain_at=event.next_at)
    at = event.moment.isoformat(timespec="minutes")
    basket.add(turn, Cause("schedule", event.id, turn.now, f"due {at}"))
    return f"a retrain was due {at}"


def _quiet_over(turn: Turn, event: ScheduleDue) -> str:
    """Quiet hours are over, and the next ones are known."""
    if turn.head.appointments.quiet_until != event.moment:
        raise Stale("quiet hours end at another time by now")
    set_(turn, quiet_from=event.next_at, quiet_until=event.next_until)
    return f"quiet hours were over {event.moment.isoformat(timespec='minutes')}"


def _data_due(turn: Turn, event: ScheduleDue) -> str:
    """A drop that is being checked may be what was expected, so its verdict is waited for."""
    known = turn.head.appointments
    due_at = known.asked_for or event.moment
    if known.checking:
        set_(turn, data_by=turn.now + CHECKED_WITHIN, asked_for=due_at)
        return f"{known.checking} drops are being checked"
    at = due_at.isoformat(timespec="minutes")
    came = turn.head.next_file - known.files_then
    missed = 0 if came else known.data_missed + 1
    set_(turn, data_by=event.next_at, asked_for=None, files_then=turn.head.next_file, data_missed=missed)
    if came:
        return f"{came} files were accepted in time"
    again = f", the {missed}. time in a row" if missed > 1 else ""
    why = f"no file was accepted until {at}{again}"
    turn.note("expected data missing", rule="schedule.data", why=why, next=DATA_TODO, level="error")
    turn.send("tell", state="expected data missing", why=why, next=f"drop it in incoming/{turn.head.model}/")
    return why

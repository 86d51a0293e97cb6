"""Standing still: a model's own pause, and the freeze of everything. Either is enough, and both must end.

`paused_at` is when the model came to stand still, by whichever of the two was first. Once neither holds, every
deadline moves by the time since then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.events import FreezeBegan, FreezeEnded, PauseRequested, ResumeRequested
from shared.folding.turn import Turn
from shared.moves import appointments, folders
from shared.moves.stale import Stale
from shared.table.room import cut


def paused(turn: Turn, event: PauseRequested) -> str:
    """Events are recorded from now on, effects wait."""
    if turn.head.paused:
        raise Stale("paused already")
    turn.set_head(paused=f"{event.by}: {event.why}", paused_at=turn.head.paused_at or turn.now)
    turn.note("model paused", why=turn.head.paused, next=f"baton resume {turn.head.model} --why ...")
    return turn.head.paused


def resumed(turn: Turn, event: ResumeRequested) -> str:
    """Waiting goes on where it stopped, unless everything is frozen."""
    if not turn.head.paused:
        raise Stale("not paused")
    turn.set_head(paused="")
    return _go_on(turn, "model resumed", event.by)


def froze(turn: Turn, event: FreezeBegan) -> str:
    """Everything stands still since `since`. Heard late or twice it changes nothing that an end has settled."""
    if event.number <= max(turn.head.freeze, turn.head.thawed):
        raise Stale(f"freeze {event.number} is known" + (" and over" if event.number <= turn.head.thawed else ""))
    since = turn.head.paused_at or min(event.since, turn.now)
    turn.set_head(freeze=event.number, frozen=cut(f"{event.by}: {event.why}"), paused_at=since)
    turn.note("model frozen", why=turn.head.frozen, next="baton unfreeze --why ...")
    return turn.head.frozen


def thawed(turn: Turn, event: FreezeEnded) -> str:
    """The freeze is over, and every one before it; remembered also where its beginning was never heard."""
    if event.number <= turn.head.thawed:
        raise Stale(f"freeze {event.number} is over already")
    was_frozen = turn.head.is_frozen
    turn.set_head(thawed=event.number)
    if turn.head.is_frozen or not was_frozen:
        return f"freeze {event.number} is over"
    turn.set_head(frozen="")
    return _go_on(turn, "model unfrozen", event.by)


def _go_on(turn: Turn, what: str, by: str) -> str:
    """Every deadline moves by the length of the standstill, once nothing holds the model any more."""
    if turn.head.is_still or turn.head.paused_at is None:
        why = f"still frozen by {turn.head.frozen}" if turn.head.is_frozen else f"still paused by {turn.head.paused}"
        turn.note(what, why=f"{by}; {why}")
        return why
    slept = max(turn.now - turn.head.paused_at, timedelta(0))
    for release in list(turn.releases.values()):
        if release.deadline is not None:
            turn.set(release, deadline=release.deadline + slept)
    rollback, warm = turn.head.rollback, turn.head.warm_until
    later = replace(rollback, deadline=rollback.deadline + slept) if rollback is not None else None
    turn.set_head(paused_at=None, rollback=later, warm_until=warm + slept if warm is not None else None)
    appointments.postponed(turn, slept)
    folders.postponed(turn, slept)
    turn.note(what, why=f"{by}, after {slept.total_seconds():.0f} s")
    return what

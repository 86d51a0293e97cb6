"""Waiting for room on the platform: seen on the release, and no reason to fail while nothing is at risk."""

from __future__ import annotations

from datetime import timedelta

from shared.commands import CAPACITY_WITHIN
from shared.events import CapacityAwaited
from shared.folding.turn import Turn
from shared.moves.stale import Stale
from shared.state import BUILDING, LIVE
from shared.table.room import cut

SLACK = timedelta(minutes=30)


def awaited(turn: Turn, event: CapacityAwaited) -> str:
    """The release's clock stands still while it is built, for a day at most; a roll-out's goes on: it must be steered.

    The command itself is given up first, with its own reason; the slack is for that.
    """
    release = turn.releases.get(event.release)
    if release is None or release.state == LIVE:
        raise Stale("no release waits for it")
    why = cut(f"{event.name}: {event.reason}")
    fields = {"waits_for": why, "waits_since": turn.now, "waits_command": event.command}
    if release.state in BUILDING and release.deadline is not None:
        left = max((release.deadline - turn.now).total_seconds(), 0.0)
        turn.set(release, deadline=turn.now + CAPACITY_WITHIN + SLACK, waits_left=left, **fields)
    else:
        turn.set(release, **fields)
    turn.note("waiting for capacity", release, why=why, next="docs/runbook.md#capacity", level="warning")
    return why


def over(turn: Turn, command: int) -> None:
    """The command that waited is answered: the release's clock goes on where it stood."""
    for release in list(turn.releases.values()):
        if release.waits_command != command or release.waits_since is None:
            continue
        waited = (turn.now - release.waits_since).total_seconds()
        if release.state in BUILDING:
            turn.set(release, deadline=turn.now + timedelta(seconds=release.waits_left))
        turn.set(turn.releases[release.id], **turn.NOT_WAITING)
        turn.note("goes on after waiting for capacity", release, why=release.waits_for, numbers={"seconds": waited})

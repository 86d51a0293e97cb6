"""Dead letters: what lets one happen again, what takes it off the list, and what sets a damaged row aside.

The fold fills `found` from the letter's row, so that the journal alone says what was replayed. Whether a command is
still wanted is asked of the release that it was for: where that has moved on, a replay changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared import commands
from shared.events import DiscardRequested, ReplayRequested, RowSetAside
from shared.folding.turn import Turn
from shared.moves import appointments
from shared.moves.stale import Stale

GONE = "there is no such dead letter any more: it was replayed or discarded before"
OUTBOX, EARLY = "!3out:", "!4early:"
WAITS_IN: Mapping[str, tuple[str, ...]] = {
    "register_version": ("registering",),
    "deploy_staging": ("staging",),
    "ask_approval": ("awaiting approval",),
    "look_at_step": ("rolling out",),
    "observe_champion": ("judging", "staging", "rolling out"),
}


def replayed(turn: Turn, event: ReplayRequested) -> str:
    """A letter happens again: an event is decided anew, a command is due under a new number, a model is rung for."""
    found = _found(event.found)
    if found.get("unreadable"):
        raise Stale(f"it cannot happen again: {found['unreadable']}")
    what = _AGAIN[found["kind"]](turn, found)
    _off_the_list(turn, found)
    turn.note("dead letter replayed", why=f"{what}; asked by {event.by}: {event.why}")
    return what


def discarded(turn: Turn, event: DiscardRequested) -> str:
    """A person says that a letter needs nothing more."""
    found = _found(event.found)
    _off_the_list(turn, found)
    why = f"{_name(found)} ({event.letter}); {event.by}: {event.why}"
    turn.note("dead letter discarded", why=why)
    return why


def row_set_aside(turn: Turn, event: RowSetAside) -> str:
    """A damaged row waits for a person; what counted it counts it no more."""
    number = event.row.rsplit(":", 1)[1]
    if event.row.startswith(OUTBOX) and number.isdecimal():
        turn.done(int(number))
    if event.row.startswith(EARLY):
        turn.set_head(early=turn.head.early - 1)
    turn.set_head(dead=turn.head.dead + 1)
    todo = f"baton deadletters {turn.head.model}; docs/runbook.md#damaged-row"
    turn.note("row set aside", why=f"{event.row}: {event.why}", next=todo, level="error")
    return f"{event.row} cannot be read"


def _found(found: Mapping[str, Any]) -> Mapping[str, Any]:
    if not found:
        raise Stale(GONE)
    return found


def _off_the_list(turn: Turn, found: Mapping[str, Any]) -> None:
    """A ring that failed was never counted: it is written without the fold."""
    if found["kind"] != "poison":
        turn.set_head(dead=max(0, turn.head.dead - 1))


def _name(found: Mapping[str, Any]) -> str:
    inside = found.get(found["kind"], {})
    return str(inside.get("kind", "")) if isinstance(inside, Mapping) else str(found["kind"])


def _event_again(turn: Turn, found: Mapping[str, Any]) -> str:
    return f"{found['event']['kind']} {str(found['event']['id'])[:16]} is decided again"


def _ring_again(turn: Turn, found: Mapping[str, Any]) -> str:
    return f"the model is rung for again on {found['queue']}"


def _command_again(turn: Turn, found: Mapping[str, Any]) -> str:
    command = found["command"]
    kind, release, payload = str(command["kind"]), str(command["release"]), dict(command["payload"])
    if kind not in commands.KINDS:
        raise Stale(f"command {kind} is none that this release of Baton knows")
    why_not = _WANTED[kind](turn, release, payload) if kind in _WANTED else _moved_on(turn, kind, release, payload)
    if why_not:
        raise Stale(why_not)
    number = turn.head.next_command
    if kind == "check_file":  # by today's contract and memory: what was published meanwhile may be why it goes now
        payload["folder"] = turn.head.folder
        appointments.checking(turn, 1)
    turn.send(kind, release, **payload)
    return f"{kind} is due again as command {number}"


_AGAIN: Mapping[str, Callable[[Turn, Mapping[str, Any]], str]] = {
    "event": _event_again,
    "command": _command_again,
    "poison": _ring_again,
}


def _moved_on(turn: Turn, kind: str, release: str, payload: Mapping[str, Any]) -> str:
    """Why nothing waits for a command that belongs to a step of its release; empty if the release stands at that step."""
    if kind == "observe_champion" and not release:
        return ""
    found = turn.releases.get(release)
    if found is None:
        return f"{release} has ended, so nothing waits for {kind}: `baton retry {release} --why ...` opens a new one"
    if kind == "start_run" and found.run == payload.get("run_id"):
        return ""
    if kind == "set_traffic" and found.moving and found.moving == payload.get("purpose"):
        return ""
    if found.state in WAITS_IN.get(kind, ()) and not found.back_why:
        return ""
    return f"{release} is {found.state} and waits for another thing: `baton explain {release}` tells for what"


def _always(turn: Turn, release: str, payload: Mapping[str, Any]) -> str:
    return ""


def _still_run(turn: Turn, release: str, payload: Mapping[str, Any]) -> str:
    found = turn.releases.get(release)
    if found is not None and found.run == payload.get("run_id"):
        return ""
    return f"nobody waits for run {payload.get('run_id')} any more"


def _nobody_waits(turn: Turn, release: str, payload: Mapping[str, Any]) -> str:
    run = payload.get("run_id")
    waiting = [found.id for found in turn.releases.values() if found.run == run]
    return f"{waiting[0]} waits for run {run}" if waiting else ""


def _not_needed(turn: Turn, release: str, payload: Mapping[str, Any]) -> str:
    deployment = payload.get("deployment")
    kept = [champion.deployment for champion in (turn.head.champion, turn.head.previous) if champion is not None]
    kept += list(turn.releases)
    return f"deployment {deployment} is needed again" if deployment in kept else ""


_WANTED: Mapping[str, Callable[[Turn, str, Mapping[str, Any]], str]] = {
    "check_file": _always,
    "tag_drop": _always,
    "tell": _always,
    "look_at_run": _still_run,
    "cancel_run": _nobody_waits,
    "clean_up": _not_needed,
}

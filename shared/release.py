"""The pure state machine: what an event means for a model.

`decide` takes the head, the open releases, one event and the time, and answers *taken* (the state
changes), *stale* (journalled with the reason) or *early* (looked at again later). No I/O, no clock,
no environment: the same arguments give the same decision, which is how the journal can be folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import events
from shared.folding.turn import Decision, Turn
from shared.moves import (
    basket,
    building,
    capacity,
    carried,
    certifying,
    closing,
    folders,
    letters,
    opening,
    operations,
    release_runs,
    schedule,
    shipping,
    standstill,
    versions,
)
from shared.moves.stale import Early, Stale
from shared.spec import Spec
from shared.state import Head, Release
from shared.traces import context

Move = Callable[[Turn, Any], str]
OutcomeMove = Callable[[Turn, Any, Release | None], str]


def _of_release(move: Callable[[Turn, Release, Any], str]) -> OutcomeMove:
    """A transition that needs its release: without it the outcome is stale."""

    def with_release(turn: Turn, event: events.Outcome, release: Release | None) -> str:
        if release is None:
            raise Stale("its release has ended")
        return move(turn, release, event)

    return with_release


MOVES: Mapping[type[events.Event], Move] = {
    events.DataLanded: basket.landed,
    events.RunChanged: basket.run_changed,
    events.ModelRegistered: basket.registered,
    events.ModelDeployed: operations.deployed,
    events.DriftDetected: basket.drifted,
    events.MonitorReported: basket.monitor_reported,
    events.ScheduleRead: schedule.read,
    events.ScheduleDue: schedule.due,
    events.ModelPublished: operations.published,
    events.RetrainRequested: basket.asked,
    events.RetryRequested: basket.asked,
    events.RollbackRequested: operations.rollback_asked,
    events.PauseRequested: standstill.paused,
    events.ResumeRequested: standstill.resumed,
    events.FreezeBegan: standstill.froze,
    events.FreezeEnded: standstill.thawed,
    events.ApprovalGiven: shipping.decided,
    events.ReplayRequested: letters.replayed,
    events.DiscardRequested: letters.discarded,
    events.VersionPinned: versions.pinned,
    events.ForgetRequested: versions.forget,
    events.RowSetAside: letters.row_set_aside,
    events.LedgerRebuilt: closing.rebuilt,
    events.CapacityAwaited: capacity.awaited,
    events.DeadlinePassed: operations.deadline_passed,
    events.Carried: carried.carried,
    events.FileAccepted: basket.accepted,
    events.FileRefused: basket.refused,
    events.FileGone: basket.gone,
    events.RunStarted: release_runs.run_started,
    events.RunEnded: building.run_ended,
}

OUTCOME_MOVES: Mapping[type[events.Event], OutcomeMove] = {
    events.VersionRegistered: _of_release(certifying.version_registered),
    events.DeploymentEnded: certifying.deployment_ended,
    events.ChampionSeen: operations.champion_seen,
    events.TrafficSet: shipping.traffic_set,
    events.TrafficRefused: shipping.traffic_refused,
    events.StepSeen: _of_release(shipping.step_seen),
    events.SegmentClosed: closing.segment_closed,
    events.CommandFailed: operations.command_failed,
    events.CommandDone: lambda turn, event, release: event.detail or f"{event.name} done",
}


def decide(
    rules: Mapping[str, Spec],
    head: Head,
    releases: Mapping[str, Release],
    event: events.Event,
    now: datetime,
    *,
    release: str = "",
) -> Decision:
    """Decide on one event.

    `rules` holds the spec of every folder hash that head or an open release names. `releases` are the open
    ones. `release` is the one that an outcome's command belonged to.
    """
    turn = Turn(rules, head, releases, event.id, now, trace=context.decision(event.trace, event.id))
    if isinstance(event, events.Outcome):
        turn.done(event.command)
        capacity.over(turn, event.command)
    try:
        why = _move(turn, event, release)
    except Early as early:
        return Decision("early", str(early), head, dict(releases))
    except Stale as stale:
        return turn.decision("stale", str(stale))
    if not turn.head.is_still:
        shipping.free_slot(turn)
        opening.open_next(turn)
    return turn.decision("taken", why)


def _move(turn: Turn, event: events.Event, release: str) -> str:
    kind = type(event)
    if kind in MOVES:
        return MOVES[kind](turn, event)
    return OUTCOME_MOVES[kind](turn, event, turn.releases.get(release))


def due(head: Head, releases: Mapping[str, Release], now: datetime) -> list[events.DeadlinePassed]:
    """The deadlines that have passed, as events; none while the model is paused."""
    if head.is_still:
        return []
    return [
        events.DeadlinePassed(id=f"deadline:{of}:{moment.isoformat()}", at=now, of=of, what=f"{what} over its deadline")
        for moment, of, what in _waits(head, releases)
        if moment <= now
    ]


def _waits(head: Head, releases: Mapping[str, Release]) -> list[tuple[datetime, str, str]]:
    """Every moment that something waits for: when, of what, and in which words."""
    waits = [(release.deadline, release.id, release.state) for release in releases.values()]
    waits += [(head.basket.look_at, "basket", "basket")]
    waits += [(head.appointments.monitor_by, "monitor", "the monitor's life sign")]
    waits += [(folders.close_by(head), "folders", "a folder of parts that is open")]
    if head.rollback is not None:
        waits += [(head.rollback.deadline, "rollback", "rollback")]
    else:
        waits += [(head.warm_until, "warm", "the champion before")]
    return [(moment, of, what) for moment, of, what in waits if moment is not None]


def wake_at(head: Head, releases: Mapping[str, Release], *, ring_again_at: datetime) -> datetime | None:
    """The earliest moment at which the model must be looked at: a deadline, or commands rung for again."""
    moments = [moment for moment, _, _ in _waits(head, releases)]
    moments += [moment for _, moment in head.later]
    moments += [moment for moment in (head.appointments.retrain_at, head.appointments.data_by) if moment is not None]
    moments += [ring_again_at] if head.outstanding > len(head.later) or head.early > 0 else []
    if head.is_still:
        return None
    return min(moments, default=None)

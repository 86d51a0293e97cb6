"""What comes in: drops, and causes to retrain. `opening.py` opens releases from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.events import (
    DataLanded,
    DriftDetected,
    FileAccepted,
    FileGone,
    FileRefused,
    ModelRegistered,
    MonitorReported,
    RetrainRequested,
    RetryRequested,
    RunChanged,
)
from shared.folding.turn import Turn
from shared.moves import appointments, folders, origin, release_runs, versions
from shared.moves.checking import EMPTY_GRACE, check
from shared.moves.stale import Early, Stale
from shared.names import release_of_run
from shared.retraining import batches, hysteresis
from shared.spec import Retrain
from shared.state import Cause
from shared.table.room import cut

REFUSED = "drop-refused-rows.csv"
ADOPTED_KEPT = 20
DETAIL_ROOM = 300
RUN_ENDS = ("completed", "failed", "canceled")
ADOPTED = ("registered", "run")


def landed(turn: Turn, event: DataLanded) -> str:
    """A drop is heard; whether it counts is decided by its bytes. An empty one gets a moment to be completed."""
    if batches.is_marker(turn.spec.data.batch, event.blob):
        return versions.closed(turn, event)
    if folders.is_of_folder(turn, event):
        return folders.landed(turn, event)
    after = EMPTY_GRACE if event.size == 0 else timedelta(0)
    check(turn, event, after=after)
    turn.note("drop heard", why=f"{event.blob}, {event.size} bytes")
    return f"{event.blob} is to be checked"


def accepted(turn: Turn, event: FileAccepted) -> str:
    """The drop joins the model's data under the next number; the same bytes under another name do not."""
    appointments.checking(turn, -1)
    folders.accepted(turn, event.blob)
    if event.known_as:
        why = f"{event.blob} holds the same bytes as file {event.known_as}, so it adds nothing"
        turn.send("tag_drop", blob=event.blob, etag=event.etag, verdict="accepted", version=str(event.known_as))
        turn.note("drop repeated", why=why)
        raise Stale(why)
    number = turn.head.next_file
    turn.files.append(versions.numbered(number, event, turn.now))
    batch, before = turn.spec.data.batch, turn.head.basket
    basket = batches.with_file(before, batch, rows=event.rows, size=event.size, blob=event.blob, now=turn.now)
    origin.noted(turn, event)
    turn.set_head(next_file=number + 1, basket=replace(basket, trace=_trace(turn)))
    appointments.data_came(turn)
    turn.send(
        "tag_drop", blob=event.blob, etag=event.etag, verdict="accepted", version=str(number), report=event.report
    )
    why = f"{event.blob} is file {number} with {event.rows} rows"
    if event.refused_rows:
        why += f"; {event.refused_rows} were refused"
        _tell_rows(turn, event)
    turn.note("drop accepted", why=why, numbers={"rows": event.rows, "file": number, "warnings": event.warnings})
    return why


def _tell_rows(turn: Turn, event: FileAccepted) -> None:
    """Some rows are in quarantine with their reasons: the owner is told, since nothing else would have them mended."""
    why = f"{event.blob}: {event.refused_rows} of {event.rows + event.refused_rows} rows"
    todo = f"read {event.report}, mend the rows in {REFUSED} beside it and drop these alone, under another name"
    to = event.owner or turn.spec.owner
    turn.send("tell", state="rows refused", why=why, next=todo, to=to, report=event.report)


def refused(turn: Turn, event: FileRefused) -> str:
    """The drop breaks its contract: it is in quarantine with a report, and its owner is told."""
    appointments.checking(turn, -1)
    folders.not_accepted(turn, event.blob)
    turn.send("tag_drop", blob=event.blob, etag=event.etag, verdict="refused", report=event.report)
    first = f"read {event.report}, mend the file and" if event.report else "split the file and"
    todo = f"{first} drop it again; `baton check {turn.head.model} FILE` shows the same before dropping"
    to = event.owner or turn.spec.owner
    turn.send("tell", state="drop refused", why=f"{event.blob}: {event.summary}", next=todo, to=to, report=event.report)
    turn.note("drop refused", why=f"{event.blob}: {event.summary}", rule="contract", next=todo, level="warning")
    return event.summary


def gone(turn: Turn, event: FileGone) -> str:
    """The drop was overwritten or removed first; a later writing comes with an event of its own."""
    appointments.checking(turn, -1)
    if event.folder:
        raise Stale(f"{event.blob} {event.reason}")
    folders.not_accepted(turn, event.blob)
    todo = "nothing if that was meant: a later writing is checked by itself; otherwise drop the file again"
    turn.note("drop gone", why=f"{event.blob}: {event.reason}", next=todo, level="warning")
    raise Stale(event.reason)


def drifted(turn: Turn, event: DriftDetected) -> str:
    """A monitor's alert is a cause, drift or performance; of drift, with `retrain.drift_limit`, one report of several.

    Whether a cause retrains is the policy's answer.
    """
    detail = f"monitor {event.monitor}, coefficient {event.coefficient:.3g}"
    detail += f", {event.signal}" if event.signal != "data" else ""
    detail = cut(detail + (f": {', '.join(event.columns)}" if event.columns else ""), DETAIL_ROOM)
    appointments.listen_for_monitor(turn, heard=True)
    rules = turn.spec.retrain
    kind = "performance" if event.signal == "performance" else "drift"
    if kind == "performance" or rules.drift_limit <= 0:
        add(turn, Cause(kind, event.id, turn.now, detail))
        return detail
    before = turn.head.watch
    watch = _watched(turn, event.run_id, event.coefficient)
    found = hysteresis.at_limit(watch.readings, _limits(rules))
    told = f"{detail}; {found} of the last {rules.drift_of} reports at {rules.drift_limit:g} or more"
    if watch.alarmed and not before.alarmed:
        add(turn, Cause("drift", event.id, turn.now, told))
        return told
    why = f"{told}, the alarm stands already" if watch.alarmed else f"{told}, an alarm begins at {rules.drift_alarms}"
    numbers = {"coefficient": event.coefficient, "limit": rules.drift_limit, "alarms": found}
    turn.note("drift noted, no alarm", rule="drift_alarms", why=why, numbers=numbers)
    return why


def monitor_reported(turn: Turn, event: MonitorReported) -> str:
    """A life sign of the monitor; without an alert its run is a report of no drift."""
    if turn.spec.retrain.drift_limit > 0:
        _watched(turn, event.run_id, 0.0)
    return appointments.monitor_reported(turn, event)


def _limits(rules: Retrain) -> hysteresis.Limits:
    return hysteresis.Limits(rules.drift_limit, rules.drift_alarms, rules.drift_of)


def _watched(turn: Turn, run: str, coefficient: float) -> hysteresis.Watch:
    watch = hysteresis.heard(turn.head.watch, _limits(turn.spec.retrain), run, coefficient)
    turn.set_head(watch=watch)
    return watch


def asked(turn: Turn, event: RetrainRequested | RetryRequested) -> str:
    """A person asks for a release, and thereby closes the breaker: they have looked."""
    if turn.head.useless:
        turn.set_head(useless=0)
        turn.note("breaker closed", rule="breaker", why=f"{event.by}: {event.why}")
    detail = f"{event.by}: {event.why}" + (f" (again {event.release})" if isinstance(event, RetryRequested) else "")
    add(turn, Cause("request", event.id, turn.now, detail))
    return detail


def registered(turn: Turn, event: ModelRegistered) -> str:
    """A version appeared. Our own is known already; anybody else's opens a release at `judging`."""
    if event.release:
        raise Stale(f"version {event.version} is our own registration for {event.release}")
    if any(release.version == event.version for release in turn.releases.values()):
        raise Stale(f"version {event.version} is already on its way")
    if any(release.state == "registering" for release in turn.releases.values()):
        raise Early(f"version {event.version} may be the one that is being registered")
    if turn.spec.adopt == "never":
        raise Stale(f"version {event.version} was registered by somebody else, and the spec says adopt: never")
    add(turn, Cause("registered", event.id, turn.now, event.version))
    return f"version {event.version} was registered by somebody else"


def run_changed(turn: Turn, event: RunChanged) -> str:
    """A run of ours is looked at; a foreign one that completed for this model is judged like any other."""
    if event.status not in RUN_ENDS:
        raise Stale(f"run {event.run_id} is {event.status}, nothing to decide")
    ours = next((r for r in turn.releases.values() if event.run_id in (r.run, r.train_run)), None)
    if ours is not None:
        if ours.run != event.run_id:
            raise Stale(f"run {event.run_id} was read before")
        release_runs.look_at_run(turn, ours, event.run_id)
        return f"run {event.run_id} {event.status}"
    if release_of_run(event.run_id) or not event.model or event.status != "completed":
        raise Stale(f"run {event.run_id} belongs to no open release")
    if turn.spec.adopt == "never":
        raise Stale(f"run {event.run_id} is not ours, and the spec says adopt: never")
    add(turn, Cause("run", event.id, turn.now, event.run_id))
    return f"run {event.run_id} was started by somebody else"


def add(turn: Turn, cause: Cause) -> None:
    """Put a cause in the basket; several of one kind count up, but each adopted version or run stands alone."""
    causes = _with_room(turn, turn.head.basket.causes, cause)
    cause = replace(cause, detail=cut(cause.detail, DETAIL_ROOM))
    same = next((c for c in causes if c.kind == cause.kind and cause.kind not in ADOPTED), None)
    if same is None:
        causes = (*causes, cause)
    else:
        causes = tuple(replace(cause, count=c.count + 1) if c is same else c for c in causes)
    since = turn.head.basket.since or turn.now
    trace = turn.head.basket.trace if cause.kind in ADOPTED else _trace(turn)
    turn.set_head(basket=replace(turn.head.basket, causes=causes, refused_why="", since=since, trace=trace))
    turn.note("cause noted", why=f"{cause.kind}: {cause.detail}")


def _trace(turn: Turn) -> str:
    """The context of the first thing in the basket that a training will be for: this one's, if nothing else is in it."""
    basket = turn.head.basket
    waits = turn.head.next_file > basket.first_file or any(cause.kind not in ADOPTED for cause in basket.causes)
    return basket.trace if waits else turn.trace


def _with_room(turn: Turn, causes: tuple[Cause, ...], cause: Cause) -> tuple[Cause, ...]:
    """The head has room for so many adopted versions and runs: beyond them the oldest gives way, and that is said."""
    waiting = [other for other in causes if other.kind in ADOPTED]
    if cause.kind not in ADOPTED or len(waiting) < ADOPTED_KEPT:
        return causes
    oldest = waiting[0]
    why = f"{oldest.kind} {oldest.detail} gives way to newer ones: at most {ADOPTED_KEPT} wait"
    turn.note("cause dropped", why=why, next="register the version again to have it judged", level="warning")
    return tuple(other for other in causes if other is not oldest)


def add_code(turn: Turn, event_id: str, folder: str) -> None:
    """A newly published folder is a cause of its own."""
    add(turn, Cause("code", event_id, turn.now, f"folder {folder}"))

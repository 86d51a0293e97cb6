"""The runs of a release: which one it waits for, what that reads, how long it may take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared import names
from shared.events import RunStarted
from shared.folding.turn import Turn
from shared.moves import versions
from shared.moves.stale import Stale
from shared.state import Release

PLATFORM_SLACK = timedelta(minutes=5)
JUDGING = timedelta(minutes=30)
CERTIFYING = timedelta(minutes=30)
LOOK_EVERY = timedelta(seconds=20)
STATES = {"train": "training", "judge": "judging", "certify": "certifying"}


def start(turn: Turn, release: Release, step: str) -> None:
    """Start the step's run under a name that is chosen here, before the platform hears of it."""
    made = release.runs.get(step, 0) + 1
    run = names.run_id(release.id, step, made)
    state = STATES[step]
    slack = PLATFORM_SLACK if step == "train" else timedelta(0)
    within = longest(turn, release, state) + slack
    fields = {"train_run": run} if step == "train" else {}
    runs = {**release.runs, step: made}
    release = turn.move(release, state, within=within, owner="platform", run=run, runs=runs, **fields)
    turn.send("start_run", release, run_id=run, step=step, folder=release.folder, **_inputs(turn, release, step))


def longest(turn: Turn, release: Release, state: str = "") -> timedelta:
    """How long the run of a state, the release's own by default, may take."""
    if (state or release.state) == "training":
        return timedelta(minutes=turn.spec_of(release).train.max_minutes)
    return JUDGING if (state or release.state) == "judging" else CERTIFYING


def _inputs(turn: Turn, release: Release, step: str) -> dict[str, Any]:
    """What the step reads, by name: the dataset version, the candidate, the champion with its folder."""
    candidate = f"version:{release.version}" if release.version else f"run:{release.train_run}"
    if step == "train":
        return {**versions.inputs(turn, release), **_warm_start(turn, release)}
    if step == "certify" and not turn.spec_of(release).gates.certificate.checks:
        return {"candidate": candidate}
    serving = {"champion": release.against, "champion_folder": release.against_folder}
    return {**versions.inputs(turn, release), "candidate": candidate, **serving}


def _warm_start(turn: Turn, release: Release) -> dict[str, Any]:
    """The version that serves, as last seen, whose files the training may begin with; nothing where none does or nobody asks."""
    serving = turn.head.champion
    if turn.spec_of(release).train.warm_start == "none" or serving is None:
        return {}
    return {"champion": serving.version}


def run_started(turn: Turn, event: RunStarted) -> str:
    """The platform has the run; it is looked at now and then, in case its event is lost."""
    release = _found_waiting(turn, event.run_id)
    versions.named(turn, event, release)
    if release is None:
        turn.send("cancel_run", run_id=event.run_id)
        raise Stale(f"no open release waits for run {event.run_id}, so it is stopped")
    if event.manifest and (release.state == "training" or not release.manifest):
        release = turn.set(release, manifest=event.manifest)
    look_at_run(turn, release, event.run_id, after=LOOK_EVERY)
    turn.note(f"run started for {release.state}", release, why=event.run_id)
    return f"run {event.run_id} started"


def look_at_run(turn: Turn, release: Release, run_id: str, *, after: timedelta = timedelta(0)) -> None:
    """Ask how far a run is. A certificate that comes of it names the journal as it is now."""
    witness = {"journal": turn.journal} if release.state == "certifying" else {}
    turn.send("look_at_run", release, after=after, run_id=run_id, **witness)


def waiting_for(turn: Turn, run_id: str) -> Release:
    """The release whose run this is; `Stale` if none waits for it."""
    found = _found_waiting(turn, run_id)
    if found is None:
        raise Stale(f"no open release waits for run {run_id}")
    return found


def _found_waiting(turn: Turn, run_id: str) -> Release | None:
    return next((release for release in turn.releases.values() if release.run == run_id), None)

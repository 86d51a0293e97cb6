"""A release in the building slot: it is opened, and each of its runs ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.events import RunEnded
from shared.folding.turn import Turn
from shared.gating.verdict import Document, at, is_number, number
from shared.moves import certifying, costs, judging, release_runs, versions
from shared.state import Cause, Release
from shared.table.room import cut

TRIES = 2
STEPS = {state: step for step, state in release_runs.STATES.items()}


def open_training(
    turn: Turn,
    causes: tuple[Cause, ...],
    *,
    first_new_file: int,
    why: str,
    pinned: bool,
    trace: str,
    traced: Mapping[str, Any],
) -> None:
    """Open a release that trains on the files accepted so far, or on the version that is pinned.

    It carries on `trace`; `traced` names its data and code, and how often drift alone had them trained again.
    """
    if pinned:
        pin, files = versions.take_pin(turn)
        release = turn.open(
            causes, "training", trace=trace, files=files, first_new_file=files + 1, pinned=pin, **traced
        )
    else:
        files = turn.head.next_file - 1
        release = turn.open(causes, "training", trace=trace, files=files, first_new_file=first_new_file, **traced)
        versions.cut_version(turn, release)
    named = ", ".join(f"{cause.kind} ({cause.detail})" for cause in causes)
    turn.note("release opened", release, why=f"{named}; {why}", numbers=_of_opening(release))
    release_runs.start(turn, release, "train")


def _of_opening(release: Release) -> dict[str, float]:
    numbers = {"files": float(release.files), "depth": float(release.depth)}
    return {name: number for name, number in numbers.items() if number or name == "files"}


def open_judging(turn: Turn, causes: tuple[Cause, ...], *, trace: str, **fields: Any) -> None:
    """Open a release for a version or run that somebody else made: it passes the same gates."""
    release = turn.open(causes, "judging", trace=trace, files=turn.head.next_file - 1, **fields)
    versions.cut_version(turn, release)
    turn.note("release opened", release, why=f"{causes[0].kind} {causes[0].detail} is judged like any other")
    judging.to_judging(turn, release)


def run_ended(turn: Turn, event: RunEnded) -> str:
    """A run's result is read: go on, judge by it, or try again."""
    release = release_runs.waiting_for(turn, event.run_id)
    costs.took(turn, release, event.seconds)
    if event.status != "completed":
        return _run_failed(turn, release, event)
    if release.state == "training":
        _trained(turn, release, event)
    elif release.state == "judging":
        judging.judged(turn, release, event)
    else:
        certifying.certified(turn, release, event)
    return f"run {event.run_id} completed"


def _run_failed(turn: Turn, release: Release, event: RunEnded) -> str:
    tries = turn.spec_of(release).train.tries if release.state == "training" else TRIES
    reason = f"run {event.run_id} {event.status}: {event.reason}"
    if release.attempt >= tries:
        mend = f"mend the folder, `baton publish models/{release.model}`, then `baton retry {release.id} --why ...`"
        todo = f"`baton logs {release.id}` shows the run's last words; {mend}"
        turn.end(release, "failed", reason, next=todo, numbers={"tries": release.attempt})
        return reason
    turn.note("run failed, trying again", release, why=reason, numbers={"try": release.attempt}, level="warning")
    release = turn.set(release, attempt=release.attempt + 1)
    release_runs.start(turn, release, STEPS[release.state])
    return reason


def _trained(turn: Turn, release: Release, event: RunEnded) -> None:
    found = event.result.get("metrics")
    logged = found if isinstance(found, Mapping) else {}
    metrics = {str(name): float(value) for name, value in logged.items() if is_number(value)}
    release = turn.set(release, trained=event.report)
    why = "; ".join((event.run_id, *_found_by(event.result)))
    turn.note("candidate trained", release, why=why, numbers={**metrics, "seconds": event.seconds})
    judging.to_judging(turn, release)


def _found_by(result: Document) -> Iterator[str]:
    """What a search found, and what the training began with, in words."""
    search = result.get("search")
    if isinstance(search, Mapping) and isinstance(search.get("best"), Mapping):
        best, failed = search["best"], search.get("failed") or 0
        value = number(search, "best", "value")
        parameters = ", ".join(f"{name} {given}" for name, given in dict(best.get("parameters") or {}).items())
        wrong = f", {failed} failed" if failed else ""
        told = f"best of {search.get('trials')} trials{wrong}: {parameters}"
        yield cut(f"{told} ({search.get('metric')} {value:g} on validation rows)" if value is not None else told, 300)
    if version := at(result, "warm_start", "version"):
        yield f"begun with the files of version {version}"

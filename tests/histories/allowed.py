"""The fourth oracle for histories with people and deadlines: a small model of what may have become of each release.

It knows what the history did: who approved, rejected and asked for what and when, which runs were doomed, what was out of
order, and whose hands were on the endpoint. From that alone it says which ends are allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.state import LIVE, Release
from tests.histories import requests, scheduled
from tests.histories.history import Step
from tests.histories.platform import is_better
from tests.histories.stage import Stage

DEADLINES_PASS = timedelta(hours=5)
WRONG_CLOCKS = timedelta(minutes=10)  # one worker may set a deadline that another one reads, each with its own clock
ASKED_FOR = timedelta(hours=24)
SHORTEST_DEADLINE = timedelta(minutes=10)  # a train run's, with the slack that the platform gets
ROLL_OUT = timedelta(minutes=30)
CAUSES = ("drop", "DriftDetected", "RetrainRequested", "publish", "registered", "foreign", "retry", "drift")


def come_to_rest(stage: Stage) -> None:
    """Everything answers, nothing is paused or frozen, and all deadlines but the people's pass.

    A pause asked for through a clock that is ahead is folded after a resume that follows it at once: so time passes first.
    """
    stage.watch.disarm()
    if stage.is_old:
        stage.upgrade()
    stage.run(Step("recover"))
    stage.world.now += WRONG_CLOCKS
    requests.thaw(stage)
    for model in stage.history.models:
        stage.run(Step("resume", (model,)))
    stage.rest()
    before = -1
    while before != (before := stage.lines()):
        stage.world.now += DEADLINES_PASS
        stage.rest()


def check(stage: Stage) -> None:
    """Hold every model's end against what may have become of it."""
    for model in stage.history.models:
        if stage.world.app.book.knows(model):
            _check_model(Ends(stage, model))


@dataclass
class Ends:
    """How a model ended, beside what happened to it."""

    stage: Stage
    model: str

    def __post_init__(self) -> None:
        book = self.stage.world.app.book
        self.head = self.stage.world.head(self.model)
        self.open = dict(book.read(self.model).releases)
        self.all = {release.id: release for release in [*book.ended(self.model, 10**6), *self.open.values()]}
        self.hands = set(self.happened("hand"))
        self.is_given_up = self.head.dead > 0 or bool(self.happened("DiscardRequested"))
        self.is_disturbed = bool(self.hands) or self.is_given_up

    def happened(self, what: str) -> list[str]:
        """The details of everything of this kind that happened to the model."""
        return self.stage.notes.of(what, self.model)

    def find(self, what: str) -> None:
        """Note what is not allowed."""
        self.stage.watch.find("allowed", f"{self.model}: {what}")


def _check_model(ends: Ends) -> None:
    for release in ends.all.values():
        why_not = _why_not(ends, release)
        if why_not:
            ends.find(f"{release.id} is {release.state} ({release.why}), but {why_not}")
    _check_traffic(ends)
    _check_rest(ends)
    _check_files(ends)
    scheduled.check(ends.stage, ends.model)


def _why_not(ends: Ends, release: Release) -> str:
    """Why a release may not have ended as it did; "" if it may."""
    been = [state for state, _ in release.past]
    rested = (LIVE, "replaced", "awaiting approval")
    approved = release.id in ends.happened("approved")
    if ("rolling out" in been or release.state in (LIVE, "replaced")) and not approved:
        if not (release.state in (LIVE, "replaced") and release.id in ends.hands):
            return "nobody approved it"
    if release.state in rested:
        return ""
    if release.state not in ENDED:
        return f"everything is at rest, and {release.state} is no state to rest in"
    may, why_not = ENDED[release.state]
    return "" if may(ends, release) else why_not


def _lasted(release: Release, state: str) -> timedelta:
    """How long the release was in a state, from its first entering it to what came next, or to its end."""
    times = [datetime.fromisoformat(at) for _, at in release.past]
    place = [name for name, _ in release.past].index(state)
    return times[min(place + 1, len(times) - 1)] - times[place]


def _age(release: Release) -> timedelta:
    return datetime.fromisoformat(release.past[-1][1]) - datetime.fromisoformat(release.past[0][1])


def _was_followed(ends: Ends, release: Release) -> bool:
    later = [other for other in ends.all.values() if other.number > release.number]
    return any("awaiting approval" in [state for state, _ in other.past] for other in later)


def _may_be_taken_back(ends: Ends, release: Release) -> bool:
    wrong = release.id in ends.happened("errors") or ends.happened("RollbackRequested") or ends.happened("outage")
    rolled = [state for state, _ in release.past]
    late = "rolling out" in rolled and _age(release) >= ROLL_OUT - WRONG_CLOCKS
    return bool(wrong or late or ends.hands)


def _may_be_held(ends: Ends, release: Release) -> bool:
    judged = [run for run in ends.stage.world.trainer.started if run.run_id.startswith(f"{release.id}-j-")]
    worse = any(not is_better(run.run_id) for run in judged if run.inputs.get("champion"))
    others = [other for other in ends.all.values() if other.id != release.id]
    changed = any("rolling out" in [state for state, _ in other.past] for other in others)
    return bool(worse or changed or ends.hands or ends.happened("outage"))


def _may_fail(ends: Ends, release: Release) -> bool:
    late = (
        _age(release) >= SHORTEST_DEADLINE - WRONG_CLOCKS
        and ends.stage.notes.waited >= SHORTEST_DEADLINE - WRONG_CLOCKS
    )
    return bool(ends.happened("doomed") or ends.happened("outage") or ends.hands or late)


ENDED: Mapping[str, tuple[Callable[[Ends, Release], bool], str]] = {
    "rejected": (lambda ends, release: release.id in ends.happened("rejected"), "nobody rejected it"),
    "expired": (
        lambda ends, release: _lasted(release, "awaiting approval") >= ASKED_FOR - WRONG_CLOCKS,
        "it did not wait for as long as was asked",
    ),
    "superseded": (_was_followed, "no later one asked for approval"),
    "rolled back": (_may_be_taken_back, "nobody asked for it, and nothing was wrong"),
    "held": (_may_be_held, "it was better than a champion that did not change"),
    "failed": (_may_fail, "nothing failed, and no deadline was over"),
}


def _check_traffic(ends: Ends) -> None:
    """Nothing serves that nobody approved before; the champion has all traffic; nothing is left that nothing needs."""
    approved: dict[str, datetime] = {}
    for at, what, model, detail in ends.stage.notes.happened:
        if (what, model) == ("approved", ends.model):
            approved.setdefault(detail, at)
    for effect in ends.stage.watch.effects:
        if (effect.kind, effect.model) == ("set_traffic", ends.model):
            split: Mapping[str, int] = json.loads(effect.what)["split"]
            unasked = {
                name
                for name in split
                if name not in ends.hands and not (name in approved and approved[name] <= effect.at)
            }
            if unasked or sum(split.values()) not in (0, 100):
                ends.find(f"the split {split} was set, and nobody had approved {sorted(unasked)}")
    if ends.is_disturbed:
        return
    champion, previous = ends.head.champion, ends.head.previous
    split = ends.stage.world.endpoints.split_of(ends.model)
    if split != ({champion.deployment: 100} if champion else {}):
        ends.find(f"{split} serves, the champion is {champion}")
    needed = {kept.deployment for kept in (champion, previous) if kept} | set(ends.open)
    left = ends.stage.world.endpoints.names_of(ends.model) - needed
    if left:
        ends.find(f"nothing needs the deployments {sorted(left)}")


def _check_rest(ends: Ends) -> None:
    """At rest nothing is under way, and there are no more releases than causes; each file is new to one release."""
    happened = sum(len(ends.happened(what)) for what in CAUSES) + scheduled.moments(ends.stage, ends.model)
    if len(ends.all) > happened:
        ends.find(f"{len(ends.all)} releases of {happened} causes")
    last = 0
    for release in sorted(ends.all.values(), key=lambda release: release.number):
        if "training" in [state for state, _ in release.past]:
            if release.first_new_file != last + 1:
                ends.find(f"{release.id} begins with file {release.first_new_file}, the one before ended with {last}")
            last = release.files


def _check_files(ends: Ends) -> None:
    """Good content that was announced is accepted once, unless it was written over before it was read; nothing else is."""
    drops = [json.loads(detail) for detail in ends.happened("drop")]
    sure = {etag for _, etag, _ in drops} & _announced(ends, sure=True)
    perhaps = {etag for _, etag, _ in drops} & _announced(ends, sure=False)
    last = {path: etag for path, etag, _ in drops}
    good = [
        (path, etag, hashlib.sha256(text.encode()).hexdigest())
        for path, etag, text in drops
        if not text.startswith("bad")
    ]
    accepted = [file.sha256 for file in ends.stage.world.app.book.files(ends.model, ends.head.next_file - 1)]
    missing = {sha for path, etag, sha in good if etag in sure and last[path] == etag} - set(accepted)
    strange = set(accepted) - {sha for _, etag, sha in good if etag in sure | perhaps}
    if (missing and not ends.is_given_up) or strange or len(accepted) != len(set(accepted)):
        ends.find(f"files {sorted(missing)} are missing, {sorted(strange)} are strange, of {len(accepted)}")


def _announced(ends: Ends, *, sure: bool) -> set[str]:
    found = set()
    for made in ends.stage.notes.deliveries:
        of, delivered = ends.stage.deliveries[made.name]
        if of == ends.model and not made.must_be_refused and made.acknowledged >= sure and "eTag" in delivered.data:
            found.add(delivered.data["eTag"])
    return found

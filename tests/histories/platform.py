"""The fakes of a history: a trainer that judges by the run's name and fails on demand, hands on the endpoint, timed rings."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import wire
from shared.platforms.port import RunRequest, RunSeen, VersionSeen
from shared.settings import LOCAL_WORKSPACE
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer, Outcome
from tests.fakes.storage import MemoryBells
from tests.world import CERTIFIED, TRAINED, evidence

WORKSPACE_EVENT = "Microsoft.MachineLearningServices."
STILL_GOING = ("queued", "running")


def is_better(run_id: str) -> bool:
    """Whether a judge run proves a gain: two of three do, decided by the run's name alone."""
    return int(hashlib.sha256(run_id.encode()).hexdigest(), 16) % 3 > 0


class HistoryTrainer(FakeTrainer):
    """Runs end at once, unless the next one of a step was doomed to fail or to hang.

    A run has the code of whoever asked for it, so it writes evidence of the form that `form` has at its start.
    """

    def __init__(self, form: Callable[[], int]) -> None:
        super().__init__({"train": TRAINED, "judge": evidence(3000.0), "certify": CERTIFIED})
        self.doomed: dict[tuple[str, str], str] = {}
        self._form, self._forms = form, dict[str, int]()

    def start(self, request: RunRequest) -> None:
        known = request.run_id in self._requests
        super().start(request)
        self._forms.setdefault(request.run_id, self._form())
        fate = None if known else self.doomed.pop((request.model, request.step), None)
        if fate == "fails":
            self.end(request.run_id, Outcome("failed", "it was doomed"))
        elif fate == "hangs":
            self.end(request.run_id, Outcome("running"))

    def look(self, run_id: str) -> RunSeen | None:
        """A judge run compares with the champion that it was given."""
        seen = super().look(run_id)
        request = self._requests.get(run_id)
        if seen is None or request is None or request.step != "judge" or seen.status != "completed":
            return seen
        champion = request.inputs.get("champion", "").removeprefix("version:")
        value = 2500.0 if is_better(run_id) else 2990.0
        told = evidence(value, 3000.0 if champion else None, version=champion, v=self._forms[run_id])
        return replace(seen, result=told.result)

    def announcements(self, model: str, now: datetime) -> list[tuple[str, wire.Delivered]]:
        """The workspace's events about runs that ended, each under a name that a history can repeat it by."""
        found = []
        for run in self.started:
            seen = self._seen.get(run.run_id) or RunSeen(run.run_id, "completed")
            if run.model == model and seen.status not in STILL_GOING:
                found.append((f"run-{run.run_id}-{seen.status}", run_event(run.run_id, seen.status, now)))
        return found


def run_event(run_id: str, status: str, now: datetime, *, tags: Mapping[str, str] | None = None) -> wire.Delivered:
    """The workspace's event about a run's status."""
    kind = WORKSPACE_EVENT + ("RunCompleted" if status == "completed" else "RunStatusChanged")
    data = {"runId": run_id, "runStatus": status, "runTags": dict(tags or {})}
    return wire.Delivered(f"{run_id}-{status}", LOCAL_WORKSPACE, f"experiments/x/runs/{run_id}", kind, now, data)


class HistoryRegistry(FakeRegistry):
    """A registry that says what it holds even while it does not answer Baton."""

    def made_by_us(self, model: str) -> list[VersionSeen]:
        """Versions that carry one of our releases."""
        return [version for version in self._versions.get(model, []) if "baton.release" in version.tags]

    def all(self, model: str) -> list[VersionSeen]:
        """All versions."""
        return list(self._versions.get(model, []))


def versions_registered(registry: HistoryRegistry, model: str, now: datetime) -> list[tuple[str, wire.Delivered]]:
    """The registry's events about versions that we registered."""
    kind = WORKSPACE_EVENT + "ModelRegistered"
    found = []
    for seen in registry.made_by_us(model):
        data = {"modelName": model, "modelVersion": seen.version, "modelTags": dict(seen.tags)}
        subject = f"models/{model}:{seen.version}"
        name = f"version-{model}-{seen.version}"
        found.append((name, wire.Delivered(name, LOCAL_WORKSPACE, subject, kind, now, data)))
    return found


class HistoryEndpoints(FakeEndpoints):
    """Endpoints on which somebody else may lay hands."""

    def split_of(self, model: str) -> dict[str, int]:
        """What serves, whether or not Baton gets an answer."""
        return {name: found.share for name, found in self._endpoints.get(model, {}).items() if found.share}

    def names_of(self, model: str) -> set[str]:
        """The deployments that there are."""
        return set(self._endpoints.get(model, {}))

    def move_by_hand(self, model: str, split: Mapping[str, int]) -> None:
        """What somebody does with the platform's own client."""
        for name, found in self._endpoints.get(model, {}).items():
            self._endpoints[model][name] = replace(found, share=split.get(name, 0))


@dataclass(frozen=True, slots=True)
class Ring:
    """A message of a doorbell queue: when it may be seen, and how often it was."""

    at: datetime
    queue: str
    model: str
    tries: int = 0


class TimedBells(MemoryBells):
    """Rings that are seen when their time has come, oldest first; the clock is the queue's own."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._waiting: dict[str, list[Ring]] = defaultdict(list)
        self.poison: list[Ring] = []

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        self._waiting[model].append(Ring(self._clock() + after, queue, model))

    def take(self, model: str) -> Ring | None:
        """The next ring of a model that may be seen now."""
        now, waiting = self._clock(), self._waiting[model]
        place = next((place for place, ring in enumerate(waiting) if ring.at <= now), None)
        return waiting.pop(place) if place is not None else None

    def put_back(self, ring: Ring, after: timedelta, *, tries_at_most: int = 5) -> None:
        """A ring whose function failed comes again, until it is poison."""
        again = Ring(self._clock() + after, ring.queue, ring.model, ring.tries + 1)
        (self.poison if again.tries >= tries_at_most else self._waiting[ring.model]).append(again)

    def lose(self, model: str) -> None:
        """Every ring of a model is lost."""
        self._waiting[model].clear()

    def next_at(self) -> datetime | None:
        """When the next ring may be seen."""
        return min((ring.at for waiting in self._waiting.values() for ring in waiting), default=None)

"""An ML platform in memory: the three roles of `shared/platforms/port.py`, and what a test may do to them.

They pass the same contract suites as the real adapters (`tests/contracts`). None knows a clock: a run ends,
a deployment fails and requests are counted when the test says so. With `busy` set, every call answers as a
platform that does not answer.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from shared.errors import CapacityRefused, Permanent, PlatformBusy, TrafficMoved
from shared.platforms.following import Following
from shared.platforms.port import (
    CARRIED_TAG,
    Deployment,
    DeploymentState,
    DeployRequest,
    EndpointSeen,
    RunRequest,
    RunSeen,
    RunStatus,
    Scored,
    VersionSeen,
)


def _answer(busy: bool) -> None:
    if busy:
        raise PlatformBusy("the platform does not answer", next="wait")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scripted run ends."""

    status: RunStatus = "completed"
    reason: str = ""
    result: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0


class FakeTrainer:
    """Runs keep running until `end`, unless `script` has an outcome for their run id or their step."""

    def __init__(self, script: Mapping[str, Outcome] | None = None) -> None:
        self.script = dict(script or {})
        self.busy = False
        self.room: int | None = None
        self.asks_seconds = 0.0
        self.calls = 0
        self._requests: dict[str, RunRequest] = {}
        self._seen: dict[str, RunSeen] = {}

    @property
    def started(self) -> tuple[RunRequest, ...]:
        """The runs that came to be, in order: a repeated start adds none."""
        return tuple(self._requests.values())

    def start(self, request: RunRequest) -> None:
        _answer(self.busy)
        if self.room is not None and request.run_id not in self._requests and self._going() >= self.room:
            raise CapacityRefused(f"{self.room} runs are going", next="wait", after_seconds=self.asks_seconds)
        self.calls += 1
        self._requests.setdefault(request.run_id, request)

    def look(self, run_id: str) -> RunSeen | None:
        _answer(self.busy)
        request = self._requests.get(run_id)
        if request is None:
            return None
        outcome = self.script.get(run_id) or self.script.get(request.step) or Outcome("running")
        return self._seen.get(run_id) or RunSeen(
            run_id, outcome.status, outcome.reason, outcome.result, outcome.seconds
        )

    def _going(self) -> int:
        seen = [self.look(run_id) for run_id in self._requests]
        return sum(one is not None and one.status in ("queued", "running") for one in seen)

    def cancel(self, run_id: str) -> None:
        seen = self.look(run_id)
        if seen and seen.status in ("queued", "running"):
            self.end(run_id, Outcome("canceled", "canceled on request"))

    def end(self, run_id: str, outcome: Outcome) -> None:
        """Let a run that was started end so."""
        assert run_id in self._requests, f"{run_id} was never started"
        self._seen[run_id] = RunSeen(run_id, outcome.status, outcome.reason, outcome.result, outcome.seconds)


class FakeRegistry:
    """Versions count from 1 for each model; `made` holds the files that a training run made, by run id."""

    def __init__(self) -> None:
        self.busy = False
        self.made: dict[str, Mapping[str, bytes]] = {}
        self.champions: dict[str, str] = {}
        self._versions: dict[str, list[VersionSeen]] = {}
        self._files: dict[tuple[str, str], Mapping[str, bytes]] = {}
        self._lock = threading.Lock()

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        _answer(self.busy)
        with self._lock:
            found = [seen for seen in self._versions.get(model, []) if seen.run_id == run_id]
            return found[0].version if found else self._add(model, run_id, tags, self.made.get(run_id, {}))

    def register_by_hand(self, model: str, *, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        """What somebody does with the platform's own client: a version that no run of ours made."""
        with self._lock:
            return self._add(model, "", tags, files)

    def add(self, model: str, files: Mapping[str, bytes], *, carried: str, tags: Mapping[str, str]) -> str:
        """A version that was carried here; get-or-create under the tag `baton.carried`."""
        with self._lock:
            found = [seen for seen in self._versions.get(model, []) if seen.tags.get(CARRIED_TAG) == carried]
            return found[0].version if found else self._add(model, "", tags, files)

    def version(self, model: str, version: str) -> VersionSeen | None:
        _answer(self.busy)
        return next((seen for seen in self._versions.get(model, []) if seen.version == version), None)

    def versions(self, model: str) -> tuple[VersionSeen, ...]:
        _answer(self.busy)
        return tuple(self._versions.get(model, []))

    def fetch(self, model: str, version: str, into: Path) -> None:
        _answer(self.busy)
        if (model, version) not in self._files:
            raise Permanent(f"there is no version {version} of {model}", next="look at its versions")
        into.mkdir(parents=True, exist_ok=True)
        for name, content in self._files[model, version].items():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes(content)

    def champion(self, model: str, *, serving: str) -> str:
        _answer(self.busy)
        return self.champions.get(model, "")

    def name_champion(self, model: str, version: str, *, since: datetime) -> None:
        if self.version(model, version) is None:
            raise Permanent(f"there is no version {version} of {model}", next="look at its versions")
        self.champions[model] = version

    def _add(self, model: str, run_id: str, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        versions = self._versions.setdefault(model, [])
        version = str(len(versions) + 1)
        tagged = {**tags, "baton.run_id": run_id} if run_id else dict(tags)
        self._files[model, version] = dict(files)
        versions.append(VersionSeen(model, version, f"memory:{model}/{version}", tagged, run_id))
        return version


class FakeEndpoints:
    """Deployments are healthy at once unless `states` names another state for them; nothing serves before traffic is set."""

    def __init__(self) -> None:
        self.busy = False
        self.states: dict[str, DeploymentState] = {}
        self.followed: dict[str, Following] = {}
        self._endpoints: dict[str, dict[str, Deployment]] = {}

    def deploy(self, request: DeployRequest) -> None:
        _answer(self.busy)
        fresh = Deployment(request.name, request.version, "healthy", share=0)
        self._endpoints.setdefault(request.model, {}).setdefault(request.name, fresh)

    def look(self, model: str) -> EndpointSeen | None:
        _answer(self.busy)
        if model not in self._endpoints:
            return None
        serving = self._endpoints[model].values()
        return EndpointSeen(model, tuple(replace(d, state=self.states.get(d.name, d.state)) for d in serving))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        seen = self.look(model)
        now = seen.split if seen else {}
        wanted = {name: share for name, share in split.items() if share}
        unknown = wanted.keys() - self._endpoints.get(model, {}).keys()
        if sum(wanted.values()) not in (0, 100) or unknown:
            raise Permanent(f"the split {wanted} is not one of 100 percent over deployments", next="look again")
        if now not in (wanted, {name: share for name, share in expected.items() if share}):
            raise TrafficMoved(f"{model} has {now}, expected {dict(expected)}", next="look again and decide again")
        for name, deployment in self._endpoints.get(model, {}).items():
            self._endpoints[model][name] = replace(deployment, share=wanted.get(name, 0))

    def remove(self, model: str, name: str) -> None:
        _answer(self.busy)
        deployment = self._endpoints.get(model, {}).get(name)
        if deployment and deployment.share:
            raise TrafficMoved(f"{name} has {deployment.share} percent of the traffic", next="move it away first")
        self._endpoints.get(model, {}).pop(name, None)

    def follow(self, model: str, serves: Following) -> None:
        _answer(self.busy)
        self.followed.pop(model, None)
        if serves.asks:
            self.followed[model] = serves

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        """Answers 200 and repeats the body; without a pin the deployment with the largest share answers."""
        _answer(self.busy)
        serving = self._endpoints.get(model, {})
        with_traffic = [d for d in serving.values() if d.share]
        chosen = serving.get(deployment) if deployment else max(with_traffic, key=lambda d: d.share, default=None)
        if chosen is None:
            return Scored(404, "no such deployment, or no traffic", "", deployment, 0.0)
        self.count(model, chosen.name, requests=1)
        return Scored(200, body, chosen.version, chosen.name, 0.0)

    def count(self, model: str, name: str, *, requests: int, errors: int = 0) -> None:
        """Let a deployment have answered so many more requests, so many of them with an error."""
        seen = self._endpoints[model][name]
        counted = replace(seen, requests=seen.requests + requests, errors=seen.errors + errors)
        self._endpoints[model][name] = counted

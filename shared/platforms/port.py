"""What Baton needs from an ML platform: three small roles, named by what they do.

An adapter implements them with its platform's own uniqueness: every `start`, `register` and
`deploy` is a get-or-create under a name that Baton chose, so a repeat after a crash finds the
first one. No call waits for a long operation; `look` says how far it is. A call that cannot reach
the platform raises `PlatformBusy` (retryable) and never answers "nothing there".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from shared.platforms.following import Following

RunStatus = Literal["queued", "running", "completed", "failed", "canceled"]
DeploymentState = Literal["starting", "healthy", "failed"]
TRACE_TAG = "baton.trace"  # of a run or version: the traceparent of the command that asked for it


@dataclass(frozen=True, slots=True)
class Sweep:
    """A search whose trials are jobs of the platform's own, at most `trials` and `jobs` at once, for `seconds` in all.

    `space` has a dimension for each parameter that is tried, in the words of model.yaml.
    """

    space: Mapping[str, str]
    sampler: Literal["bayesian", "random"]
    seed: int
    goal: Literal["minimize", "maximize"]
    trials: int
    jobs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to start. `run_id` is its identity; a second request with the same id is the same run.

    `folder` is the hash of the published model folder, `inputs` name what the run reads (see
    `shared/runs`), `parameters` are passed to the entry as `--name value`. A platform that has sweep jobs makes a `sweep`
    under the run's id, and `max_seconds` are those of a trial; another takes no notice, for the run then searches itself.
    """

    run_id: str
    model: str
    step: Literal["train", "judge", "certify", "check", "reproduce"]
    folder: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    max_seconds: float = 600.0
    max_memory_mb: int = 2048
    sweep: Sweep | None = None

    def environment(self) -> dict[str, str]:
        """The run's place in its release's trace, as OpenTelemetry reads it from the environment: TRACEPARENT, if there is one."""
        trace = self.tags.get(TRACE_TAG, "")
        return {"TRACEPARENT": trace} if trace else {}

    def document(self) -> dict[str, object]:
        """The request as the run itself gets it, for JSON: a run sees no sweep, it is one or a trial of one."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "sweep"}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class RunSeen:
    """What the platform says of a run. `result` is the run's own result document, empty until it completed."""

    run_id: str
    status: RunStatus
    reason: str = ""
    result: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A registered model version: `version` as text, where its files are, and its tags."""

    model: str
    version: str
    source: str
    tags: Mapping[str, str]
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of an endpoint. `share` is percent of traffic; counts are since it began to serve."""

    name: str
    version: str
    state: DeploymentState
    share: int
    requests: int = 0
    errors: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSeen:
    """What serves now, as the endpoint itself says. Shares of all deployments sum to 100, or to 0 before first traffic."""

    model: str
    deployments: tuple[Deployment, ...]

    @property
    def split(self) -> dict[str, int]:
        """Deployment name to percent, without the zeros: what `set_traffic` expects and sets."""
        return {d.name: d.share for d in self.deployments if d.share > 0}


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """A deployment to make, with no traffic. `folder` is the hash of the published folder whose score.py serves; `collect`
    says that a monitor of the platform's will want what score.py was asked and answered.
    """

    model: str
    name: str
    version: str
    folder: str
    collect: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """An endpoint's answer to one request; `version` is the one that the answer's header names."""

    status: int
    body: str
    version: str
    deployment: str
    seconds: float


class Trainer(Protocol):
    """Starts runs and says how far they are."""

    def start(self, request: RunRequest) -> None:
        """Start the run, or find it: exactly one run comes to be for a run id, however often and from wherever this is called.

        `CapacityRefused` where there is no room for a new one now.
        """
        ...

    def look(self, run_id: str) -> RunSeen | None:
        """The run's state; None only if the platform says that there is no such run."""
        ...

    def cancel(self, run_id: str) -> None:
        """Stop the run if it still goes; a run that ended or never was is left alone."""
        ...


class Registry(Protocol):
    """Holds model versions."""

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        """Register the model that a training run made; return the version. Get-or-create under the tag `baton.run_id`."""
        ...

    def version(self, model: str, version: str) -> VersionSeen | None:
        """One version; None only if the registry says that there is none."""
        ...

    def versions(self, model: str) -> tuple[VersionSeen, ...]:
        """All versions, oldest first."""
        ...

    def fetch(self, model: str, version: str, into: Path) -> None:
        """Copy the version's files into an empty or missing folder `into`. Safe to repeat."""
        ...

    def champion(self, model: str, *, serving: str) -> str:
        """The version that the registry names as champion; "" only if it says that it names none.

        `serving` is read by itself: a list may lag behind what was written about it.
        """
        ...

    def name_champion(self, model: str, version: str, *, since: datetime) -> None:
        """Name this version as champion since then (aware), instead of the one that is named. Safe to repeat."""
        ...


class Endpoints(Protocol):
    """Deploys versions and splits traffic between them."""

    def deploy(self, request: DeployRequest) -> None:
        """Begin the deployment with no traffic, or find it under its name; `look` says when it is healthy. Never touches traffic."""
        ...

    def look(self, model: str) -> EndpointSeen | None:
        """What serves now; None only if the platform says that there is no such endpoint."""
        ...

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        """Set the whole split if it is `expected` now (or already `split`); else raise `TrafficMoved`.

        Percent, summing to 100; an empty split takes all traffic away, as before the first one was set.
        """
        ...

    def remove(self, model: str, name: str) -> None:
        """Remove a deployment that has no traffic; one that is gone is fine, one with traffic raises `TrafficMoved`."""
        ...

    def follow(self, model: str, serves: Following) -> None:
        """Have the model's monitor and batch endpoint on what serves, or have none: the same state again, however often.

        `Permanent` where one is asked for that the platform cannot keep. An error of one keeps no other from following.
        """
        ...

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        """Score one request (JSON text), pinned to a deployment if named. An HTTP error status is an answer, not an exception."""
        ...


CARRIED_TAG = "baton.carried"


class Carrier(Protocol):
    """Carries versions between installations through a registry that both reach. On the way nothing is trained or changed."""

    def share(self, model: str, version: str, label: str) -> None:
        """Put a version of this installation in the shared registry under a label, or find what has the label: it stays as it is."""
        ...

    def fetch(self, model: str, label: str, into: Path) -> None:
        """Copy what is shared under a label into an empty or missing folder; `Permanent` if nothing is."""
        ...

    def receive(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
        """Register a folder's files as a version here, and return it. Get-or-create under the tag `baton.carried`."""
        ...

"""The demo's story where the ML platform is somewhere else: what the stories on Azure ML have in common.

A story is told by the API, as ever; what touches the platform itself is each story's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from local import stack
from local.demo.following import FOLDER, MODEL
from local.demo.story import Story
from local.demo.telling import Telling
from local.topic import WorkspaceTopic
from tests.patient import Caller, Unhurried, without_haste
from tests.wire.azureml_machines import ENVIRONMENTS
from tests.wire.server import WireServer

EVENTS = "Microsoft.MachineLearningServices"
PARTS = ("publish", "first_model", "better_model", "worse_model", "broken_file", "by_hand", "drift", "roll_back")
STATES = {"0001": "replaced", "0002": "rolled back", "0003": "held", "0004": "held", "0005": "held"}


class Patient(Unhurried):
    """Waits no longer once the fake has failed."""

    def __init__(self, wire: WireServer) -> None:
        super().__init__()
        self._wire = wire

    def until(self, look: Any, what: str, *, within_seconds: float = 120.0) -> Any:
        def looked() -> Any:
            assert not self._wire.unknown, self._wire.unknown
            assert not self._wire.broken, self._wire.broken
            return look()

        return super().until(looked, what, within_seconds=within_seconds)


class Consumer(Caller):
    """Asks the platform's endpoint itself, as each story's own says."""

    def __init__(self, env: dict[str, str], fake: Any) -> None:
        super().__init__(env, "operations")
        self.fake = fake


class Played(Story):
    """The story, where it touches the platform itself; `parts` are told, and the releases end in `states`."""

    consumer: ClassVar[type[Consumer]]
    parts: ClassVar[tuple[str, ...]] = PARTS
    states: ClassVar[Mapping[str, str]] = STATES

    def __post_init__(self) -> None:
        self.engineer, self.scientist, self.operations = (
            Caller(self.env, user) for user in ("data-engineer", "data-scientist", "operations")
        )
        self.topic = WorkspaceTopic(self.env["BATON_WORKSPACE_TOPIC"], self.env["BATON_TOPIC_KEY"])

    def with_workspace(self, fake: Any) -> Self:
        self.fake = fake
        self.operations = self.consumer(self.env, fake)
        return self

    def drift(self) -> None:
        """A monitor of the workspace raises its event."""
        run, monitor = str(uuid.uuid4()), str(uuid.uuid4())
        data = {
            "DataDriftId": monitor, "DataDriftName": MODEL, "RunId": run, "BaseDatasetId": "b", "TargetDatasetId": "t",
            "DriftCoefficient": 0.83, "StartTime": "2026-11-22T00:00:00+00:00", "EndTime": "2026-11-23T00:00:00+00:00",
        }  # fmt: skip
        self.topic.publish(f"datadrifts/{monitor}/runs/{run}", f"{EVENTS}.DatasetDriftDetected", data, run)
        release = self.caused_by("drift", "held", "failed", "awaiting approval")
        self.tell.step(f"a drift alert opened {release['id']}", release["why"])

    def play(self) -> None:
        """Every part, and what the ledger says at the end."""
        for part in self.parts:
            self.tell.begin(part)
            getattr(self, part)()
        self.tell.until(self._states_as_told, f"the releases end as {self.states}")

    def _states_as_told(self) -> bool | None:
        """Whether the ledger has it: traffic moves a moment before its outcome is committed."""
        releases = self.operations.get(f"/api/models/{MODEL}")["releases"]
        states = {each["id"].removeprefix(f"{MODEL}-"): each["state"] for each in releases}
        return True if {name: states.get(name) for name in self.states} == self.states else None


@contextmanager
def laptop(home: Path, tell: Telling, settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """The rest of Baton on this machine, its platform by these settings; yields the environment that all parts share."""
    (home / "home").mkdir(parents=True, exist_ok=True)
    (home / "files").mkdir(exist_ok=True)
    (home / "envs").symlink_to(ENVIRONMENTS / "envs")
    with stack.running(
        home, lambda name, seconds: tell.step(f"{name} answers", seconds=seconds), extra=settings
    ) as running:
        yield running.env


def model_folder(into: Path) -> Path:
    """The example's folder, whose rules say nothing of speed: the machine has other things to do."""
    return without_haste(FOLDER, into)

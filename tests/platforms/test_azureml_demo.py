"""The whole main job on Azure ML through SDK v1: the demo's story, with nothing faked but the service's wire.

Real are the functions host, Azurite, Event Grid's emulator, azureml-core on both sides (the app and its runs), the
uploads over TLS, the token endpoint of a managed identity as Functions offers it, train.py and the evaluation as
processes, and Microsoft's inference server under our entry script.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local import stack
from local.client import Answer, Client
from local.demo.story import FOLDER, MODEL, Story
from local.demo.telling import Telling
from local.topic import WorkspaceTopic
from shared.settings import LOCAL_WORKSPACE
from tests.wire.authority import Authority
from tests.wire.azureml import FakeAzureML
from tests.wire.azureml_machines import ENVIRONMENTS, Cluster, Servers, end

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]
EVENTS = "Microsoft.MachineLearningServices"


class Consumer(Client):
    """Asks the AKS endpoint itself, with its key."""

    def __init__(self, env: dict[str, str], user: str, fake: FakeAzureML) -> None:
        super().__init__(env, user)
        self._fake = fake

    def score(self, model: str, body: str, *, deployment: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {self._fake.services.keys[model]}", "Content-Type": "application/json"}
        said = requests.post(self._fake.services.found[model]["scoringUri"], data=body, headers=headers, timeout=60)
        named = (said.headers.get(f"x-baton-{part}", "") for part in ("version", "deployment"))
        return Answer(said.status_code, said.text, *named)


class OnAzureML(Story):
    """The story, where it touches the platform itself."""

    def with_workspace(self, fake: FakeAzureML, topic: WorkspaceTopic) -> OnAzureML:
        self.fake, self.topic = fake, topic
        self.operations = Consumer(self.env, "operations", fake)
        return self

    def _register_by_hand(self) -> str:
        """What somebody trained on the first patients, registered by a client of their own."""
        first = f"{MODEL}-0001-t-1"
        prefix = f"ExperimentRun/dcid.{first}/outputs/model"
        with self.fake.wire.lock:
            return self.fake.models.register(MODEL, prefix)

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


class Patient(Telling):
    """Waits as long as a machine takes that has other things to do, and no longer once the fake has failed."""

    def __init__(self, fake: FakeAzureML) -> None:
        super().__init__()
        self._wire = fake.wire

    def until(self, look: Any, what: str, *, within_seconds: float = 120.0) -> Any:
        def looked() -> Any:
            assert not self._wire.unknown, self._wire.unknown
            assert not self._wire.broken, self._wire.broken
            return look()

        patience = float(os.environ.get("BATON_PATIENCE", "300"))
        return super().until(looked, what, within_seconds=max(within_seconds, patience))


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeAzureML]:
    with FakeAzureML(Authority(tmp_path)).running() as fake:
        fake.scope = LOCAL_WORKSPACE
        yield fake


def settings(fake: FakeAzureML, home: Path) -> dict[str, str]:
    """The app's settings as the Bicep gives them, with the identity's endpoint and the proxy that is the fake."""
    return {
        "BATON_PLATFORM": "azureml", "BATON_WORKSPACE_SOURCE": LOCAL_WORKSPACE, "BATON_COMPUTE": "cpu", "BATON_AKS": "aks",
        "BATON_SCORING_LOGS": "a-1", "IDENTITY_ENDPOINT": f"{fake.wire.url}/msi/token", "IDENTITY_HEADER": "known",
        "HOME": str(home / "home"), **fake.wire.environment,
    }  # fmt: skip


def test_the_main_job_runs_on_azureml(fake: FakeAzureML, tmp_path: Path) -> None:
    home = tmp_path / "baton"
    (home / "home").mkdir(parents=True)
    (home / "envs").symlink_to(ENVIRONMENTS / "envs")
    tell = Patient(fake)
    with stack.running(
        home, lambda name, seconds: tell.step(f"{name} answers", seconds=seconds), extra=settings(fake, home)
    ) as running:
        topic = WorkspaceTopic(running.env["BATON_WORKSPACE_TOPIC"], running.env["BATON_TOPIC_KEY"])
        cluster = Cluster(fake, home / "cluster", topic)
        servers = Servers(fake, home / "aks")
        try:
            (home / "files").mkdir()
            story = OnAzureML(running.env, home / "files", tell, source=model_folder(tmp_path))
            play(story.with_workspace(fake, topic))
        finally:
            for process in [*cluster.processes, *servers.processes.values()]:
                end(process)
    assert [model["version"] for model in fake.models.found.values()] == list(range(1, len(fake.models.found) + 1))
    assert len(fake.begun) == len(set(fake.begun))
    assert {run["status"] for run in fake.runs.values()} == {"Completed"}


def model_folder(into: Path) -> Path:
    """The example's folder, whose certificate says nothing of speed: the machine has other things to do."""
    folder = Path(shutil.copytree(FOLDER, into / MODEL))
    spec = folder / "model.yaml"
    spec.write_text(spec.read_text().replace("p95_ms: 500, start_seconds: 60", "p95_ms: 60000, start_seconds: 300"))
    return folder


def play(story: OnAzureML) -> None:
    for part in (
        "publish",
        "first_model",
        "better_model",
        "worse_model",
        "broken_file",
        "by_hand",
        "drift",
        "roll_back",
    ):
        story.tell.begin(part)
        getattr(story, part)()
    states = {each["id"]: each["state"] for each in story.operations.get(f"/api/models/{MODEL}")["releases"]}
    assert {name: states[name] for name in sorted(states)[:5]} == {
        f"{MODEL}-0001": "replaced",
        f"{MODEL}-0002": "rolled back",
        f"{MODEL}-0003": "held",
        f"{MODEL}-0004": "held",
        f"{MODEL}-0005": "held",
    }

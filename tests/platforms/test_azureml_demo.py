"""The whole main job on Azure ML through SDK v1: the demo's story, with nothing faked but the service's wire.

Real are the functions host, Azurite, Event Grid's emulator, azureml-core on both sides (the app and its runs), the
uploads over TLS, the token endpoint of a managed identity as Functions offers it, train.py and the evaluation as
processes, and Microsoft's inference server under our entry script.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.client import Answer
from local.demo.following import MODEL
from local.topic import WorkspaceTopic
from shared.settings import LOCAL_WORKSPACE
from tests.platforms.played import Consumer, Patient, Played, laptop, model_folder
from tests.wire.authority import Authority
from tests.wire.azureml import FakeAzureML
from tests.wire.azureml_machines import Cluster, Servers

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]


class AzureMLConsumer(Consumer):
    """Asks the AKS endpoint itself, with its key."""

    fake: FakeAzureML

    def score(self, model: str, body: str, *, deployment: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {self.fake.services.keys[model]}", "Content-Type": "application/json"}
        said = requests.post(self.fake.services.found[model]["scoringUri"], data=body, headers=headers, timeout=60)
        named = (said.headers.get(f"x-baton-{part}", "") for part in ("version", "deployment"))
        return Answer(said.status_code, said.text, *named)


class OnAzureML(Played):
    """The story with SDK v1."""

    fake: FakeAzureML
    consumer = AzureMLConsumer

    def _register_by_hand(self) -> str:
        """What somebody trained on the first patients, registered by a client of their own."""
        with self.fake.wire.lock:
            return self.fake.models.register(MODEL, f"ExperimentRun/dcid.{MODEL}-0001-t-1/outputs/model")


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
    home, tell = tmp_path / "baton", Patient(fake.wire)
    servers = Servers(fake, home / "aks")
    try:
        with laptop(home, tell, settings(fake, home)) as env:
            topic = WorkspaceTopic(env["BATON_WORKSPACE_TOPIC"], env["BATON_TOPIC_KEY"])
            cluster = Cluster(fake, home / "cluster", topic)
            try:
                OnAzureML(env, home / "files", tell, source=model_folder(tmp_path)).with_workspace(fake).play()
            finally:
                cluster.runs.end()
    finally:
        servers.end()  # once nobody asks for them any more
    assert [model["version"] for model in fake.models.found.values()] == list(range(1, len(fake.models.found) + 1))
    assert len(fake.begun) == len(set(fake.begun))
    assert {run["status"] for run in fake.runs.values()} == {"Completed"}

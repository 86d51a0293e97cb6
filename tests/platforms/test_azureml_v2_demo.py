"""The whole main job on Azure ML through SDK v2: the same story as on SDK v1, on managed endpoints.

Real are the functions host, Azurite, Event Grid's emulator, azure-ai-ml in the app and azureml-core in its jobs, both over
TLS under the services' own names, the identity's token endpoint, train.py and the evaluation, and the inference server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.client import Answer
from local.demo.following import MODEL
from local.topic import WorkspaceTopic
from tests.platforms.played import Consumer, Patient, Played, laptop, model_folder
from tests.wire.authority import Authority
from tests.wire.azureml import SCOPE
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_machines import Jobs, ManagedServers, RunsSide, runs_side
from tests.wire.azureml_v2_models import WHERE

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]


class AzureMLV2Consumer(Consumer):
    """Asks the managed endpoint itself, with a token for scoring."""

    fake: FakeAzureMLV2

    def __init__(self, env: dict[str, str], fake: FakeAzureMLV2) -> None:
        super().__init__(env, fake)
        self._session = requests.Session()
        self._session.trust_env = False  # a machine's own REQUESTS_CA_BUNDLE would count for more than `verify`
        self._session.proxies = {"https": fake.wire.url}
        assert fake.wire.authority
        self._session.verify = str(fake.wire.authority.bundle)

    def score(self, model: str, body: str, *, deployment: str = "") -> Answer:
        with self.fake.wire.lock:
            ((uri),) = [one["properties"]["scoringUri"] for one in self.fake.endpoints.endpoints.values()]
            token, _ = self.fake.fetch("https://ml.azure.com/.default")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        said = self._session.post(uri, data=body, headers=headers, timeout=60)
        version, by = said.headers.get("x-baton-version", ""), said.headers.get("azureml-model-deployment", "")
        return Answer(said.status_code, said.text, version, by)


class OnAzureMLV2(Played):
    """The story with SDK v2."""

    fake: FakeAzureMLV2
    consumer = AzureMLV2Consumer

    def _register_by_hand(self) -> str:
        """What somebody trained on the first patients, registered by a client of their own."""
        place = f"azureml://{WHERE}/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{MODEL}-0001-t-1"
        with self.fake.wire.lock:
            return self.fake.models.register(MODEL, f"{place}/outputs/model")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def fake(authority: Authority) -> Iterator[FakeAzureMLV2]:
    with FakeAzureMLV2(authority).running() as fake:
        fake.operation_seconds = 1.0
        yield fake


@pytest.fixture
def side(fake: FakeAzureMLV2, authority: Authority) -> Iterator[RunsSide]:
    with runs_side(fake, authority) as side:
        yield side


def settings(fake: FakeAzureMLV2, home: Path) -> dict[str, str]:
    """The app's settings as the Bicep gives them, with the identity's endpoint and the proxy that is the fake."""
    return {
        "BATON_PLATFORM": "azureml_v2", "BATON_WORKSPACE_SOURCE": SCOPE, "BATON_COMPUTE": "cpu",
        "IDENTITY_ENDPOINT": f"{fake.wire.url}/MSI/token", "IDENTITY_HEADER": "known",
        "HOME": str(home / "home"), **fake.wire.environment,
    }  # fmt: skip


def test_the_main_job_runs_on_azureml_v2(fake: FakeAzureMLV2, side: RunsSide, tmp_path: Path) -> None:
    home, tell = tmp_path / "baton", Patient(fake.wire)
    servers = ManagedServers(fake, home / "managed")
    try:
        with laptop(home, tell, settings(fake, home)) as env:
            topic = WorkspaceTopic(env["BATON_WORKSPACE_TOPIC"], env["BATON_TOPIC_KEY"])
            jobs = Jobs(fake, side, home / "cluster", topic)
            try:
                OnAzureMLV2(env, home / "files", tell, source=model_folder(tmp_path)).with_workspace(fake).play()
            finally:
                jobs.end()
    finally:
        servers.end()  # once nobody asks for them any more
    versions = sorted(int(version) for model, version in fake.models.found if model == MODEL)
    assert versions == list(range(1, len(versions) + 1))
    assert len(fake.begun) == len(set(fake.begun))
    assert {job["properties"]["status"] for job in fake.jobs.values()} == {"Completed"}

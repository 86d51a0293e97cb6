"""azureml-core itself, against a server that speaks Azure ML's wire: endpoints on AKS, and the traps of serving."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.platforms.azureml_endpoints import AzureMLEndpoints
from shared.platforms.azureml_service import Service
from shared.platforms.port import Endpoints
from tests.contracts.test_endpoints_contract import EndpointsContract
from tests.wire.authority import Authority
from tests.wire.azureml import PATIENCE, FakeAzureML
from tests.wire.azureml_services import SaidByTheFake

BODY = '{"data": [{"x": 1}]}'


class AzureMLEndpointsBench:
    model, folder, body = "pulse", "f" * 16, BODY

    def __init__(self, fake: FakeAzureML) -> None:
        self.fake = fake
        for _ in range(2):
            fake.models.register(self.model, "ExperimentRun/dcid.r/outputs/model")
        said = fake.services.serving
        assert isinstance(said, SaidByTheFake)
        self.endpoints = AzureMLEndpoints(Service(fake.connect, seconds=PATIENCE), published, "aks", counts=said.counts)

    def unreachable(self) -> Endpoints:
        self.fake.wire.fail("GET", "/services/", 503, times=99)
        return self.endpoints


def published(_model: str, _folder: str, into: Path) -> None:
    """A model folder, as far as serving needs it."""
    (into / "score.py").write_text("def init(): ...\ndef run(data): return [1.0]\n")
    (into / "requirements.txt").write_text("numpy==2.3.1\nmlflow-skinny==3.17.2\n")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeAzureML]:
    with FakeAzureML(Authority(tmp_path)).running() as fake:
        before = dict(os.environ)
        os.environ.update(fake.wire.environment)
        yield fake
        os.environ.clear()
        os.environ.update(before)


class TestAzureMLEndpoints(EndpointsContract):
    @pytest.fixture
    def bench(self, fake: FakeAzureML) -> AzureMLEndpointsBench:
        return AzureMLEndpointsBench(fake)

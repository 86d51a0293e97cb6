"""azureml-core itself, against a server that speaks Azure ML's wire: endpoints on AKS, and the traps of serving."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from shared.platforms.azureml_endpoints import AzureMLEndpoints, Counts, Folders
from shared.platforms.azureml_service import Service
from shared.platforms.port import Endpoints
from tests.contracts.test_endpoints_contract import EndpointsContract
from tests.wire.authority import Authority
from tests.wire.azureml import PATIENCE, FakeAzureML
from tests.wire.azureml_services import SaidByTheFake

BODY = '{"data": [{"x": 1}]}'


E = TypeVar("E", bound=Endpoints)


class ServicesBench(Generic[E]):
    """Two versions of a model to serve through SDK v1."""

    folder, body = "f" * 16, BODY

    def __init__(self, fake: FakeAzureML, model: str = "pulse") -> None:
        self.fake, self.model = fake, model
        for _ in range(2):
            fake.models.register(model, "ExperimentRun/dcid.r/outputs/model")
        said = fake.services.serving
        assert isinstance(said, SaidByTheFake)
        self.endpoints = self.adapter(published, said.counts)

    def adapter(self, folders: Folders, counts: Counts) -> E:
        raise NotImplementedError

    def unreachable(self) -> Endpoints:
        self.fake.wire.fail("GET", "/services/", 503, times=99)
        return self.endpoints


class AzureMLEndpointsBench(ServicesBench[AzureMLEndpoints]):
    def adapter(self, folders: Folders, counts: Counts) -> AzureMLEndpoints:
        return AzureMLEndpoints(Service(self.fake.connect, seconds=PATIENCE), folders, "aks", counts=counts)


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

"""The SDKs of Azure ML: a home folder of the tests' own, and servers that they find behind the services' own names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mlflow_server import mlflow_server
from tests.wire.authority import Authority
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.databricks import FakeDatabricks


@pytest.fixture(scope="session", autouse=True)
def home_of_the_sdk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set before anything imports azureml-core, which reads it once and keeps there what it discovered."""
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs for every host, so that each test need not make its certificates anew."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One MLflow for all tests of a module; each takes a model name of its own."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def azureml_v2(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzureMLV2]:
    """A workspace that azure-ai-ml finds where it looks for it: the environment names the server as its proxy."""
    with FakeAzureMLV2(authority).running() as fake:
        for name, value in fake.wire.environment.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def databricks() -> Iterator[FakeDatabricks]:
    with FakeDatabricks().running() as fake:
        yield fake


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that a run is sent along with."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "step.py").write_text("print(1)\n")
    return folder

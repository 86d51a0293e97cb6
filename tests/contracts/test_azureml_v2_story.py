"""The main job through SDK v2, on a managed endpoint: run, registry and endpoint are azure-ai-ml against the wire.

What a run on the compute would find out is scripted, its files are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_endpoints import AzureMLV2Endpoints
from shared.platforms.azureml_v2_registry import AzureMLV2Registry
from shared.platforms.port import RunRequest
from tests.contracts.story import Scripted, Story, StoryContract
from tests.contracts.test_azureml_v2_endpoints import publish
from tests.wire.azureml_v2 import FakeAzureMLV2


class Jobs(AzureMLV2Trainer):
    """The trainer, with what the world asks of one that it scripts."""

    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        super().__init__(fake.service(), Job("cpu", lambda: source), pause=lambda _seconds: None)
        self._fake = fake

    @property
    def started(self) -> tuple[RunRequest, ...]:
        return tuple(RunRequest(**request) for request in self._fake.requests.values())


class AzureMLV2Story(Story):
    def __init__(self, fake: FakeAzureMLV2, source: Path, home: Path) -> None:
        self.fake, self.scripted = fake, Scripted()
        fake.ends, fake.operation_seconds = self._ends, 0.0
        adapters = {
            "trainer": Jobs(fake, source),
            "registry": AzureMLV2Registry(fake.service()),
            "endpoints": AzureMLV2Endpoints(fake.service(), publish),
        }
        super().__init__(home, adapters)

    def better(self) -> None:
        self.scripted.better()

    def _ends(self, request: Mapping[str, str]) -> Mapping[str, bytes]:
        return {f"outputs/{name}": content for name, content in self.scripted.files(request["step"]).items()}

    @property
    def traffic(self) -> Mapping[str, int]:
        (endpoint,) = self.fake.endpoints.endpoints.values()
        traffic: Mapping[str, int] = endpoint["properties"]["traffic"]
        return traffic


class TestAzureMLV2Story(StoryContract):
    @pytest.fixture
    def story(self, azureml_v2: FakeAzureMLV2, source: Path, tmp_path: Path) -> AzureMLV2Story:
        return AzureMLV2Story(azureml_v2, source, tmp_path / "home")

    def test_each_step_is_begun_once_and_the_version_names_its_run(self, story: AzureMLV2Story) -> None:
        story.goes("rows", "live")
        assert story.fake.begun == ["m-0001-t-1", "m-0001-j-1", "m-0001-c-1"]
        assert story.fake.models.found["m", "1"]["properties"]["tags"]["baton.run_id"] == "m-0001-t-1"

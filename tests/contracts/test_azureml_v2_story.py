"""The main job through SDK v2: a drop goes live on a managed endpoint, a better one replaces it, and it is rolled back.

The whole chain runs as it does in unit tests, in memory; run, registry and endpoint are azure-ai-ml against the wire.
What a run on the compute would find out is scripted, its files are not.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from shared import events
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_endpoints import AzureMLV2Endpoints
from shared.platforms.azureml_v2_registry import AzureMLV2Registry
from shared.platforms.port import RunRequest
from shared.runs.model_files import model_files
from tests.contracts.test_azureml_v2_endpoints import publish
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.world import CERTIFIED, TRAINED, World, evidence

MODEL = {"model.json": b'{"alpha": 1}'}


class Jobs(AzureMLV2Trainer):
    """The trainer, with what the world asks of one that it scripts."""

    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        super().__init__(fake.service(), Job("cpu", lambda: source), pause=lambda _seconds: None)
        self._fake = fake

    @property
    def started(self) -> tuple[RunRequest, ...]:
        return tuple(RunRequest(**request) for request in self._fake.requests.values())


def sha256() -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in MODEL.items():
            (Path(folder) / name).write_bytes(content)
        return model_files(Path(folder)).sha256


class Story:
    """A world whose platform is SDK v2; `results` is what a run of each step finds out."""

    def __init__(self, fake: FakeAzureMLV2, source: Path, home: Path) -> None:
        self.fake = fake
        self.results: dict[str, Mapping[str, object]] = {
            "train": TRAINED.result,
            "judge": evidence(3000.0).result,
            "certify": {**CERTIFIED.result, "model_sha256": sha256()},
        }
        fake.ends, fake.operation_seconds = self._ends, 0.0
        self.world = World(home)
        self.world.trainer = Jobs(fake, source)  # type: ignore[assignment]
        self.world.registry = AzureMLV2Registry(fake.service())  # type: ignore[assignment]
        self.world.endpoints = AzureMLV2Endpoints(fake.service(), publish)  # type: ignore[assignment]
        self.world.restart()
        self.world.publish()
        self.world.settle()

    def _ends(self, request: Mapping[str, str]) -> Mapping[str, bytes]:
        made = MODEL if request["step"] == "train" else {}
        files = {f"outputs/model/{name}": content for name, content in made.items()}
        return {**files, "outputs/result.json": json.dumps(self.results[request["step"]]).encode()}

    def goes_live(self, content: str) -> str:
        """Drop, let it go until a person is asked, approve, and roll out; returns the release."""
        self.world.drop(content)
        self.until(lambda: bool(self.world.head().shipping))
        release = self.world.head().shipping
        self.world.decide(release)
        self.until(lambda: self.world.release(release).state == "live")
        return release

    def until(self, true: Callable[[], bool]) -> None:
        for _ in range(20):
            if true():
                return
            self.world.wait(timedelta(seconds=30))
        raise AssertionError(self.world.states())

    @property
    def traffic(self) -> Mapping[str, int]:
        """As the service has it."""
        (endpoint,) = self.fake.endpoints.endpoints.values()
        traffic: Mapping[str, int] = endpoint["properties"]["traffic"]
        return traffic


def test_a_drop_goes_live_a_better_one_replaces_it_and_it_is_rolled_back(
    azureml_v2: FakeAzureMLV2, source: Path, tmp_path: Path
) -> None:
    story = Story(azureml_v2, source, tmp_path / "home")
    assert story.goes_live("rows") == "m-0001"
    assert azureml_v2.begun == ["m-0001-t-1", "m-0001-j-1", "m-0001-c-1"]
    assert azureml_v2.models.found["m", "1"]["properties"]["tags"]["baton.run_id"] == "m-0001-t-1"
    assert story.traffic == {"m-0001": 100}

    story.results["judge"] = evidence(2500.0, 3000.0).result
    assert story.goes_live("more rows") == "m-0002"
    assert story.traffic == {"m-0002": 100}
    assert story.world.states() == {"m-0001": "replaced", "m-0002": "live"}

    story.world.ask(events.RollbackRequested)
    story.until(lambda: story.traffic == {"m-0001": 100})
